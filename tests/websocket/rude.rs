//! Tests peers that break the protocol, and peers that disconnect.

use selvedge::websocket::{self, Options, Role};

use super::raw::{BINARY, CLOSE, PING, PONG, Raw, TEXT};

/// Returns the close code that answers these bytes.
async fn answer(role: Role, bytes: &[u8]) -> u16 {
    let (connection, mut raw) = Raw::facing(role, Options::new().max_message_size(1000));
    raw.write(bytes).await;
    let code = raw.close_code().await;
    assert_eq!(connection.closed().unwrap().code, code);
    let received = connection.receive().await;
    assert!(
        matches!(
            received,
            Err(websocket::Error::ConnectionClosed(_)
                | websocket::Error::MessageTooBig { limit: 1000 })
        ),
        "{received:?}"
    );
    code
}

#[tokio::test]
async fn protocol_errors_are_answered_with_1002() {
    let (_, raw) = Raw::facing(Role::Server, Options::new());
    let masked = |last, opcode, payload: &[u8]| raw.frame(last, opcode, payload);
    let mut reserved = masked(true, TEXT, b"x");
    reserved[0] |= 0x40;
    for (what, bytes) in [
        ("no mask", vec![0x81, 0x01, b'x']),
        ("a reserved bit", reserved),
        ("a reserved data opcode", masked(true, 3, b"")),
        ("a reserved control opcode", masked(true, 11, b"")),
        ("a continuation of nothing", masked(true, 0, b"x")),
        ("a fragmented ping", masked(false, PING, b"")),
        ("a long ping", masked(true, PING, &[0; 126])),
        ("a close frame of one byte", masked(true, CLOSE, &[3])),
        ("a code that must not be sent", masked(true, CLOSE, &1006_u16.to_be_bytes())),
        ("a code out of range", masked(true, CLOSE, &5000_u16.to_be_bytes())),
        ("a message in a message", [masked(false, TEXT, b"a"), masked(true, TEXT, b"b")].concat()),
        ("a length that could be shorter", vec![0x82, 0xfe, 0, 1, 0, 0, 0, 0, 0]),
        ("a negative length", [&[0x82, 0xff][..], &[0xff; 8], &[0; 4]].concat()),
    ] {
        assert_eq!(answer(Role::Server, &bytes).await, 1002, "{what}");
    }
    let masked_by_a_server = masked(true, TEXT, b"x");
    assert_eq!(answer(Role::Client, &masked_by_a_server).await, 1002);
}

#[tokio::test]
async fn text_that_is_not_utf8_is_answered_with_1007_at_its_first_wrong_byte() {
    let (_, raw) = Raw::facing(Role::Server, Options::new());
    let whole = raw.frame(true, TEXT, b"ok\xff");
    assert_eq!(answer(Role::Server, &whole).await, 1007);
    let cut_off = raw.frame(true, TEXT, b"ok\xc3");
    assert_eq!(answer(Role::Server, &cut_off).await, 1007);
    let reason = raw.frame(true, CLOSE, b"\x03\xe8\xff");
    assert_eq!(answer(Role::Server, &reason).await, 1007);
    // Neither the frame nor the message is complete.
    let begun = raw.frame(false, TEXT, b"ok\xf4\x90rest that never comes");
    assert_eq!(answer(Role::Server, &begun[..10]).await, 1007);
    let split = [raw.frame(false, TEXT, b"\xed"), raw.frame(false, 0, b"\xa0")].concat();
    assert_eq!(answer(Role::Server, &split).await, 1007);
}

#[tokio::test]
async fn max_message_size() {
    let (server, mut raw) = Raw::facing(Role::Server, Options::new().max_message_size(100));
    raw.send(BINARY, &[0; 100]).await;
    assert_eq!(server.receive_bytes().await.unwrap().len(), 100);
    raw.send(BINARY, &[0; 101]).await;
    assert_eq!(raw.close_code().await, 1009);
    assert!(matches!(server.receive().await, Err(websocket::Error::MessageTooBig { limit: 100 })));
    assert!(
        matches!(server.send("x").await, Err(websocket::Error::ConnectionClosed(reason)) if reason.code == 1009)
    );
}

#[tokio::test]
async fn the_size_is_counted_over_fragments_and_before_the_payload_comes() {
    let (_, raw) = Raw::facing(Role::Server, Options::new());
    let pieces = [raw.frame(false, BINARY, &[0; 600]), raw.frame(false, 0, &[0; 401])];
    assert_eq!(answer(Role::Server, &pieces.concat()).await, 1009);
    let header_alone = &raw.frame(true, BINARY, &[0; 1001])[..8];
    assert_eq!(answer(Role::Server, header_alone).await, 1009);
    let huge = [&[0x82, 0xff][..], &(1_u64 << 62).to_be_bytes(), &[0; 4]].concat();
    assert_eq!(answer(Role::Server, &huge).await, 1009);
}

#[tokio::test]
async fn messages_before_an_offence_are_still_received() {
    let (server, mut raw) = Raw::facing(Role::Server, Options::new());
    let bytes = [raw.frame(true, TEXT, b"fine"), vec![0xff; 10]].concat();
    raw.write(&bytes).await;
    assert_eq!(raw.close_code().await, 1002);
    assert_eq!(server.receive_text().await.unwrap(), "fine");
    assert!(server.receive().await.is_err());
}

#[tokio::test]
async fn client_does_not_close_handshake() {
    let (server, mut raw) = Raw::facing(Role::Server, Options::new());
    let closing = server.close(1000, "");
    assert_eq!(raw.close_code().await, 1000);
    drop(raw);
    assert_eq!(closing.await.unwrap().code, 1006);
}

#[tokio::test]
async fn server_does_not_close_handshake() {
    let (client, mut raw) = Raw::facing(Role::Client, Options::new());
    let closing = client.close(1000, "");
    assert_eq!(raw.close_code().await, 1000);
    drop(raw);
    assert_eq!(closing.await.unwrap().code, 1006);
}

#[tokio::test]
async fn server_sends_after_close() {
    let (client, mut raw) = Raw::facing(Role::Client, Options::new());
    let bytes =
        [raw.frame(true, CLOSE, &1000_u16.to_be_bytes()), raw.frame(true, TEXT, b"after the end")];
    raw.write(&bytes.concat()).await;
    assert_eq!(raw.close_code().await, 1000);
    drop(raw);
    assert_eq!(client.ended().await.code, 1000);
    assert!(client.receive().await.is_err());
}

#[tokio::test]
async fn remote_close_rude() {
    let (client, mut raw) = Raw::facing(Role::Client, Options::new());
    raw.close(1000, "").await;
    drop(raw); // the close frame and the end of the stream in one read
    let reason = client.ended().await;
    assert!([1000, 1006].contains(&reason.code), "{reason}");
    assert!(client.receive().await.is_err());
}

#[tokio::test]
async fn a_flood_of_pings_from_a_peer_that_does_not_read_keeps_only_the_last_ones() {
    let (_server, mut raw) = Raw::with_buffer(Role::Server, Options::new(), 256);
    for number in 0..10_000_u32 {
        raw.send(PING, &number.to_be_bytes()).await;
    }
    let mut answered = 0;
    loop {
        let (opcode, payload) = raw.next().await.unwrap();
        assert_eq!(opcode, PONG);
        answered += 1;
        if payload == 9999_u32.to_be_bytes() {
            break;
        }
    }
    assert!(answered < 200, "{answered} pongs were kept");
}

#[tokio::test]
async fn a_peer_that_vanishes_is_1006() {
    for cut in 0..8 {
        let (server, mut raw) = Raw::facing(Role::Server, Options::new());
        let frame = raw.frame(true, TEXT, b"text");
        raw.write(&frame[..cut]).await;
        drop(raw);
        assert_eq!(server.ended().await.code, 1006);
    }
}
