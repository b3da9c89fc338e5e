//! NiceGUI with an application that does the same, as far as it can: a number with its double, and
//! a text, on one page for each client. It has no calls, publications or state of its own, and folds
//! what changes in a burst.
//!
//! Its clients are pages: each is fetched, and follows over Engine.IO, in messages of text.

use std::{io, net::SocketAddr, time::Duration};

use bytes::{Bytes, BytesMut};
use selvedge_comparison::websocket::{MASK, apply_mask, put_header, take};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    client::{ANSWER_TIMEOUT, upgrade},
    servers::Server,
    work::{Figures, Meter, Work, wrong},
};

/// Measures work that [NiceGUI can do](can_do).
pub(crate) async fn run(
    work: Work,
    clients: usize,
    server: &Server,
    duration: Duration,
) -> io::Result<Figures> {
    let mut pages = Vec::with_capacity(clients);
    let mut meter = Meter { server, duration, latencies: Vec::new() };
    for _ in 0..clients {
        pages.push(Page::open(server.address).await?);
    }
    match work {
        Work::Updates { depth: 1 } => updates(&mut meter, pages).await,
        Work::Texts { size, burst: 1 } => texts(&mut meter, pages, size).await,
        _ => Err(wrong("nothing: it cannot do this work")),
    }
}

/// Whether NiceGUI can do this work. More than a hundred pages do not answer its pings in time.
pub(crate) fn can_do(work: Work, clients: usize) -> bool {
    let is_known = matches!(work, Work::Updates { depth: 1 } | Work::Texts { burst: 1, .. });
    is_known && clients <= 100
}

/// One page sets the number. All show its double.
async fn updates(meter: &mut Meter<'_>, mut pages: Vec<Page>) -> io::Result<Figures> {
    meter
        .repeat(1.0, async |number| {
            pages[0].set(number + 1).await?;
            for page in &mut pages {
                page.shows(&(2 * (number + 1)).to_string()).await?;
            }
            Ok(())
        })
        .await
}

/// The server sets a text, which all pages show.
async fn texts(meter: &mut Meter<'_>, mut pages: Vec<Page>, size: u64) -> io::Result<Figures> {
    let parts = pages.len() as f64;
    meter
        .repeat(parts, async |number| {
            pages[0].broadcast(size, number).await?;
            for page in &mut pages {
                page.shows(&format!("\"{number:08}")).await?;
            }
            Ok(())
        })
        .await
}

/// An open page.
pub(crate) struct Page {
    stream: TcpStream,
    arrived: BytesMut,
    client: String,
    /// Numbers and listeners of the elements that take events, by the type of the event.
    listeners: Vec<(String, String, String)>,
}

impl Page {
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Page> {
        let html = fetch(address).await?;
        let client = between(&html, "'client_id': '", "'")?.to_owned();
        let elements: Value =
            serde_json::from_str(between(&html, "parseElements(String.raw`", "`)")?)?;
        let listeners = elements.as_object().into_iter().flatten().flat_map(|(number, element)| {
            let events = element["events"].as_array().into_iter().flatten();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            events.map(move |event| {
                (text(&event["type"]), number.clone(), text(&event["listener_id"]))
            })
        });
        let listeners = listeners.collect();
        let path = format!(
            "/_nicegui_ws/socket.io/?client_id={client}&next_message_id=0&implicit_handshake=true\
             &tab_id=tab&document_id=document&EIO=4&transport=websocket"
        );
        let (stream, arrived) = upgrade(address, &path).await?;
        let mut page = Page { stream, arrived, client, listeners };
        page.until(|message| message.starts_with('0')).await?;
        page.send("40").await?;
        page.until(|message| message.starts_with("40")).await?;
        Ok(page)
    }

    /// Sets the number.
    pub(crate) async fn set(&mut self, number: u64) -> io::Result<()> {
        self.event("update:modelValue", &number.to_string()).await
    }

    /// Lets the server set the text for all pages.
    pub(crate) async fn broadcast(&mut self, size: u64, number: u64) -> io::Result<()> {
        self.event("broadcast", &json!([size, number]).to_string()).await
    }

    async fn event(&mut self, kind: &str, argument: &str) -> io::Result<()> {
        let known = self.listeners.iter().find(|(known, ..)| known == kind);
        let (_, number, listener) = known.ok_or(io::ErrorKind::NotFound)?;
        let event = json!({
            "id": number.parse::<u32>().unwrap_or_default(),
            "client_id": self.client,
            "listener_id": listener,
            "args": [argument],
        });
        self.send(&format!("42{}", json!(["event", event]))).await
    }

    /// Waits until an element shows a text that starts like this.
    pub(crate) async fn shows(&mut self, text: &str) -> io::Result<()> {
        let shown = format!("\"text\":{text}");
        self.until(|message| message.contains(&shown)).await.map(drop)
    }

    async fn send(&mut self, text: &str) -> io::Result<()> {
        let mut frame = BytesMut::new();
        put_header(&mut frame, text.len(), true);
        // Text instead of bytes.
        frame[0] = 0x81;
        let start = frame.len();
        frame.extend_from_slice(text.as_bytes());
        apply_mask(&mut frame[start..], MASK);
        self.stream.write_all(&frame).await
    }

    /// Waits for a message, and answers pings.
    async fn until(&mut self, is_it: impl Fn(&str) -> bool) -> io::Result<Bytes> {
        loop {
            let frame = timeout(ANSWER_TIMEOUT, self.next()).await??;
            let text = std::str::from_utf8(&frame).map_err(io::Error::other)?;
            if text == "2" {
                self.send("3").await?;
            }
            if is_it(text) {
                return Ok(frame);
            }
        }
    }

    async fn next(&mut self) -> io::Result<Bytes> {
        loop {
            if let Some(frame) = take(&mut self.arrived) {
                return Ok(frame.payload);
            }
            if self.stream.read_buf(&mut self.arrived).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

async fn fetch(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut html = String::new();
    stream.read_to_string(&mut html).await?;
    Ok(html)
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> io::Result<&'a str> {
    let missing = || io::Error::other(format!("the page has no {start}"));
    let (_, rest) = text.split_once(start).ok_or_else(missing)?;
    rest.split_once(end).map(|(part, _)| part).ok_or_else(missing)
}
