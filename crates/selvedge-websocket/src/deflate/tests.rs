use http::HeaderValue;
use proptest::{collection::vec, prelude::*};

use super::*;

fn whole(parts: &[Bytes]) -> Vec<u8> {
    parts.concat()
}

/// Numbers that look random, the same each time.
fn random(mut state: u64) -> impl FnMut() -> u64 {
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

/// Bytes that do not shrink.
fn noise(size: usize) -> Bytes {
    let mut random = random(1);
    (0..size).map(|_| random() as u8).collect()
}

fn lists(value: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(header::SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static(value))])
}

#[test]
fn a_message_is_the_same_afterwards() {
    let text: Bytes = (0..20_000).flat_map(|n: u32| n.to_string().into_bytes()).collect();
    for parts in [
        vec![text.slice(..2000)],
        vec![text.clone()],
        vec![text.slice(..10), text.slice(10..70_000), text.slice(70_000..)],
        vec![Bytes::from_static(&[7; 1024])],
        vec![Bytes::from(vec![0; 3_000_000]), text.clone(), Bytes::from(vec![1; 3_000_000])],
    ] {
        let content = whole(&parts);
        let deflated = Deflated::new(&parts).unwrap();
        assert!(deflated.content().len() < content.len() * 3 / 4);
        assert!(inflate(deflated.content(), content.len()).unwrap() == content);
    }
}

#[test]
fn what_does_not_shrink_is_left_alone() {
    assert!(Deflated::new(&[Bytes::from_static(&[7; MIN_SIZE - 1])]).is_none(), "too small");
    assert!(Deflated::new(&[]).is_none());
    for size in [MIN_SIZE, 10_000, LARGE, 1 << 20] {
        assert!(Deflated::new(&[noise(size)]).is_none(), "{size}");
        let framed = [Bytes::from_static(b"some words before"), noise(size)];
        assert!(Deflated::new(&framed).is_none(), "{size}");
    }
}

#[test]
fn a_message_that_does_not_shrink_leaves_no_trace() {
    let mut random = random(88_172_645_463_325_252);
    let mut left = 0;
    for _ in 0..2000 {
        let size = (random() % 40_000 + 1024) as usize;
        // Of 16 values shrinks to a half, of 200 to nearly nothing.
        let values = [16, 64, 100, 128, 200, 256][(random() % 6) as usize];
        let content: Bytes = (0..size).map(|_| (random() % values) as u8).collect();
        match deflate([&content[..]], max_compressed(size)) {
            Some(deflated) => assert!(inflate(&deflated, size).unwrap() == content),
            None => left += 1,
        }
    }
    assert!((1000..1800).contains(&left), "{left}");
}

#[test]
fn the_examples_of_the_rfc_hold() {
    let hello = |bytes: &[u8]| inflate(bytes, 5).unwrap() == b"Hello"[..];
    assert!(hello(&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]));
    assert!(hello(&[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00]));
    assert!(hello(&[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00]), "a final block");
    let blocks = [0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00];
    assert!(hello(&blocks), "two blocks");
    assert!(inflate(&[0x00], 0).unwrap().is_empty());
    let twice =
        [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    assert_eq!(inflate(&twice, 10).unwrap(), b"HelloHello"[..], "a final block before the end");
}

#[test]
fn the_limit_applies_to_the_inflated_message() {
    let parts = [Bytes::from(vec![0; 1 << 20])];
    let deflated = Deflated::new(&parts).unwrap();
    assert!(deflated.content().len() < 10_000);
    assert_eq!(inflate(deflated.content(), 1 << 20).unwrap().len(), 1 << 20);
    for limit in [0, 1, 1000, (1 << 20) - 1] {
        assert_eq!(inflate(deflated.content(), limit).unwrap_err().code, 1009, "{limit}");
    }
}

#[test]
fn without_a_limit_any_size_is_inflated() {
    let parts = [Bytes::from(vec![0; 1 << 20])];
    let deflated = Deflated::new(&parts).unwrap();
    assert_eq!(inflate(deflated.content(), usize::MAX).unwrap().len(), 1 << 20);
}

#[test]
fn a_small_message_of_large_content_keeps_little_memory() {
    // Empty stored blocks, and one of one byte.
    let mut content = [0x00, 0x00, 0x00, 0xff, 0xff].repeat(100_000);
    content.extend_from_slice(&[0x00, 0x01, 0x00, 0xfe, 0xff, b'a', 0x00]);
    let message = inflate(&content, 1 << 20).unwrap();
    assert_eq!(message, b"a"[..]);
    assert!(message.capacity() < 100, "{}", message.capacity());
}

#[test]
fn invalid_content_is_refused() {
    let many_final_blocks = [0x03, 0x00].repeat(1000);
    // A stored block that promises 100 bytes and has one.
    let cut_off = [0x00, 0x64, 0x00, 0x9b, 0xff, 0x68];
    for content in [&[0xff, 0xff, 0xff][..], &[0x07], &many_final_blocks, &cut_off, &[]] {
        assert_eq!(inflate(content, 1000).unwrap_err().code, 1007, "{content:x?}");
    }
}

#[test]
fn offers_that_can_be_accepted_are_known() {
    for offer in [
        "permessage-deflate",
        "permessage-deflate; client_max_window_bits",
        "Permessage-Deflate;client_max_window_bits=15;server_no_context_takeover",
        "permessage-deflate; client_max_window_bits=\"9\"",
        "x-webkit-deflate-frame, permessage-deflate; client_no_context_takeover",
        "permessage-deflate; server_max_window_bits=10, permessage-deflate",
    ] {
        assert!(is_offered(&lists(offer)), "{offer}");
    }
    for other in [
        "",
        "deflate",
        "permessage-deflate; server_max_window_bits=10",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; client_max_window_bits=16",
        "permessage-deflate; client_max_window_bits=08",
        "permessage-deflate; unknown",
    ] {
        assert!(!is_offered(&lists(other)), "{other}");
    }
    assert!(!is_offered(&HeaderMap::new()));
}

#[test]
fn answers_that_do_not_fit_the_offer_are_known() {
    assert!(is_valid_answer(&HeaderMap::new()), "declined");
    for answer in [
        OFFER,
        "permessage-deflate; server_no_context_takeover",
        "permessage-deflate; server_no_context_takeover; server_max_window_bits=10",
    ] {
        assert!(is_valid_answer(&lists(answer)), "{answer}");
    }
    for answer in [
        "",
        "permessage-deflate",
        "permessage-deflate; server_no_context_takeover; client_max_window_bits=10",
        "permessage-deflate; server_no_context_takeover, permessage-deflate",
        "other; server_no_context_takeover",
    ] {
        assert!(!is_valid_answer(&lists(answer)), "{answer}");
    }
}

proptest! {
    #[test]
    fn rubbish_ends_within_the_limit(content in vec(any::<u8>(), 0..2000)) {
        if let Ok(message) = inflate(&content, 5000) {
            prop_assert!(message.len() <= 5000);
        }
    }

    #[test]
    fn any_message_survives(letters in vec(0_u8..9, 1000..9000), cut in 0_usize..1000) {
        let text = Bytes::from(letters);
        let parts = [text.slice(..cut), text.slice(cut..)];
        if let Some(deflated) = Deflated::new(&parts) {
            prop_assert!(inflate(deflated.content(), text.len()).unwrap() == text);
        }
    }
}
