//! One call for every exec mode, for programs whose mode is a setting.

use std::fmt;

use futures_util::{FutureExt, future::BoxFuture};

use super::{
    Exit, Running, StartOptions, StopReport,
    links::{Links, OnRequest},
    terminal::{print, print_error},
};
use crate::{Error, Result, Server, app::ExecMode, http::Invited};

/// The result of a start, by [`ExecMode`].
#[non_exhaustive]
pub enum Started {
    /// [`ExecMode::Main`]: the server has run and stopped.
    Stopped(Exit),
    /// [`ExecMode::Task`]: the server listens.
    Running(Running),
    /// [`ExecMode::Coroutine`]: the server starts when this future is polled; the future ends when
    /// the server has stopped.
    ///
    /// Dropping the future asks the server to stop.
    Coroutine(BoxFuture<'static, Result<StopReport>>),
}

impl fmt::Debug for Started {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Started::Stopped(exit) => f.debug_tuple("Stopped").field(exit).finish(),
            Started::Running(running) => f.debug_tuple("Running").field(&running.url()).finish(),
            Started::Coroutine(_) => f.write_str("Coroutine"),
        }
    }
}

impl Server {
    /// Starts the server in the exec mode of the options, for programs whose mode is a setting.
    ///
    /// Programs with a fixed mode use [`run`](Self::run), [`spawn`](Self::spawn),
    /// [`serve`](Self::serve) or [`run_in`](Self::run_in). In every mode the server can be started
    /// again after it has stopped, and several servers can run at the same time.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> selvedge::Result<()> {
    /// use selvedge::{run::{ExecMode, Started}, Server, StartOptions};
    ///
    /// let options = StartOptions::new().port(0).exec_mode(ExecMode::Task);
    /// match Server::new("doc").start(options).await? {
    ///     Started::Running(running) => drop(running.stop().await?),
    ///     Started::Coroutine(serving) => drop(serving.await?),
    ///     Started::Stopped(exit) => std::process::exit(exit.code),
    ///     _ => {}
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`spawn`](Self::spawn); in `Main` also those of the stop; [`Error::NoShell`] in
    /// `Desktop`, which needs [`run_in`](Self::run_in) and a host.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn start(&self, options: StartOptions) -> Result<Started> {
        match options.exec_mode {
            ExecMode::Main => Ok(Started::Stopped(self.run_until_signal(options).await?)),
            ExecMode::Task => Ok(Started::Running(self.spawn(options).await?)),
            ExecMode::Coroutine => {
                let server = self.clone();
                let serving = async move { server.serve(options).await };
                Ok(Started::Coroutine(serving.boxed()))
            }
            ExecMode::Desktop => Err(Error::NoShell),
        }
    }
}

/// Prints the address of the application and opens the browser, as far as the options say so. The
/// returned value provides further links until it is dropped.
pub(super) fn announce(
    running: &Running,
    name: &str,
    options: &StartOptions,
) -> Result<Option<OnRequest>> {
    let links = Links::of(running);
    let has_page = running.port() != 0 && options.endpoints.http;
    let on_request = has_page.then(|| OnRequest::begin(&links, name, running.port(), options));
    if options.banner {
        print(format_args!("\n{name}, with Selvedge {}", env!("CARGO_PKG_VERSION")));
    }
    if options.show_connection_info {
        print("\nApp running at:");
        for link in links.make(&Invited::Anyone)? {
            print(format_args!(" - {link}"));
        }
        let ways = on_request.iter().flat_map(|on_request| &on_request.ways);
        let ways: String = ways.fold(String::new(), |text, way| text + "; " + way);
        print(format_args!("   (each link signs in one browser, until the program ends{ways})\n"));
        for address in &*running.monitoring {
            print(format_args!("Health and metrics at http://{address}\n"));
        }
        for warning in &*running.warnings {
            print_error(format_args!("warning: {warning}."));
        }
    }
    // If the previous program had signed pages in, its page reconnects without a new browser tab.
    if options.open_browser
        && !running.is_known
        && let Err(error) = open::that_detached(running.sign_in_url()?)
    {
        tracing::info!(%error, "no browser could be opened");
    }
    Ok(on_request)
}
