//! What is measured.

use std::{
    io,
    time::{Duration, Instant},
};

use bytes::{BufMut, Bytes};
use selvedge_comparison::msgpack::{integer, put_map, put_text, text};
use selvedge_websocket::Options;

use crate::{
    client::Client,
    line::Line,
    nicegui,
    servers::{Kind, Server},
    work::{Figures, Meter, Work, micros, wrong},
};

/// A case.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    keys: usize,
    clients: usize,
    work: Work,
}

/// All cases, in the order of the table.
pub(crate) const CASES: &[Case] = &[
    case("connect", 0, 500, Work::Connect),
    case("call", 0, 1, Work::Calls { depth: 1, bytes: 0, idle: 0 }),
    case("call, 16 clients × 8", 0, 16, Work::Calls { depth: 8, bytes: 0, idle: 0 }),
    case("call, 1 MiB both ways", 0, 1, Work::Calls { depth: 1, bytes: 1 << 20, idle: 0 }),
    case("call, 100 of 10,100 clients", 0, 100, Work::Calls { depth: 1, bytes: 0, idle: 10_000 }),
    case("update", 0, 1, Work::Updates { depth: 1 }),
    case("update, 16 in flight", 0, 1, Work::Updates { depth: 16 }),
    case("update, 20 observers", 0, 21, Work::Updates { depth: 1 }),
    case("update, 100,000 keys", 100_000, 1, Work::Updates { depth: 1 }),
    case("update, 1,000,000 keys", 1_000_000, 1, Work::Updates { depth: 1 }),
    case("text 1 KiB to 100", 0, 100, Work::Texts { size: 1 << 10, burst: 1 }),
    case("text 64 B to 500", 0, 500, Work::Texts { size: 64, burst: 1 }),
    case("text 64 B to 10,000", 0, 10_000, Work::Texts { size: 64, burst: 1 }),
    case("text 1 KiB to 100, bursts of 50", 0, 100, Work::Texts { size: 1 << 10, burst: 50 }),
    case("text 100 KiB to 20", 0, 20, Work::Texts { size: 100 << 10, burst: 1 }),
    case("text 100 KiB to 100", 0, 100, Work::Texts { size: 100 << 10, burst: 1 }),
    case("bytes 1 MiB", 0, 1, Work::Bytes { size: 1 << 20, burst: 1 }),
    case("bytes 1 MiB, bursts of 16", 0, 1, Work::Bytes { size: 1 << 20, burst: 16 }),
    case("newcomer, 1,000 keys", 1_000, 0, Work::Newcomers),
    case("newcomer, 100,000 keys", 100_000, 0, Work::Newcomers),
    case("slow line, 100,000 keys", 100_000, 0, Work::SlowLine),
    case("start and stop", 0, 0, Work::StartAndStop),
];

const fn case(name: &'static str, keys: usize, clients: usize, work: Work) -> Case {
    Case { name, keys, clients, work }
}

impl Case {
    /// Whether a server can do the work.
    pub(crate) fn suits(&self, kind: &Kind) -> bool {
        !kind.serves_pages || self.keys == 0 && nicegui::can_do(self.work, self.clients)
    }

    /// Runs the case once against a new process. Work that repeats does so for `duration`.
    pub(crate) async fn run(&self, kind: &Kind, duration: Duration) -> io::Result<Figures> {
        if let Work::StartAndStop = self.work {
            return start_and_stop(kind).await;
        }
        if let Work::SlowLine = self.work {
            return slow_line(kind, self.keys).await;
        }
        let server = Server::start(kind, self.keys)?;
        if kind.serves_pages {
            return nicegui::run(self.work, self.clients, &server, duration).await;
        }
        let before = server.memory();
        if let Work::Connect = self.work {
            return connect(&server, self.clients, before).await;
        }
        if let Work::Newcomers = self.work {
            return newcomers(&server, duration).await;
        }
        let clients = connected(&server, self.clients).await?;
        let mut meter = Meter { server: &server, duration, latencies: Vec::new() };
        match self.work {
            Work::Calls { depth, bytes, idle } => {
                let idle = connected(&server, idle).await?;
                let figures = calls(&mut meter, clients, depth, bytes).await;
                drop(idle);
                figures
            }
            Work::Updates { depth } => updates(&mut meter, clients, depth).await,
            Work::Texts { size, burst } => {
                pushes(&mut meter, clients, "broadcast", size, burst).await
            }
            Work::Bytes { size, burst } => pushes(&mut meter, clients, "stream", size, burst).await,
            Work::Connect | Work::Newcomers | Work::SlowLine | Work::StartAndStop => Ok(Vec::new()),
        }
    }
}

/// Returns this many clients.
async fn connected(server: &Server, count: usize) -> io::Result<Vec<Client>> {
    let mut clients = Vec::with_capacity(count);
    for _ in 0..count {
        clients.push(Client::connect(server.address).await?);
    }
    Ok(clients)
}

async fn connect(server: &Server, count: usize, memory: f64) -> io::Result<Figures> {
    // The first clients cost what is made once.
    let mut clients = connected(server, 10).await?;
    let (begin, before, used) = (Instant::now(), server.processor_time(), server.memory());
    clients.extend(connected(server, count).await?);
    let (elapsed, spent) = (begin.elapsed(), server.processor_time().since(before));
    tokio::time::sleep(Duration::from_millis(300)).await;
    Ok(vec![
        ("CPU µs", micros(spent) / count as f64),
        ("per second", count as f64 / elapsed.as_secs_f64()),
        ("KiB per client", (server.memory() - used) / 1024.0 / count as f64),
        ("MiB without clients", memory / f64::from(1 << 20)),
    ])
}

async fn calls(
    meter: &mut Meter<'_>,
    clients: Vec<Client>,
    depth: usize,
    bytes: usize,
) -> io::Result<Figures> {
    let content = Bytes::from(vec![7; bytes]);
    let echo = |client: &mut Client| {
        client.call("trame.trigger", 3, |out| {
            put_text(out, "echo");
            out.put_u8(0x91);
            match content.len() {
                0 => put_text(out, "text"),
                size => {
                    out.put_u8(0xc6);
                    out.put_u32(size as u32);
                    out.extend_from_slice(&content);
                }
            }
            put_map(out, 0);
        })
    };
    let mut talkers: Vec<(Client, Bytes)> = clients
        .into_iter()
        .map(|mut client| {
            let frame = echo(&mut client);
            (client, frame)
        })
        .collect();
    let parts = talkers.len() * depth;
    meter
        .repeat(parts as f64, async |_| {
            for (client, frame) in &mut talkers {
                client.send(&frame.repeat(depth)).await?;
            }
            for (client, _) in &mut talkers {
                for _ in 0..depth {
                    if client.answer().await?.size() < bytes {
                        return Err(wrong("an answer that is too short"));
                    }
                }
            }
            Ok(())
        })
        .await
}

/// One client sets a counter. All get its double, and all but that client the counter.
async fn updates(meter: &mut Meter<'_>, clients: Vec<Client>, depth: u64) -> io::Result<Figures> {
    let mut clients = clients.into_iter();
    let mut sender = clients.next().ok_or(io::ErrorKind::InvalidInput)?;
    let mut observers: Vec<Client> = clients.collect();
    meter
        .repeat(depth as f64, async |number| {
            let mut frames = Vec::new();
            let counters = number * depth + 1..=(number + 1) * depth;
            for counter in counters.clone() {
                frames.extend_from_slice(&sender.update(counter));
            }
            sender.send(&frames).await?;
            for counter in counters {
                for client in std::iter::once(&mut sender).chain(&mut observers) {
                    let push = client.push("doubled").await?;
                    if push.value("doubled").and_then(integer) != Some(2 * counter) {
                        return Err(wrong("a wrong double"));
                    }
                }
            }
            Ok(())
        })
        .await
}

/// The server sends something to all clients, each time with a number that shows that nothing is
/// missing.
async fn pushes(
    meter: &mut Meter<'_>,
    mut clients: Vec<Client>,
    trigger: &str,
    size: u64,
    burst: u64,
) -> io::Result<Figures> {
    let parts = clients.len() as u64 * burst;
    meter
        .repeat(parts as f64, async |number| {
            let call = clients[0].trigger(trigger, &[size, burst, number * burst]);
            clients[0].send(&call).await?;
            for client in &mut clients {
                for expected in number * burst..(number + 1) * burst {
                    let got = match trigger {
                        "broadcast" => {
                            let push = client.push("blob").await?;
                            let text = push.value("blob").and_then(text);
                            text.filter(|text| text.len() as u64 == size.max(8))
                                .and_then(|text| text.get(..8)?.parse().ok())
                        }
                        _ => {
                            let push = client.push("seq").await?;
                            let data = push.value("data").filter(|data| data.len() as u64 > size);
                            data.and_then(|_| push.value("seq")).and_then(integer)
                        }
                    };
                    if got != Some(expected) {
                        return Err(wrong("pushes that are not whole and in order"));
                    }
                }
            }
            Ok(())
        })
        .await
}

/// Connects and gets the whole state.
async fn newcomer(server: &Server) -> io::Result<()> {
    let mut client = Client::connect(server.address).await?;
    let get = client.call("trame.state.get", 0, |_| {});
    client.send(&get).await?;
    client.answer().await.map(drop)
}

async fn newcomers(server: &Server, duration: Duration) -> io::Result<Figures> {
    let mut meter = Meter { server, duration, latencies: Vec::new() };
    let mut figures = meter.repeat(1.0, async |_| newcomer(server).await).await?;
    figures.push(("MiB", server.memory() / f64::from(1 << 20)));
    Ok(figures)
}

/// Over a slow line, with a client that offers to compress: the whole state, and a table as text to
/// the server and back.
async fn slow_line(kind: &Kind, keys: usize) -> io::Result<Figures> {
    let line = Line::open().await?;
    let server = Server::start_for(kind, keys, line.address)?;
    let row = |number: u16| {
        format!("{{\"sensor\": {number}, \"value\": {:.3}}}", f64::sin(number.into()))
    };
    let table: Vec<String> = (0..4000).map(row).collect();
    let table = table.join(", ");
    let options = Options::new().compression(true).max_message_size(1 << 30);
    let builder = selvedge_wslink::client::Client::builder(&format!("ws://{}/ws", line.address));
    let builder = builder.map_err(io::Error::other)?.secret("wslink-secret").options(options);
    // The first newcomer costs what is made once.
    newcomer(&server).await?;
    let (begin, before) = (Instant::now(), server.processor_time());
    let (carried, client) = tokio::join!(line.carry(server.address), builder.open());
    carried?;
    let client = client.map_err(io::Error::other)?;
    let (opened, spent) = (begin.elapsed(), server.processor_time().since(before));
    if client.state().get::<u64>("item_99999").ok().flatten() != Some(99_999) {
        return Err(wrong("a state without its last key"));
    }
    let (begin, before) = (Instant::now(), server.processor_time());
    let answer = client.call_trigger("echo", (&table,)).await.map_err(io::Error::other)?;
    let (called, spent_called) = (begin.elapsed(), server.processor_time().since(before));
    if answer.decode::<(String,)>().ok() != Some((table,)) {
        return Err(wrong("another table"));
    }
    // An error means that the server closed first.
    drop(client.close().await);
    Ok(vec![
        ("state ms", micros(opened) / 1e3),
        ("state, CPU ms", micros(spent) / 1e3),
        ("table both ways ms", micros(called) / 1e3),
        ("table, CPU ms", micros(spent_called) / 1e3),
    ])
}

async fn start_and_stop(kind: &Kind) -> io::Result<Figures> {
    let server = Server::start(kind, 0)?;
    let clients = connected(&server, 4).await?;
    let start = server.start;
    let waiting: Vec<_> =
        clients.into_iter().map(|client| tokio::spawn(client.until_closed())).collect();
    let stopped = tokio::task::spawn_blocking(move || server.stop()).await??;
    for client in waiting {
        client.await?;
    }
    Ok(vec![("start ms", micros(start) / 1e3), ("stop ms", micros(stopped.0) / 1e3)])
}
