//! How the bytes of a value are kept.
//!
//! Most values are small and need no allocation. Large byte strings inside of a value stay where
//! they are: the value is then made of parts, which are joined only where one slice is needed.

use std::{
    borrow::Cow,
    ops::Range,
    sync::{Arc, OnceLock},
};

use bytes::{BufMut, Bytes, BytesMut};

/// Maximum size in bytes of a value without an allocation. With it, the storage is as large as
/// [`Bytes`] where pointers have 64 bits.
const INLINE: usize = 22;

/// Size in bytes from which a value is part of a message by reference. To copy a smaller one costs
/// less than another part of a write.
pub(crate) const SHARED: usize = 8 * 1024;

/// Maximum size in bytes of the values in a message, with room for the rest of it: sizes have 32
/// bits on the wire.
pub(crate) const MAX_VALUES: usize = u32::MAX as usize - (1 << 20);

/// The bytes of one value. Cheap to clone.
#[derive(Clone)]
pub(crate) enum Storage {
    Whole(Bytes),
    Other(Other),
}

#[derive(Clone)]
pub(crate) enum Other {
    Inline { size: u8, bytes: [u8; INLINE] },
    Rope(Arc<Rope>),
}

/// Rope that follow each other.
pub(crate) struct Rope {
    parts: Vec<Bytes>,
    size: usize,
    /// The joined parts, once they were needed.
    whole: OnceLock<Bytes>,
}

impl Storage {
    /// Keeps a few bytes. At most 22 fit.
    pub(crate) const fn inline(small: &[u8]) -> Self {
        let mut bytes = [0; INLINE];
        let mut at = 0;
        while at < small.len() {
            bytes[at] = small[at];
            at += 1;
        }
        Storage::Other(Other::Inline { size: small.len() as u8, bytes })
    }

    /// Keeps a part of these bytes.
    #[inline]
    pub(crate) fn piece(whole: &Bytes, place: Range<usize>) -> Self {
        match place.len() {
            0..=INLINE => Storage::inline(&whole[place]),
            _ => Storage::Whole(whole.slice(place)),
        }
    }

    pub(crate) fn parts(parts: Vec<Bytes>) -> Self {
        let size = parts.iter().map(Bytes::len).sum();
        Storage::Other(Other::Rope(Arc::new(Rope { parts, size, whole: OnceLock::new() })))
    }

    /// Size in bytes.
    #[inline]
    pub(crate) fn size(&self) -> usize {
        match self {
            Storage::Whole(bytes) => bytes.len(),
            Storage::Other(Other::Inline { size, .. }) => usize::from(*size),
            Storage::Other(Other::Rope(parts)) => parts.size,
        }
    }

    /// The bytes in one slice. Rope are joined by the first call, and kept twice from then on.
    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Storage::Whole(bytes) => bytes,
            Storage::Other(Other::Inline { size, bytes }) => &bytes[..usize::from(*size)],
            Storage::Other(Other::Rope(parts)) => parts.whole(),
        }
    }

    /// The bytes in one piece, shared unless they are few. Rope are joined by each call.
    pub(crate) fn to_bytes(&self) -> Bytes {
        match self {
            Storage::Whole(bytes) => bytes.clone(),
            Storage::Other(Other::Inline { .. }) => Bytes::copy_from_slice(self.as_slice()),
            Storage::Other(Other::Rope(parts)) => parts.join(),
        }
    }

    /// The parts of the bytes, in order.
    #[inline]
    pub(crate) fn slices(&self) -> impl Iterator<Item = &[u8]> {
        let (single, several): (Option<&[u8]>, &[Bytes]) = match self {
            Storage::Other(Other::Rope(parts)) => (None, &parts.parts),
            other => (Some(other.as_slice()), &[]),
        };
        single.into_iter().chain(several.iter().map(|part| &part[..]))
    }

    /// The parts of the bytes that can be shared; `None` for a value that is kept inline.
    #[inline]
    pub(crate) fn shared(&self) -> Option<&[Bytes]> {
        match self {
            Storage::Whole(bytes) => Some(std::slice::from_ref(bytes)),
            Storage::Other(Other::Inline { .. }) => None,
            Storage::Other(Other::Rope(parts)) => Some(&parts.parts),
        }
    }

    /// The bytes in one piece, which is a copy if they are in parts.
    pub(crate) fn joined(&self) -> Cow<'_, Storage> {
        match self {
            Storage::Other(Other::Rope(parts)) => Cow::Owned(Storage::Whole(parts.join())),
            whole => Cow::Borrowed(whole),
        }
    }

    /// The first byte of a value, which has at least one.
    #[inline]
    pub(crate) fn first(&self) -> u8 {
        self.slices().next().and_then(|slice| slice.first()).copied().unwrap_or(0)
    }
}

impl Rope {
    fn whole(&self) -> &Bytes {
        self.whole.get_or_init(|| self.join())
    }

    fn join(&self) -> Bytes {
        let mut whole = BytesMut::with_capacity(self.size);
        self.parts.iter().for_each(|part| whole.put_slice(part));
        whole.freeze()
    }
}

impl From<Bytes> for Storage {
    #[inline]
    fn from(bytes: Bytes) -> Self {
        match bytes.len() {
            0..=INLINE => Storage::inline(&bytes),
            _ => Storage::Whole(bytes),
        }
    }
}

impl From<Vec<u8>> for Storage {
    #[inline]
    fn from(bytes: Vec<u8>) -> Self {
        match bytes.len() {
            0..=INLINE => Storage::inline(&bytes),
            _ => Storage::Whole(bytes.into()),
        }
    }
}

/// Compares bytes, wherever they are cut. Nothing is joined.
impl PartialEq for Storage {
    fn eq(&self, other: &Self) -> bool {
        if self.size() != other.size() {
            return false;
        }
        let (mut ours, mut theirs) = (self.slices(), other.slices());
        let (mut one, mut two): (&[u8], &[u8]) = (&[], &[]);
        loop {
            while one.is_empty() {
                match ours.next() {
                    Some(slice) => one = slice,
                    None => return true,
                }
            }
            while two.is_empty() {
                match theirs.next() {
                    Some(slice) => two = slice,
                    None => return true,
                }
            }
            let size = one.len().min(two.len());
            // The same bytes need no comparison.
            if one.as_ptr() != two.as_ptr() && one[..size] != two[..size] {
                return false;
            }
            (one, two) = (&one[size..], &two[size..]);
        }
    }
}

impl Eq for Storage {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_equal_wherever_they_are_cut() {
        let content: Vec<u8> = (0..100).collect();
        let parts = |at: usize| {
            let whole = Bytes::from(content.clone());
            Storage::parts(vec![whole.slice(..at), whole.slice(at..)])
        };
        let whole = Storage::from(content.clone());
        for at in [0, 1, 50, 99, 100] {
            assert!(parts(at) == whole && whole == parts(at) && parts(at) == parts(30));
            assert_eq!(parts(at).as_slice(), content);
            assert_eq!(parts(at).size(), 100);
        }
        let mut other = content.clone();
        other[70] = 0;
        assert!(parts(30) != Storage::from(other));
        assert!(parts(30) != Storage::from(content[..99].to_vec()));
    }

    #[test]
    fn small_values_are_kept_inline() {
        #[cfg(target_pointer_width = "64")]
        assert_eq!(size_of::<Storage>(), size_of::<Bytes>());
        for size in [0, 1, INLINE, INLINE + 1] {
            let storage = Storage::from(vec![7; size]);
            assert_eq!(storage.shared().is_none(), size <= INLINE);
            assert_eq!((storage.as_slice(), storage.size()), (&vec![7; size][..], size));
            assert!(storage == Storage::from(Bytes::from(vec![7; size])));
        }
    }
}
