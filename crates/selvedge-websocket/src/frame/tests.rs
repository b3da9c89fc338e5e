//! Tests of the decoder.
use super::*;

/// Returns the bytes of a whole conversation: fragments with a ping between them, a large
/// message, a close.
fn conversation() -> Vec<u8> {
    let mut bytes = BytesMut::new();
    let mut put = |first: u8, payload: &[u8]| {
        let mut frame = BytesMut::new();
        put_header(&mut frame, Opcode::Text, payload.len(), Some([1, 2, 3, 4]));
        frame[0] = first;
        let start = frame.len();
        frame.extend_from_slice(payload);
        apply_mask(&mut frame[start..], [1, 2, 3, 4], 0);
        bytes.extend_from_slice(&frame);
    };
    put(TEXT, "gr\u{fc}\u{20ac}".as_bytes().split_at(3).0);
    put(0x80 | PING, b"between");
    put(CONTINUATION, "gr\u{fc}\u{20ac}".as_bytes().split_at(3).1);
    put(0x80 | CONTINUATION, b"");
    put(0x80 | BINARY, &[7; 70_000]);
    put(0x80 | PONG, b"");
    put(0x80 | CLOSE, b"\x03\xe8bye");
    bytes.to_vec()
}

fn events(pieces: impl Iterator<Item = impl AsRef<[u8]>>) -> Vec<Event> {
    let mut decoder = Decoder::new(Role::Server, 1 << 20);
    let mut events = Vec::new();
    for piece in pieces {
        decoder.buffer().extend_from_slice(piece.as_ref());
        while let Some(event) = decoder.next().unwrap() {
            events.push(event);
        }
    }
    assert!(!decoder.in_progress());
    events
}

#[test]
fn it_does_not_matter_how_the_bytes_are_cut() {
    let bytes = conversation();
    let whole = events(std::iter::once(&bytes));
    assert_eq!(
        whole,
        [
            Event::Ping(Bytes::from_static(b"between")),
            Event::Message(Message::from("gr\u{fc}\u{20ac}")),
            Event::Message(Message::from(vec![7; 70_000])),
            Event::Pong(Bytes::new()),
            Event::Close(CloseReason::new(1000, "bye")),
        ]
    );
    for size in [1, 2, 3, 7, 1000, 4097] {
        assert_eq!(events(bytes.chunks(size)), whole, "pieces of {size}");
    }
}

#[test]
fn the_mask_rotates_with_the_offset() {
    let whole: Vec<u8> = (0..100).collect();
    let mask = [9, 8, 7, 6];
    let mut masked = whole.clone();
    apply_mask(&mut masked, mask, 0);
    for cut in 0..100 {
        let mut pieces = masked.clone();
        let (first, second) = pieces.split_at_mut(cut);
        apply_mask(first, mask, 0);
        apply_mask(second, mask, cut);
        assert_eq!(pieces, whole);
    }
}

#[test]
fn a_header_that_promises_much_costs_nothing() {
    let mut decoder = Decoder::new(Role::Client, usize::MAX);
    let header = [&[0x82, 0x7f][..], &(1_u64 << 40).to_be_bytes()].concat();
    decoder.buffer().extend_from_slice(&header);
    assert_eq!(decoder.next(), Ok(None));
    decoder.buffer().extend_from_slice(&[0; 10]);
    assert_eq!(decoder.next(), Ok(None));
    let kept = decoder.message.as_ref().unwrap().content.capacity();
    assert!(kept + decoder.buffer().capacity() <= 4 * RESERVE, "{kept}");
}
