//! The script on a bare socket, in one thread: what the system needs to move the bytes.
#![forbid(unsafe_code)]

use std::{
    cell::RefCell,
    collections::{HashMap, VecDeque},
    io::{self, IoSlice},
    net::{Ipv4Addr, SocketAddr},
    rc::Rc,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::{Buf, Bytes, BytesMut};
use selvedge_comparison::{
    port_and_keys,
    script::{self, Script, To},
    terminated,
    websocket::{head, put_header, take},
};
use sha1::{Digest, Sha1};
use tokio::{
    io::{AsyncWriteExt, Interest},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::LocalSet,
};

/// Number of parts that one write takes.
const PARTS: usize = 64;

struct Server {
    script: Script,
    clients: RefCell<HashMap<usize, Rc<Client>>>,
}

struct Client {
    stream: TcpStream,
    waiting: RefCell<VecDeque<Bytes>>,
    /// Wakes the client's task when another one has left bytes to write.
    left: Notify,
}

/// `limit PORT KEYS`
fn main() -> io::Result<()> {
    let (port, keys) = port_and_keys();
    let script = Script::new(keys);
    let server = Rc::new(Server { script, clients: RefCell::default() });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        let end = terminated();
        tokio::pin!(end);
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let server = Rc::clone(&server);
                    let (stream, _) = accepted?;
                    tokio::task::spawn_local(async move {
                        // An error means that the client has disconnected.
                        drop(serve(&server, stream).await);
                    });
                }
                () = &mut end => return Ok(()),
            }
        }
    })
}

async fn serve(server: &Server, mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut arrived = BytesMut::with_capacity(4096);
    let size = loop {
        stream.readable().await?;
        if matches!(stream.try_read_buf(&mut arrived), Ok(0)) {
            return Ok(());
        }
        if let Some(size) = head(&arrived) {
            break size;
        }
    };
    let request = arrived.split_to(size);
    let Some(key) = key(&request) else {
        return stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\npage")
            .await;
    };
    let accept = BASE64_STANDARD.encode(
        Sha1::new()
            .chain_update(key)
            .chain_update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
            .finalize(),
    );
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await?;
    let client = Rc::new(Client { stream, waiting: RefCell::default(), left: Notify::new() });
    let own = {
        let mut clients = server.clients.borrow_mut();
        let own = clients.keys().max().map_or(0, |last| last + 1);
        clients.insert(own, Rc::clone(&client));
        own
    };
    let ended = talk(server, own, &client, arrived).await;
    server.clients.borrow_mut().remove(&own);
    ended
}

fn key(request: &[u8]) -> Option<&[u8]> {
    let lines = request.split(|byte| *byte == b'\n');
    lines
        .filter_map(|line| {
            let (name, value) = line.split_at_checked(18)?;
            name.eq_ignore_ascii_case(b"sec-websocket-key:").then(|| value.trim_ascii())
        })
        .next()
}

async fn talk(
    server: &Server,
    own: usize,
    client: &Client,
    mut arrived: BytesMut,
) -> io::Result<()> {
    loop {
        let writes = !client.waiting.borrow().is_empty();
        let interest =
            if writes { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
        let ready = tokio::select! {
            ready = client.stream.ready(interest) => ready?,
            () = client.left.notified() => continue,
        };
        if ready.is_writable() {
            client.flush();
        }
        if !ready.is_readable() {
            continue;
        }
        arrived.reserve(4096);
        match client.stream.try_read_buf(&mut arrived) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        }
        let mut dirty = [false; 2];
        while let Some(frame) = take(&mut arrived) {
            if frame.opcode == 8 {
                return Ok(());
            }
            server.script.handle(&frame.payload, |to, message| {
                dirty[usize::from(to != To::Caller)] = true;
                server.queue(own, to, message);
            });
        }
        match dirty {
            [_, true] => server.clients.borrow().values().for_each(|client| client.flush()),
            [true, false] => client.flush(),
            _ => {}
        }
    }
}

impl Server {
    fn queue(&self, own: usize, to: To, message: script::Message) {
        let mut header = BytesMut::with_capacity(16);
        put_header(&mut header, script::size(&message), false);
        let header = header.freeze();
        let clients = self.clients.borrow();
        let queue = |client: &Client| {
            let mut waiting = client.waiting.borrow_mut();
            waiting.push_back(header.clone());
            waiting.extend(message.iter().cloned());
        };
        if to == To::Caller {
            return clients.get(&own).into_iter().for_each(|client| queue(client));
        }
        let recipients = clients.iter().filter(|(number, _)| to.includes(**number == own));
        recipients.for_each(|(_, client)| queue(client));
    }
}

impl Client {
    /// Writes what the socket takes.
    fn flush(&self) {
        let mut waiting = self.waiting.borrow_mut();
        while !waiting.is_empty() {
            let parts: Vec<IoSlice<'_>> =
                waiting.iter().take(PARTS).map(|part| IoSlice::new(part)).collect();
            let Ok(mut written) = self.stream.try_write_vectored(&parts) else {
                self.left.notify_one();
                return;
            };
            while let Some(part) = waiting.front_mut() {
                if part.len() > written {
                    part.advance(written);
                    break;
                }
                written -= part.len();
                waiting.pop_front();
            }
        }
    }
}
