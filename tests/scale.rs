//! Tests states that are much larger than usual.

use selvedge::{Server, client::Client, websocket::Options};
use tokio::time::timeout;

use crate::support::{SECRET, TIMEOUT, start};

#[tokio::test]
async fn hundreds_of_thousands_of_keys_reach_a_client_and_stay_up_to_date() {
    let server = Server::new("scale");
    let state = server.state();
    for number in 0..300_000_u64 {
        state.set(format!("item_{number}"), number);
    }
    let running = start(&server).await;
    let url = format!("{}/ws", running.url().replacen("http", "ws", 1));
    let options = Options::new().max_message_size(16 << 20);
    let builder = Client::builder(&url).unwrap().secret(SECRET).options(options);
    let client = timeout(TIMEOUT, builder.open()).await.unwrap().unwrap();
    let mirror = client.state();
    assert_eq!(mirror.keys().iter().filter(|key| key.starts_with("item_")).count(), 300_000);
    assert_eq!(mirror.get::<u64>("item_299999").unwrap(), Some(299_999));
    mirror.set("item_150000", 7).await.unwrap();
    state.set("item_299999", 8).flush();
    let seen = mirror.wait_for("item_299999", |value: &u64| *value == 8);
    timeout(TIMEOUT, seen).await.unwrap().unwrap();
    assert_eq!(state.get::<u64>("item_150000").unwrap(), 7);
    client.close().await.unwrap();
    running.stop().await.unwrap();
}
