//! Compression of messages: permessage-deflate (RFC 7692), without context takeover.
//!
//! Each message is compressed independently. Small messages shrink less than with a context, but a
//! connection needs no memory for one, and a message to many peers is compressed once.
//!
//! What must hold: the maximum size of a message applies before it is inflated completely; what
//! does not shrink is sent as it is; neither end keeps a state between messages.

use std::cell::RefCell;

use bytes::{Bytes, BytesMut};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use http::{HeaderMap, HeaderValue, header};
use tokio::task::spawn_blocking;

use crate::{
    error::{CloseReason, too_big},
    header_list::items,
};

/// The name of the extension.
const NAME: &str = "permessage-deflate";

/// What a client offers, and what a server answers: each message is compressed independently.
pub(crate) const OFFER: &str =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
pub(crate) const AGREEMENT: HeaderValue = HeaderValue::from_static(OFFER);

/// Minimum size in bytes of a message that is compressed. The packets of a smaller one have about
/// the same size either way.
const MIN_SIZE: usize = 1024;

/// Minimum size in bytes for sampling, and for compressing on a blocking thread.
const LARGE: usize = 32 * 1024;

/// The sample: this many pieces of this many bytes, spread over the message.
const SAMPLE: (usize, usize) = (4, 2048);

/// Maximum compressed size in percent of the original. Larger results are discarded.
const MAX_PERCENT: usize = 80;

/// What ends each compressed message, and is not sent (section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The tail, and a final empty block, which a decompressor accepts only after a complete message.
const TAIL_AND_END: [u8; 9] = [0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff];

/// Maximum number of final blocks in a message (section 7.2.3.4): to begin anew takes time.
const MAX_FINAL_BLOCKS: usize = 16;

/// Compression level, chosen for JSON-like text. Level 1 is twice as fast, but its output is half
/// as large again; higher levels take up to three times as long to save a twentieth.
const LEVEL: Compression = Compression::new(2);

/// Size in bytes of the buffer between the compressor and the message.
const SCRATCH: usize = 16 * 1024;

thread_local! {
    // Kept for the next message: it takes a quarter of a MiB, and 12 µs to set up.
    static COMPRESSOR: RefCell<Compressor> = RefCell::new(Compressor::new());
    static DECOMPRESSOR: RefCell<Decompress> = RefCell::new(Decompress::new(false));
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
        if parts.iter().map(Bytes::len).sum::<usize>() < LARGE {
            return Self::new(parts);
        }
        let parts = parts.to_vec();
        // Fails only when the runtime shuts down.
        spawn_blocking(move || Self::new(&parts)).await.ok().flatten()
    }

    /// Compresses the content on this thread.
    fn new(parts: &[Bytes]) -> Option<Self> {
        let size = parts.iter().map(Bytes::len).sum::<usize>();
        if size < MIN_SIZE || size >= LARGE && !shrinks(parts, size) {
            return None;
        }
        let slices = parts.iter().map(|part| &part[..]);
        deflate(slices, max_compressed(size)).map(|content| Deflated(content.into()))
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

/// Returns the maximum compressed size in bytes of content with this size.
fn max_compressed(size: usize) -> usize {
    size / 100 * MAX_PERCENT
}

/// Whether a sample of the content shrinks.
fn shrinks(parts: &[Bytes], size: usize) -> bool {
    let (count, length) = SAMPLE;
    let mut sample = Vec::with_capacity(count * length);
    for number in 0..count {
        copy(parts, (size - length) / (count - 1) * number, length, &mut sample);
    }
    deflate([&sample[..]], max_compressed(sample.len())).is_some()
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
fn deflate<'a>(slices: impl IntoIterator<Item = &'a [u8]>, max_size: usize) -> Option<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|compressor| {
        let mut out = Vec::new();
        let max_size = max_size + TAIL.len();
        let is_complete = slices
            .into_iter()
            .all(|slice| compressor.put(slice, &mut out, FlushCompress::None, max_size))
            && compressor.put(&[], &mut out, FlushCompress::Sync, max_size);
        compressor.reset(is_complete);
        out.truncate(out.len().saturating_sub(TAIL.len()));
        // May stay queued for a slow peer: keep no spare capacity.
        out.shrink_to_fit();
        is_complete.then_some(out)
    })
}

/// A compressor, with a buffer for its output. flate2 zeroes the spare capacity of a vector each
/// time it is given one.
struct Compressor {
    state: Compress,
    scratch: Box<[u8; SCRATCH]>,
}

impl Compressor {
    fn new() -> Self {
        Compressor { state: Compress::new(LEVEL, false), scratch: Box::new([0; SCRATCH]) }
    }

    /// Compresses a slice. Returns `false` if the output exceeds this many bytes.
    fn put(
        &mut self,
        mut slice: &[u8],
        out: &mut Vec<u8>,
        flush: FlushCompress,
        max_size: usize,
    ) -> bool {
        loop {
            let before = (self.state.total_in(), self.state.total_out());
            if self.state.compress(slice, &mut self.scratch[..], flush).is_err() {
                return false;
            }
            let taken = (self.state.total_in() - before.0) as usize;
            let made = (self.state.total_out() - before.1) as usize;
            slice = &slice[taken..];
            out.extend_from_slice(&self.scratch[..made]);
            if out.len() > max_size {
                return false;
            }
            if slice.is_empty() && made < SCRATCH {
                return true;
            }
        }
    }

    /// Prepares for the next message.
    fn reset(&mut self, is_complete: bool) {
        match is_complete {
            true => self.state.reset(),
            // In zlib-rs 0.6, a reset does not rewind the buffer of pending output if there is some
            // left, and a later message panics.
            false => self.state = Compress::new(LEVEL, false),
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
    DECOMPRESSOR.with_borrow_mut(|decompressor| {
        decompressor.reset(false);
        let size = content.len().saturating_mul(2).min(max_message);
        let mut inflating =
            Inflating { decompressor, out: Vec::with_capacity(size), max_message, final_blocks: 0 };
        inflating.take(content)?;
        if !inflating.take(&TAIL_AND_END)? {
            return Err(broken());
        }
        let mut out = inflating.out;
        // A small message may have large content, and a message may be kept.
        if out.capacity() / 2 > out.len() {
            out.shrink_to_fit();
        }
        Ok(BytesMut::from(Bytes::from(out)))
    })
}

/// A message that is being inflated.
struct Inflating<'a> {
    decompressor: &'a mut Decompress,
    out: Vec<u8>,
    max_message: usize,
    final_blocks: usize,
}

impl Inflating<'_> {
    /// Inflates a slice. Returns whether it ended with a final block.
    fn take(&mut self, mut slice: &[u8]) -> Result<bool, CloseReason> {
        loop {
            let before = self.decompressor.total_in();
            let inflated =
                self.decompressor.decompress_vec(slice, &mut self.out, FlushDecompress::Sync);
            let status = inflated.map_err(|_| broken())?;
            if self.out.len() > self.max_message {
                return Err(too_big(self.max_message));
            }
            slice = &slice[(self.decompressor.total_in() - before) as usize..];
            if status == Status::StreamEnd {
                if slice.is_empty() {
                    return Ok(true);
                }
                self.begin_anew()?;
            } else if self.out.len() == self.out.capacity() {
                // One byte more than allowed shows that a message is too large.
                let room = (self.max_message - self.out.len()).saturating_add(1);
                self.out.reserve_exact(self.out.len().max(64).min(room));
            } else if slice.is_empty() {
                return Ok(false);
            } else {
                return Err(broken());
            }
        }
    }

    /// Continues after a final block.
    fn begin_anew(&mut self) -> Result<(), CloseReason> {
        self.final_blocks += 1;
        if self.final_blocks > MAX_FINAL_BLOCKS {
            return Err(broken());
        }
        self.decompressor.reset(false);
        Ok(())
    }
}

fn broken() -> CloseReason {
    CloseReason::new(1007, "Compressed content that is not valid")
}

/// Whether a client offers an agreement that the server can accept. Offers that limit the window
/// are declined, since a message to many peers is compressed once.
pub(crate) fn is_offered(headers: &HeaderMap) -> bool {
    extensions(headers).any(|(name, parameters)| {
        name.eq_ignore_ascii_case(NAME) && names(parameters, is_offer_parameter).is_some()
    })
}

/// Whether a server's answer to [`OFFER`] is valid: it declines, or agrees as offered.
pub(crate) fn is_valid_answer(headers: &HeaderMap) -> bool {
    let mut extensions = extensions(headers);
    let Some((name, parameters)) = extensions.next() else {
        return !headers.contains_key(header::SEC_WEBSOCKET_EXTENSIONS);
    };
    let names = names(parameters, is_answer_parameter);
    name.eq_ignore_ascii_case(NAME)
        && names.is_some_and(|names| names.contains(&"server_no_context_takeover"))
        && extensions.next().is_none()
}

/// Returns the names of parameters; `None` if one is repeated or not allowed.
fn names<'a>(
    parameters: impl Iterator<Item = (&'a str, Option<&'a str>)>,
    allows: fn(&str, Option<&str>) -> bool,
) -> Option<Vec<&'a str>> {
    let mut names = Vec::new();
    for (name, value) in parameters {
        if names.contains(&name) || !allows(name, value) {
            return None;
        }
        names.push(name);
    }
    Some(names)
}

/// Whether a server can accept an offer with this parameter (section 7.1).
fn is_offer_parameter(name: &str, value: Option<&str>) -> bool {
    match name {
        "server_no_context_takeover" | "client_no_context_takeover" => value.is_none(),
        "client_max_window_bits" => value.is_none_or(|bits| window_bits(bits).is_some()),
        _ => false,
    }
}

/// Whether a client can accept an answer with this parameter. The window of a server is never
/// larger than that of the inflater.
fn is_answer_parameter(name: &str, value: Option<&str>) -> bool {
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
