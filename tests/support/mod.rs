//! A wslink client, and servers for it.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, RandomState},
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use rmpv::Value as Msgpack;
use selvedge::{Running, Server, StartOptions};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, Message, client::IntoClientRequest, protocol::CloseFrame},
};

/// The secret of all servers in these tests.
pub const SECRET: &str = "k-test";

/// Time limit that only a failure exceeds.
pub const TIMEOUT: Duration = Duration::from_secs(20);

/// Returns options for a test: any port, a known secret.
pub fn options() -> StartOptions {
    StartOptions::new().port(0).secret(SECRET)
}

/// Returns a free port that stays free: it is below the ports that systems assign to the servers
/// and connections of other tests.
pub fn free_port() -> u16 {
    let random = || RandomState::new().hash_one(()) as u16;
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    std::iter::repeat_with(|| 10_000 + random() % 20_000).find(|port| is_free(*port)).unwrap()
}

pub async fn start(server: &Server) -> Running {
    server.spawn(options()).await.unwrap()
}

/// Opens the WebSocket of a server, without a hello.
pub async fn open(running: &Running) -> WebSocketStream<TcpStream> {
    open_at(running.addresses()[0]).await
}

/// Opens the WebSocket of a server with headers, without a hello.
pub async fn open_with(
    running: &Running,
    headers: &[(&'static str, &str)],
) -> Result<WebSocketStream<TcpStream>, tungstenite::Error> {
    open_address(running.addresses()[0], headers).await
}

/// Opens the WebSocket of a server of another process.
pub async fn open_at(address: SocketAddr) -> WebSocketStream<TcpStream> {
    open_address(address, &[]).await.unwrap()
}

async fn open_address(
    address: SocketAddr,
    headers: &[(&'static str, &str)],
) -> Result<WebSocketStream<TcpStream>, tungstenite::Error> {
    open_path(address, "/ws", headers).await
}

/// Opens a WebSocket at a path.
pub async fn open_path(
    address: SocketAddr,
    path: &str,
    headers: &[(&'static str, &str)],
) -> Result<WebSocketStream<TcpStream>, tungstenite::Error> {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    client_async(request, stream).await.map(|(socket, _)| socket)
}

/// An HTTP answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// Sends a request unchanged, except for an added `Connection: close`, and reads the whole answer.
pub async fn request(
    running: &Running,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Answer {
    request_with(running, method, path, headers, "").await
}

/// Sends a request with a body, and reads the whole answer.
pub async fn request_with(
    running: &Running,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    request_to(running.addresses()[0], method, path, headers, body).await
}

/// Sends a request to a server of another process, and reads the whole answer.
pub async fn request_to(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        head += &format!("Host: {address}\r\n");
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() {
        head += &format!("Content-Length: {}\r\n", body.len());
    }
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    timeout(TIMEOUT, stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a complete answer");
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let mut headers: HashMap<String, String> = HashMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        let values = headers.entry(name.to_ascii_lowercase()).or_default();
        // One line for each of several cookies.
        *values = if values.is_empty() { value.to_owned() } else { format!("{values}\n{value}") };
    }
    Answer { status, headers, body: bytes[end + 4..].to_vec() }
}

/// What a browser has after following a sign-in link.
pub struct SignedIn {
    /// The whole `Set-Cookie` header.
    pub set_cookie: String,
    pub proof: String,
}

impl SignedIn {
    pub async fn at(running: &Running, headers: &[(&str, &str)]) -> Self {
        let link = running.sign_in_url().unwrap();
        let path = link.strip_prefix(running.url()).unwrap();
        Self::from(&request(running, "GET", path, headers).await)
    }

    /// Signs in a user with a name.
    pub async fn as_user(running: &Running, name: &str) -> Self {
        let link = running.sign_in_url_for(name).unwrap();
        let path = link.strip_prefix(running.url()).unwrap();
        Self::from(&request(running, "GET", path, &[]).await)
    }

    pub fn from(answer: &Answer) -> Self {
        assert_eq!(answer.status, 303, "{answer:?}");
        let location = answer.header("location");
        let (_, proof) = location.split_once("#signInProof=").unwrap();
        SignedIn { set_cookie: answer.header("set-cookie").to_owned(), proof: proof.to_owned() }
    }

    pub fn cookie(&self) -> &str {
        self.set_cookie.split(';').next().unwrap()
    }

    /// Returns what the page posts to the launcher.
    pub fn body(&self) -> String {
        json!({ "application": "trame", "signInProof": self.proof }).to_string()
    }

    /// Returns the launcher's answer to the page.
    pub async fn launch(&self, running: &Running, headers: &[(&str, &str)]) -> Value {
        self.launch_with(running, headers, json!({})).await
    }

    /// Returns the launcher's answer to a page that also posts these fields.
    pub async fn launch_with(
        &self,
        running: &Running,
        headers: &[(&str, &str)],
        fields: Value,
    ) -> Value {
        let headers = [&[("Cookie", self.cookie())], headers].concat();
        let mut body: Value = serde_json::from_str(&self.body()).unwrap();
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let body = body.to_string();
        let answer = request_with(running, "POST", "/paraview/", &headers, &body).await;
        // 503 is the answer if there is no room.
        assert!(matches!(answer.status, 200 | 503), "{answer:?}");
        serde_json::from_str(&answer.text()).unwrap()
    }
}

/// A client that has sent the hello.
pub struct Client {
    socket: WebSocketStream<TcpStream>,
    next_id: u32,
    chunks: HashMap<u32, Vec<u8>>,
    /// Messages that no call has taken yet, in the order of arrival, including answers.
    pub inbox: VecDeque<Incoming>,
    pub id: String,
}

#[derive(Debug)]
pub enum Incoming {
    Answer { id: String, result: Result<Msgpack, Msgpack> },
    Published { topic: String, data: Msgpack },
    Closed(Option<CloseFrame>),
}

impl Client {
    pub async fn connect(running: &Running) -> Self {
        Self::connect_to(running.addresses()[0]).await
    }

    pub async fn connect_to(address: SocketAddr) -> Self {
        Self::hello(open_at(address).await).await
    }

    pub async fn hello(socket: WebSocketStream<TcpStream>) -> Self {
        Self::hello_with(socket, SECRET).await
    }

    pub async fn hello_with(socket: WebSocketStream<TcpStream>, secret: &str) -> Self {
        Self::try_hello(socket, secret).await.unwrap()
    }

    /// Says hello. Fails with the error with which the server refuses the secret.
    pub async fn try_hello(
        socket: WebSocketStream<TcpStream>,
        secret: &str,
    ) -> Result<Self, Msgpack> {
        let (chunks, inbox) = Default::default();
        let mut client = Client { socket, next_id: 0, chunks, inbox, id: String::new() };
        let hello = client.call("wslink.hello", json!([{ "secret": secret }])).await?;
        client.id = to_json(&hello)["clientID"].as_str().unwrap().to_owned();
        Ok(client)
    }

    /// Calls a method and waits for its answer.
    pub async fn call(&mut self, method: &str, args: Value) -> Result<Msgpack, Msgpack> {
        let id = self.send(method, args).await;
        self.answer(&id).await
    }

    /// Calls a trigger and returns its result as JSON.
    pub async fn trigger(&mut self, name: &str, args: Value) -> Value {
        to_json(&self.call("trame.trigger", json!([name, args, {}])).await.unwrap())
    }

    /// Sets keys as a page does.
    pub async fn set(&mut self, changes: Value) -> Result<Msgpack, Msgpack> {
        let changes: Vec<Value> = changes
            .as_object()
            .unwrap()
            .iter()
            .map(|(key, value)| json!({"key": key, "value": value}))
            .collect();
        self.call("trame.state.update", json!([changes])).await
    }

    /// Returns the state as a new client gets it.
    pub async fn snapshot(&mut self) -> Value {
        to_json(&self.call("trame.state.get", json!([])).await.unwrap())["state"].take()
    }

    /// Sends a call and returns its id.
    pub async fn send(&mut self, method: &str, args: Value) -> String {
        self.send_with(method, args, json!({})).await
    }

    /// Sends a call with named arguments and returns its id.
    pub async fn send_with(&mut self, method: &str, args: Value, kwargs: Value) -> String {
        self.next_id += 1;
        let prefix = if method.starts_with("wslink.") { "system" } else { "rpc" };
        let id = format!("{prefix}:c0:{}", self.next_id);
        let call =
            json!({"wslink": "1.0", "id": id, "method": method, "args": args, "kwargs": kwargs});
        self.socket.send(Message::Binary(frame(&call).into())).await.unwrap();
        id
    }

    pub async fn answer(&mut self, id: &str) -> Result<Msgpack, Msgpack> {
        let found = |incoming: &Incoming| matches!(incoming, Incoming::Answer { id: known, .. } if known == id);
        match self.wait_for(found).await {
            Incoming::Answer { result, .. } => result,
            _ => unreachable!(),
        }
    }

    /// Returns the next message on a topic, as JSON.
    pub async fn published(&mut self, topic: &str) -> Value {
        let found = |incoming: &Incoming| matches!(incoming, Incoming::Published { topic: known, .. } if known == topic);
        match self.wait_for(found).await {
            Incoming::Published { data, .. } => to_json(&data),
            _ => unreachable!(),
        }
    }

    /// Returns the next state change.
    pub async fn pushed(&mut self) -> Value {
        self.published("trame.state.topic").await
    }

    /// Returns the close code that the server sends.
    pub async fn closed(&mut self) -> Option<u16> {
        match self.wait_for(|incoming| matches!(incoming, Incoming::Closed(_))).await {
            Incoming::Closed(frame) => frame.map(|frame| frame.code.into()),
            _ => unreachable!(),
        }
    }

    /// Returns all messages that have arrived and not been taken, in short form. After an answered
    /// call these are all that were sent before it.
    pub fn take_inbox(&mut self) -> Vec<Value> {
        let short = |incoming| match incoming {
            Incoming::Answer { id, .. } => json!({ "answer": id }),
            Incoming::Published { topic, data } => json!({ topic: to_json(&data) }),
            Incoming::Closed(_) => json!("closed"),
        };
        self.inbox.drain(..).map(short).collect()
    }

    async fn wait_for(&mut self, found: impl Fn(&Incoming) -> bool) -> Incoming {
        loop {
            if let Some(position) = self.inbox.iter().position(&found) {
                return self.inbox.remove(position).unwrap();
            }
            self.receive().await;
            let last = self.inbox.back().unwrap();
            if matches!(last, Incoming::Closed(_)) && !found(last) {
                panic!("the connection ended: {last:?}");
            }
        }
    }

    /// Waits until one more message is in the inbox.
    pub async fn receive(&mut self) {
        loop {
            let message = timeout(TIMEOUT, self.socket.next()).await.expect("a message in time");
            let message = match message {
                Some(Ok(Message::Binary(frame))) => self.assemble(&frame),
                Some(Ok(Message::Close(frame))) => Some(Incoming::Closed(frame)),
                Some(Ok(_)) => None,
                Some(Err(_)) | None => Some(Incoming::Closed(None)),
            };
            if let Some(message) = message {
                return self.inbox.push_back(message);
            }
        }
    }

    fn assemble(&mut self, frame: &[u8]) -> Option<Incoming> {
        let field = |at: usize| u32::from_le_bytes(frame[at..at + 4].try_into().unwrap());
        let message = self.chunks.entry(field(0)).or_default();
        assert_eq!(message.len(), field(4) as usize, "the server sends chunks in order");
        message.extend_from_slice(&frame[12..]);
        if message.len() < field(8) as usize {
            return None;
        }
        let message = self.chunks.remove(&field(0)).unwrap();
        let value = rmpv::decode::read_value(&mut &message[..]).unwrap();
        let part = |name: &str| {
            let pairs = value.as_map().unwrap();
            pairs.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value.clone())
        };
        let id = part("id").unwrap().as_str().unwrap().to_owned();
        if let Some(topic) = id.strip_prefix("publish:") {
            let topic = topic.rsplit_once(':').unwrap().0.to_owned();
            return Some(Incoming::Published { topic, data: part("result").unwrap() });
        }
        let result = part("error").map_or_else(|| Ok(part("result").unwrap()), Err);
        Some(Incoming::Answer { id, result })
    }

    pub fn socket(&mut self) -> &mut WebSocketStream<TcpStream> {
        &mut self.socket
    }
}

/// Encodes a message in one frame.
pub fn frame(message: &Value) -> Vec<u8> {
    let content = selvedge::values::Packed::encode(message).unwrap();
    let content = content.as_bytes();
    let mut frame = Vec::new();
    for field in [7, 0, content.len() as u32] {
        frame.extend_from_slice(&field.to_le_bytes());
    }
    frame.extend_from_slice(content);
    frame
}

/// Converts a value to JSON. Bytes become `{"$bytes": count}`.
pub fn to_json(value: &Msgpack) -> Value {
    match value {
        Msgpack::Nil => Value::Null,
        Msgpack::Boolean(value) => json!(value),
        Msgpack::Integer(value) => {
            value.as_i64().map_or_else(|| json!(value.as_u64()), |value| json!(value))
        }
        Msgpack::F32(value) => json!(value),
        Msgpack::F64(value) => json!(value),
        Msgpack::String(text) => json!(text.as_str()),
        Msgpack::Binary(bytes) => json!({"$bytes": bytes.len()}),
        Msgpack::Array(items) => items.iter().map(to_json).collect(),
        Msgpack::Map(pairs) => pairs
            .iter()
            .map(|(key, value)| (key.as_str().unwrap_or("?").to_owned(), to_json(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Msgpack::Ext(kind, bytes) => json!({"$ext": kind, "bytes": bytes.len()}),
    }
}
