//! Tests of applications, without sockets, windows or browsers.
//!
//! [`TestApp`] runs a server in the test. [`User`] does what a page does for its user: it changes
//! keys, calls triggers, and follows the state. [`Recording`] repeats what users of the running
//! program did.
//!
//! Messages take the same way as those of a page, over a WebSocket in memory: rules of the state,
//! checks, the order of changes and errors are those of production.
//!
//! Needs the Cargo feature `testing`. Add it for tests only:
//!
//! ```toml
//! [dev-dependencies]
//! selvedge = { version = "0.1", features = ["testing"] }
//! tokio = { version = "1", features = ["macros", "rt"] }
//! ```
//!
//! ```
//! use selvedge::{Ctx, Server, testing::{Result, TestApp}};
//!
//! fn app() -> Server {
//!     let server = Server::new("counter");
//!     server.state().set("count", 0);
//!     server.on_change("count", |cx: Ctx, count: i64| cx.set("doubled", count * 2));
//!     server.trigger("add", |cx: Ctx, by: i64| cx.state().update("count", |count: &mut i64| *count += by));
//!     server
//! }
//!
//! # async fn on_each_page() -> Result {
//! let app = TestApp::start(&app()).await?;
//! let (user, other) = (app.user().await?, app.user().await?);
//! user.set("count", 3).await?;
//! user.trigger("add", [2]).await?;
//! assert_eq!(user.get::<i64>("doubled")?, 10);
//! other.wait_for("count", |count: &i64| *count == 5).await?;
//! app.stop().await
//! # }
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(on_each_page()).unwrap();
//! ```

mod app;
mod dialogs;
mod error;
mod page;
mod page_calls;
mod recording;
mod script;
mod user;

pub use app::TestApp;
pub use dialogs::{ShownDialog, TestDialogs};
pub use error::{Difference, Error, Result};
pub use page::Page;
pub use page_calls::PageCall;
pub use recording::Recording;
pub use user::User;
