//! A failing network between page and server.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::broadcast,
    task::JoinSet,
};

/// A fault of all current connections.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Both ends are closed.
    Cut,
    /// Half of the next bytes for the page arrive, then both ends are closed.
    CutInside,
    /// Nothing gets through any more, and neither end is closed.
    Silence,
}

/// Forwards connections to a server, until it is dropped.
pub struct Proxy {
    pub address: SocketAddr,
    faults: broadcast::Sender<Fault>,
    _serving: JoinSet<()>,
}

impl Proxy {
    /// Starts the proxy. The server may start later, and may restart.
    pub async fn start(server: impl Fn() -> SocketAddr + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (faults, _) = broadcast::channel(8);
        let told = faults.clone();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let Ok((page, _)) = listener.accept().await else { return };
                connections.spawn(hand_on(page, server(), told.subscribe()));
            }
        });
        Proxy { address, faults, _serving: serving }
    }

    /// Injects a fault into the current connections. Returns their number.
    pub fn fail(&self, fault: Fault) -> usize {
        self.faults.send(fault).unwrap_or(0)
    }
}

/// Forwards until one end closes or a fault ends it.
async fn hand_on(mut page: TcpStream, server: SocketAddr, mut faults: broadcast::Receiver<Fault>) {
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    let (mut from_page, mut from_server) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    let mut inside = false;
    loop {
        tokio::select! {
            fault = faults.recv() => match fault {
                Ok(Fault::CutInside) => inside = true,
                Ok(Fault::Silence) => std::future::pending().await,
                Ok(Fault::Cut) | Err(_) => return,
            },
            read = page.read(&mut from_page) => match read {
                Ok(count @ 1..) if server.write_all(&from_page[..count]).await.is_ok() => {}
                _ => return,
            },
            read = server.read(&mut from_server) => match read {
                Ok(count @ 1..) => {
                    let count = if inside { count.div_ceil(2) } else { count };
                    if page.write_all(&from_server[..count]).await.is_err() || inside {
                        return;
                    }
                }
                _ => return,
            },
        }
    }
}
