//! A server that returns each message, and a client that sends it lines.
//!
//! ```text
//! cargo run -p selvedge-websocket --example echo -- serve 127.0.0.1:9001
//! cargo run -p selvedge-websocket --example echo -- ws://127.0.0.1:9001/
//! ```

use std::{env, error::Error, io};

use selvedge_websocket::{Connect, Options, accept};
use tokio::net::{TcpListener, TcpStream};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", address] => serve(address).await,
        [url] => talk(url).await,
        _ => Err("give `serve host:port`, or the URL of a WebSocket".into()),
    }
}

async fn serve(address: &str) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(address).await?;
    println!("listening on ws://{}/", listener.local_addr()?);
    loop {
        let (stream, peer) = listener.accept().await?;
        tokio::spawn(async move {
            match echo(stream).await {
                Ok(()) => println!("{peer} is gone"),
                Err(error) => println!("{peer}: {error}"),
            }
        });
    }
}

async fn echo(stream: TcpStream) -> Result<(), selvedge_websocket::Error> {
    let connection = accept(stream, Options::new()).await?.accept().await?;
    while let Ok(message) = connection.receive().await {
        connection.send(message).await?;
    }
    Ok(())
}

async fn talk(url: &str) -> Result<(), Box<dyn Error>> {
    let connection = Connect::to(url)?.open().await?;
    for line in io::stdin().lines() {
        connection.send(line?).await?;
        println!("{}", connection.receive_text().await?);
    }
    println!("closed: {}", connection.close(1000, "").await?);
    Ok(())
}
