//! Compression of messages: permessage-deflate (RFC 7692), without context takeover.
//!
//! Each message is compressed by itself. Small messages shrink less than with a context, but a
//! connection needs no memory for one, and a message to many peers is compressed once.
//!
//! What must hold: the maximum size of a message applies before it is inflated completely; what
//! does not shrink is sent as it is; neither end keeps a state between messages.

use std::cell::RefCell;

use bytes::{Bytes, BytesMut};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use http::{HeaderMap, HeaderValue, header};
use tokio::task::spawn_blocking;

use crate::{error::CloseReason, frame::too_big, handshake::items};

/// The name of the extension.
const NAME: &str = "permessage-deflate";

/// What a client offers, and what a server answers: each message is compressed by itself.
pub(crate) const OFFER: &str =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
pub(crate) const AGREEMENT: HeaderValue = HeaderValue::from_static(OFFER);

/// Size in bytes from which a message is compressed. The packets of a smaller one have about the
/// same size either way.
const MIN_SIZE: usize = 1024;

/// Size in bytes from which a sample decides whether a message shrinks, and from which the thread
/// that serves other connections is spared.
const SAMPLED: usize = 32 * 1024;

/// The sample: this many pieces of this many bytes, spread over the message.
const SAMPLE: (usize, usize) = (4, 2048);

/// What a message must shrink to, in percent. Less is not worth the time of both ends.
const MAX_PERCENT: usize = 80;

/// What ends each compressed message, and is not sent (section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// For state, tables and numbers as text. Level 1 is twice as fast, but leaves half more bytes;
/// higher levels take up to three times as long to save a twentieth.
const LEVEL: Compression = Compression::new(2);

thread_local! {
    // Kept for the next message: it takes a quarter of a MiB, and 12 µs to set up.
    static DEFLATE: RefCell<Compress> = RefCell::new(Compress::new(LEVEL, false));
    static INFLATE: RefCell<Decompress> = RefCell::new(Decompress::new(false));
}

/// The compressed content of a message, for peers that agreed to compression.
#[derive(Clone, Debug)]
pub struct Deflated(Bytes);

impl Deflated {
    /// Compresses the content of a message, which may be in parts. Returns `None` if it does not
    /// shrink enough to be worth it, as small messages and pictures do not.
    ///
    /// Takes about 8 ms for 1 MiB, and 20 µs for 1 KiB. A large message is compressed on a thread
    /// for blocking work.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use selvedge_websocket::frames::Deflated;
    ///
    /// let text = "the same again, ".repeat(1000);
    /// let deflated = Deflated::of(&[text.into()]).await.expect("it shrinks");
    /// assert!(deflated.into_content().len() < 200);
    /// # }
    /// ```
    ///
    /// # Panics
    /// For a large message outside of a tokio runtime.
    pub async fn of(parts: &[Bytes]) -> Option<Self> {
        if parts.iter().map(Bytes::len).sum::<usize>() < SAMPLED {
            return Self::new(parts);
        }
        let parts = parts.to_vec();
        // Fails only when the runtime shuts down.
        spawn_blocking(move || Self::new(&parts)).await.ok().flatten()
    }

    /// Compresses the content on this thread.
    fn new(parts: &[Bytes]) -> Option<Self> {
        let size = parts.iter().map(Bytes::len).sum::<usize>();
        if size < MIN_SIZE || size >= SAMPLED && !shrinks(parts, size) {
            return None;
        }
        let slices = parts.iter().map(|part| &part[..]);
        deflate(slices, enough(size)).map(|content| Deflated(content.into()))
    }

    /// Takes content that [`into_content`](Self::into_content) returned.
    pub fn from_content(content: Bytes) -> Self {
        Deflated(content)
    }

    /// Returns the compressed content, to be kept for the next peer.
    pub fn into_content(self) -> Bytes {
        self.0
    }

    pub(crate) fn content(&self) -> &Bytes {
        &self.0
    }
}

/// The size in bytes that content must shrink to.
fn enough(size: usize) -> usize {
    size / 100 * MAX_PERCENT
}

/// Whether a sample of the content shrinks.
fn shrinks(parts: &[Bytes], size: usize) -> bool {
    let (count, length) = SAMPLE;
    let mut sample = Vec::with_capacity(count * length);
    for number in 0..count {
        copy(parts, (size - length) / (count - 1) * number, length, &mut sample);
    }
    deflate([&sample[..]], enough(sample.len())).is_some()
}

/// Copies a range of the content.
fn copy(parts: &[Bytes], mut start: usize, mut length: usize, out: &mut Vec<u8>) {
    for part in parts {
        let piece = &part[start.min(part.len())..];
        let piece = &piece[..length.min(piece.len())];
        out.extend_from_slice(piece);
        start = start.saturating_sub(part.len());
        length -= piece.len();
    }
}

/// Compresses slices as one message; `None` if it exceeds this many bytes.
fn deflate<'a>(slices: impl IntoIterator<Item = &'a [u8]>, enough: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(enough + TAIL.len());
    let is_complete = DEFLATE.with_borrow_mut(|deflate| {
        deflate.reset();
        let is_complete =
            slices.into_iter().all(|slice| put(deflate, slice, &mut out, FlushCompress::None))
                && put(deflate, &[], &mut out, FlushCompress::Sync);
        if !is_complete {
            // A reset keeps the place of bytes that were not taken, and zlib-rs 0.6 panics when it
            // gets there again.
            *deflate = Compress::new(LEVEL, false);
        }
        is_complete
    });
    (is_complete && out.ends_with(&TAIL)).then(|| {
        out.truncate(out.len() - TAIL.len());
        // It may wait for a slow peer.
        out.shrink_to_fit();
        out
    })
}

/// Compresses a slice into the room that is left. Returns whether there was enough.
fn put(deflate: &mut Compress, mut slice: &[u8], out: &mut Vec<u8>, flush: FlushCompress) -> bool {
    loop {
        let before = deflate.total_in();
        if deflate.compress_vec(slice, out, flush).is_err() {
            return false;
        }
        slice = &slice[(deflate.total_in() - before) as usize..];
        if out.len() == out.capacity() {
            return false;
        }
        if slice.is_empty() {
            return true;
        }
    }
}

/// The maximum size in bytes of the compressed content of a message with at most this many bytes:
/// content that does not shrink grows a little.
pub(crate) fn max_content(max_message: usize) -> usize {
    max_message.saturating_add(max_message / 512 + 64)
}

/// Inflates the content of a message that may have at most this many bytes.
pub(crate) fn inflate(content: &[u8], max_message: usize) -> Result<BytesMut, CloseReason> {
    let mut out = Vec::with_capacity(content.len().saturating_mul(2).min(max_message) + 1);
    INFLATE.with_borrow_mut(|inflate| {
        inflate.reset(false);
        if take(inflate, content, &mut out, max_message)? {
            take(inflate, &TAIL, &mut out, max_message)?;
        }
        Ok(BytesMut::from(Bytes::from(out)))
    })
}

/// Inflates a slice. Returns whether more may follow: a message may have one final block (section
/// 7.2.3.4), at its end.
fn take(
    inflate: &mut Decompress,
    mut slice: &[u8],
    out: &mut Vec<u8>,
    max_message: usize,
) -> Result<bool, CloseReason> {
    let broken = || CloseReason::new(1007, "Compressed content that is not valid");
    loop {
        let before = inflate.total_in();
        let status =
            inflate.decompress_vec(slice, out, FlushDecompress::Sync).map_err(|_| broken())?;
        if out.len() > max_message {
            return Err(too_big(max_message));
        }
        slice = &slice[(inflate.total_in() - before) as usize..];
        let is_full = out.len() == out.capacity();
        match status {
            Status::StreamEnd if slice.len() <= 1 => return Ok(false),
            Status::StreamEnd => return Err(broken()),
            Status::Ok | Status::BufError if !is_full && slice.is_empty() => return Ok(true),
            Status::Ok | Status::BufError if !is_full => return Err(broken()),
            // One byte more than allowed shows that a message is too large.
            Status::Ok | Status::BufError => {
                out.reserve_exact(out.len().min(max_message + 1 - out.len()));
            }
        }
    }
}

/// Whether a client offers an agreement that the server can accept. Offers that limit the window
/// are declined, since a message to many peers is compressed once.
pub(crate) fn is_offered(headers: &HeaderMap) -> bool {
    extensions(headers).any(|(name, mut parameters)| {
        name.eq_ignore_ascii_case(NAME)
            && parameters
                .try_fold(Vec::new(), |known, parameter| once(known, parameter, offers))
                .is_some()
    })
}

/// Whether a server's answer to [`OFFER`] fits: it declines, or agrees as offered.
pub(crate) fn fits(headers: &HeaderMap) -> bool {
    let mut extensions = extensions(headers);
    let Some((name, mut parameters)) = extensions.next() else {
        return !headers.contains_key(header::SEC_WEBSOCKET_EXTENSIONS);
    };
    let known = parameters.try_fold(Vec::new(), |known, parameter| once(known, parameter, answers));
    name.eq_ignore_ascii_case(NAME)
        && known.is_some_and(|known| known.contains(&"server_no_context_takeover"))
        && extensions.next().is_none()
}

/// Adds a parameter to those seen before. `None` if it is repeated or not allowed.
fn once<'a>(
    mut known: Vec<&'a str>,
    (name, value): (&'a str, Option<&'a str>),
    allows: fn(&str, Option<&str>) -> bool,
) -> Option<Vec<&'a str>> {
    if known.contains(&name) || !allows(name, value) {
        return None;
    }
    known.push(name);
    Some(known)
}

/// Whether a server can accept an offer with this parameter (section 7.1).
fn offers(name: &str, value: Option<&str>) -> bool {
    match name {
        "server_no_context_takeover" | "client_no_context_takeover" => value.is_none(),
        "client_max_window_bits" => value.is_none_or(|bits| window_bits(bits).is_some()),
        _ => false,
    }
}

/// Whether a client can accept an answer with this parameter. The window of a server is never
/// larger than that of the inflater.
fn answers(name: &str, value: Option<&str>) -> bool {
    match name {
        "server_no_context_takeover" | "client_no_context_takeover" => value.is_none(),
        "server_max_window_bits" => value.and_then(window_bits).is_some(),
        _ => false,
    }
}

fn window_bits(text: &str) -> Option<u8> {
    text.parse().ok().filter(|bits| (8..=15).contains(bits) && !text.starts_with(['0', '+']))
}

/// Returns the extensions that a header lists, with their parameters (RFC 6455, section 9.1).
fn extensions(
    headers: &HeaderMap,
) -> impl Iterator<Item = (&str, impl Iterator<Item = (&str, Option<&str>)>)> {
    items(headers, &header::SEC_WEBSOCKET_EXTENSIONS).map(|extension| {
        let mut words = extension.split(';').map(str::trim);
        (words.next().unwrap_or_default(), words.map(parameter))
    })
}

fn parameter(word: &str) -> (&str, Option<&str>) {
    match word.split_once('=') {
        Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"'))),
        None => (word, None),
    }
}

#[cfg(test)]
mod tests;
