//! Tests of the decoder.
use super::*;

/// Returns the bytes of a whole conversation: fragments with a ping between them, a large
/// message, a close.
fn conversation() -> Vec<u8> {
    let mut bytes = BytesMut::new();
    let mut put = |first: u8, payload: &[u8]| {
        let mut frame = BytesMut::new();
        put_header(&mut frame, Opcode::Text, false, payload.len(), Some([1, 2, 3, 4]));
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

/// Decodes frames of a client, each given by its first byte and payload.
fn decode(compression: bool, frames: &[(u8, &[u8])]) -> Result<Vec<Event>, CloseReason> {
    let mut decoder = Decoder::new(Role::Server, 1000);
    decoder.set_compression(compression);
    for (first, payload) in frames {
        let mut frame = BytesMut::new();
        put_header(&mut frame, Opcode::Text, false, payload.len(), Some([0; 4]));
        frame[0] = *first;
        frame.extend_from_slice(payload);
        decoder.buffer().extend_from_slice(&frame);
    }
    let mut events = Vec::new();
    while let Some(event) = decoder.next()? {
        events.push(event);
    }
    Ok(events)
}

/// "Hello", compressed.
const HELLO: [u8; 7] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];

#[test]
fn compressed_messages_may_be_fragmented_and_stand_beside_others() {
    let (start, end) = HELLO.split_at(3);
    let frames = [
        (0x40 | TEXT, start),
        (0x80 | PING, b"now"),
        (0x80 | CONTINUATION, end),
        (0x80 | TEXT, b"Hello"),
        (0xc0 | BINARY, &HELLO),
    ];
    let expected = [
        Event::Ping(Bytes::from_static(b"now")),
        Event::Message(Message::from("Hello")),
        Event::Message(Message::from("Hello")),
        Event::Message(Message::from(b"Hello")),
    ];
    assert_eq!(decode(true, &frames).unwrap(), expected);
}

#[test]
fn reserved_bits_are_refused_unless_they_were_agreed_on() {
    let code = |compression, frames: &[(u8, &[u8])]| decode(compression, frames).unwrap_err().code;
    assert_eq!(code(false, &[(0xc0 | TEXT, &HELLO)]), 1002);
    assert_eq!(code(true, &[(0xc0 | PING, &HELLO)]), 1002, "a control frame");
    let continued: [(u8, &[u8]); 2] =
        [(0x40 | TEXT, &HELLO[..3]), (0xc0 | CONTINUATION, &HELLO[3..])];
    assert_eq!(code(true, &continued), 1002, "a continuation");
    for bits in [0x20, 0x10, 0x60, 0x50] {
        assert_eq!(code(true, &[(0x80 | bits | TEXT, &HELLO)]), 1002, "{bits:x}");
    }
}

#[test]
fn compressed_text_is_checked_as_text() {
    // A stored block of one byte.
    let stored = |byte: u8| [0x00, 0x01, 0x00, 0xfe, 0xff, byte, 0x00];
    assert!(decode(true, &[(0xc0 | TEXT, &stored(b'a'))]).is_ok());
    assert_eq!(decode(true, &[(0xc0 | TEXT, &stored(0xff))]).unwrap_err().code, 1007);
    assert!(decode(true, &[(0xc0 | BINARY, &stored(0xff))]).is_ok());
}
