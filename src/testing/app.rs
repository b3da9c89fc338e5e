//! An application that runs in a test.

use std::{fmt, sync::Arc};

use selvedge_websocket::{Connection, Message, Options, Role};
use selvedge_wslink::client::Client;

use super::{Page, Result, TestDialogs, User};
use crate::{
    Running, Server, StartOptions,
    app::Backend,
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
        let running = server.spawn(options.backend(Backend::Generic)).await?;
        let dialogs = TestDialogs::default();
        server.set_dialogs(Arc::new(dialogs.clone()));
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

    /// Opens a page. The user has the state when this returns.
    ///
    /// # Errors
    /// [`Error::NotRunning`](crate::Error::NotRunning) if the application has stopped.
    pub async fn user(&self) -> Result<User> {
        User::open(&self.server, &self.running).await
    }

    /// Opens a page and renders its templates, to be read and operated.
    ///
    /// # Errors
    /// [`Error::NotRunning`](crate::Error::NotRunning) if the application has stopped, and
    /// [`Error::Page`](super::Error::Page) if a template cannot be shown.
    pub async fn page(&self) -> Result<Page> {
        Page::open(self.user().await?).await
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
pub(super) async fn connect(running: &Running) -> Result<Client> {
    let (near, far) = tokio::io::duplex(BUFFER);
    let (sink, stream) = running.connect_window()?;
    let options = Options::new().max_message_size(MAX_MESSAGE).receive_queue(16, MAX_MESSAGE);
    let far = Connection::over(far, Role::Server, options.clone());
    tokio::spawn(carry(far, sink, stream));
    let near = Connection::over(near, Role::Client, options);
    // The secret is not asked for: whatever connects here is part of the program.
    Ok(Client::over(near, "").await.map_err(crate::Error::from)?)
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
