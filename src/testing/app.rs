//! An application that runs in a test.

use std::{fmt, sync::Arc};

use selvedge_websocket::{Connection, Message, Options, Role};
use selvedge_wslink::client::Client;
use tokio::task::JoinHandle;

use super::{Page, Result, TestDialogs, User};
use crate::{
    Running, Server, StartOptions,
    app::Backend,
    http::Invited,
    protocol::Bearer,
    rooms,
    run::{FrameSink, FrameStream},
};

/// Maximum size in bytes of a message, the same as behind a socket.
const MAX_MESSAGE: usize = 1 << 30;

/// Size in bytes of the buffers between a user and the server.
const BUFFER: usize = 64 << 10;

/// An application that runs in a test, without sockets. See [`testing`](crate::testing).
///
/// Its users sit at a window of the application, so that dialogs are native ones, which the test
/// answers through [`dialogs`](Self::dialogs). Uploads and downloads over HTTP are not available.
pub struct TestApp {
    server: Server,
    running: Arc<Running>,
    dialogs: TestDialogs,
}

impl fmt::Debug for TestApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestApp").field("server", &self.server).finish_non_exhaustive()
    }
}

impl TestApp {
    /// Starts an application. It has started when this returns: its hooks on `ServerReady` have run.
    ///
    /// # Errors
    /// Those of [`Server::spawn`].
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn start(server: &Server) -> Result<Self> {
        Self::start_with(server, StartOptions::new()).await
    }

    /// Starts an application with options, such as [`keep_state`](StartOptions::keep_state). Those
    /// about addresses have no effect.
    ///
    /// # Errors
    /// Those of [`Server::spawn`].
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn start_with(server: &Server, options: StartOptions) -> Result<Self> {
        let dialogs = TestDialogs::default();
        server.set_dialogs(Arc::new(dialogs.clone()));
        let running = server.spawn(options.backend(Backend::Generic)).await?;
        Ok(TestApp { server: server.clone(), running: Arc::new(running), dialogs })
    }

    /// Returns the server, for a look at what users do not see.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Returns the native dialogs: the answers to them, and those that were shown.
    pub fn dialogs(&self) -> &TestDialogs {
        &self.dialogs
    }

    /// Opens a page. The user has the state when this returns, and the hooks on
    /// [`ClientConnected`](crate::Lifecycle::ClientConnected) have run.
    ///
    /// # Errors
    /// [`Error::NotRunning`](crate::Error::NotRunning) if the application has stopped.
    pub async fn user(&self) -> Result<User> {
        let user = self.unannounced_user().await?;
        user.announce("client_connected").await?;
        Ok(user)
    }

    /// Opens a page like [`user`](Self::user) in the browser of a user who has signed in with this
    /// name, for applications that look at [`Ctx::user`](crate::Ctx::user) or decide with
    /// [`Server::admit`] who may enter. Dialogs are those of browsers.
    ///
    /// ```
    /// use selvedge::{Server, rooms::{Role, User}, testing::TestApp};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> selvedge::testing::Result {
    /// let server = Server::new("doc");
    /// server.state().set("count", 0);
    /// server.admit(|user: &User| Ok(match user.name() {
    ///     Some("Ada") => Role::Editor,
    ///     _ => Role::Viewer,
    /// }));
    /// let app = TestApp::start(&server).await?;
    /// app.user_named("Ada").await?.set("count", 1).await?;
    /// assert!(app.user_named("Bob").await?.set("count", 2).await.is_err());
    /// # app.stop().await
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NotRunning`](crate::Error::NotRunning) if the application has stopped, and an error
    /// with the application's reason if it refuses the user.
    pub async fn user_named(&self, name: &str) -> Result<User> {
        Invited::named(name)?;
        let bearer = Bearer::Browser(rooms::User::named(name.trim()));
        let user = User::open(&self.server, &self.running, bearer).await?;
        user.announce("client_connected").await?;
        Ok(user)
    }

    /// Opens a page that says of itself that it is connected, as recorded pages do.
    pub(super) async fn unannounced_user(&self) -> Result<User> {
        User::open(&self.server, &self.running, Bearer::Window).await
    }

    /// Opens a page and renders its templates, to be read and operated.
    ///
    /// # Errors
    /// [`Error::NotRunning`](crate::Error::NotRunning) if the application has stopped, and
    /// [`Error::Page`](super::Error::Page) if a template cannot be shown.
    pub async fn page(&self) -> Result<Page> {
        self.page_of(self.user().await?).await
    }

    /// Renders the templates for this user.
    ///
    /// # Errors
    /// Those of [`page`](Self::page).
    pub async fn page_of(&self, user: User) -> Result<Page> {
        Page::open(user).await
    }

    /// Stops the application and waits until its tasks have ended.
    ///
    /// # Errors
    /// Those of [`Running::stop`].
    pub async fn stop(self) -> Result {
        self.running.stop().await?;
        Ok(())
    }
}

/// Connects a client over a WebSocket in memory.
///
/// The task ends when the server has forgotten the client.
pub(super) async fn connect(running: &Running, bearer: Bearer) -> Result<(Client, JoinHandle<()>)> {
    let (near, far) = tokio::io::duplex(BUFFER);
    let (sink, stream) = running.connect_as(bearer)?;
    let options = Options::new().max_message_size(MAX_MESSAGE).receive_queue(16, MAX_MESSAGE);
    let far = Connection::over(far, Role::Server, options.clone());
    let carried = tokio::spawn(carry(far, sink, stream));
    let near = Connection::over(near, Role::Client, options);
    // A client inside the program needs no secret.
    let client = Client::over(near, "").await.map_err(crate::Error::from)?;
    Ok((client, carried))
}

/// Carries the messages of one client until one side ends.
async fn carry(client: Connection, mut sink: FrameSink, mut stream: FrameStream) {
    let to_server = async {
        while let Ok(Message::Binary(frame)) = client.receive().await {
            if sink.send(frame).await.is_err() {
                break;
            }
        }
    };
    let to_client = async {
        while let Some(frame) = stream.next().await {
            if client.send(Message::Binary(frame)).await.is_err() {
                break;
            }
        }
        stream.close_code()
    };
    tokio::select! {
        () = to_server => {}
        end = to_client => {
            let (code, reason) = end.unwrap_or((1000, ""));
            // Fails if the client has closed it already.
            let _ = client.close(code, reason).await;
        }
    }
}
