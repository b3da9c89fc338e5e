//! Lists that grow at their end: pages get what is appended, not the whole list again.
//!
//! What must hold: the value of a series is the list that a page has which has followed all
//! appends; a page that missed one gets the whole list; the cost of an append does not grow with
//! the length, except for a copy of one chunk and a list of references to the others.

use std::{collections::VecDeque, fmt, marker::PhantomData};

use bytes::{Bytes, BytesMut};
use selvedge_wslink::Packed;
use serde::{Serialize, de::DeserializeOwned};

use super::{KeyOf, State};
use crate::Result;

/// Number of items in a chunk: few enough that a copy of one costs little, and enough that a long
/// list has few chunks.
const CHUNK: usize = 512;

/// A list in the state that grows at its end, such as the history of a plot; see
/// [`State::series`].
pub struct Series<T> {
    state: State,
    key: String,
    value: PhantomData<fn(T) -> T>,
}

impl<T> Clone for Series<T> {
    fn clone(&self) -> Self {
        Series { state: self.state.clone(), key: self.key.clone(), value: PhantomData }
    }
}

impl<T> fmt::Debug for Series<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Series").field(&self.key).finish()
    }
}

impl<T: Serialize + DeserializeOwned> Series<T> {
    /// Keeps the last `count` items, at least one: older ones are dropped with the next append.
    /// Default: all are kept.
    pub fn keep(self, count: usize) -> Self {
        self.state.store.lock().keep_items(&self.state.name(&self.key), count.max(1));
        self
    }

    /// Appends an item.
    ///
    /// # Errors
    /// [`values::Error::Encode`](crate::values::Error::Encode) if it cannot be sent to pages.
    pub fn push(&self, item: T) -> Result<()> {
        self.extend([item])
    }

    /// Appends items, in one step.
    ///
    /// # Errors
    /// [`values::Error::Encode`](crate::values::Error::Encode) if one cannot be sent to pages. Then
    /// none is appended.
    pub fn extend(&self, items: impl IntoIterator<Item = T>) -> Result<()> {
        let encoded = items.into_iter().map(|item| Packed::encode_for(&self.key, &item));
        let encoded = encoded.collect::<Result<Vec<_>, _>>()?;
        let name = self.state.name(&self.key);
        self.state.check_storable(&name)?;
        self.state.change(|inner, writer| inner.append(&name, &encoded, writer));
        Ok(())
    }

    /// Removes all items.
    pub fn clear(&self) {
        self.state.set(self.key.as_str(), [(); 0]);
    }

    /// Returns the items. Its cost grows with their number.
    ///
    /// # Errors
    /// [`values::Error::Decode`](crate::values::Error::Decode) if the application has set the key to
    /// something else.
    pub fn get(&self) -> Result<Vec<T>> {
        self.state.get(self.key.as_str())
    }
}

impl State {
    /// Returns a list that grows at its end, such as the history of a plot. Pages see it as a list;
    /// the built-in page gets each item once, other clients get the whole list with each change.
    /// Pages cannot set it.
    ///
    /// The key may be set like any other, which replaces the list. Listeners get the whole list, so
    /// their cost grows with its length.
    ///
    /// ```
    /// use selvedge::{Server, state::Key};
    ///
    /// const HISTORY: Key<Vec<(f64, f64)>> = Key::new("history");
    ///
    /// let server = Server::new("doc");
    /// let history = server.state().series(HISTORY).keep(400);
    /// history.push((0.0, 1.5))?;
    /// history.push((1.0, 1.8))?;
    /// assert_eq!(server.state().get(HISTORY)?, [(0.0, 1.5), (1.0, 1.8)]);
    /// # Ok::<(), selvedge::Error>(())
    /// ```
    pub fn series<T: Serialize + DeserializeOwned>(&self, key: impl KeyOf<Vec<T>>) -> Series<T> {
        let key = key.as_ref().to_owned();
        self.declare(&key, Packed::encode_list([].iter()));
        self.read_only(&[&key]);
        self.store.lock().begin_series(&self.name(&key));
        Series { state: self.clone(), key, value: PhantomData }
    }
}

/// What was appended to a list since its last commit.
#[derive(Debug)]
pub(super) struct Append {
    /// Number of items before.
    from: usize,
    /// Number of items that are dropped from the front when the new ones are there.
    dropped: usize,
    items: Vec<Packed>,
}

impl Append {
    /// Returns the append as pages get it, or `None` if the list itself is shorter.
    pub(super) fn message(&self) -> Option<Packed> {
        if self.dropped >= self.from {
            return None;
        }
        let entries = [
            ("from", Packed::encode(&self.from).ok()?),
            ("drop", Packed::encode(&self.dropped).ok()?),
            ("items", Packed::encode_list(self.items.iter())),
        ];
        Some(Packed::encode_map(&entries.map(|(key, value)| (key.to_owned(), value)).into()))
    }

    /// Joins an append with the one that follows it.
    pub(super) fn then(mut self, next: Append) -> Append {
        self.dropped += next.dropped;
        self.items.extend(next.items);
        self
    }
}

/// The encoded items of a series.
pub(super) struct Items {
    /// Chunks of [`CHUNK`] items.
    full: VecDeque<Chunk>,
    last: Chunk,
    /// Number of items of the first chunk that were dropped.
    skipped: usize,
    count: usize,
    keep: usize,
    /// Whether the value of the key may be another list: the items are then read from it.
    pub(super) replaced: bool,
}

#[derive(Default)]
struct Chunk {
    bytes: BytesMut,
    /// The encoded items, once there are no more to come.
    frozen: Bytes,
    /// Where each item ends.
    ends: Vec<usize>,
}

impl Default for Items {
    fn default() -> Self {
        Items {
            full: VecDeque::new(),
            last: Chunk::default(),
            skipped: 0,
            count: 0,
            keep: usize::MAX,
            replaced: true,
        }
    }
}

impl Items {
    /// Takes the items of a list; none if the value is something else.
    pub(super) fn load(&mut self, value: &Packed) {
        *self = Items { keep: self.keep, replaced: false, ..Items::default() };
        for item in value.items().unwrap_or_default() {
            self.push(&item);
        }
        self.drop_surplus();
    }

    pub(super) fn keep(&mut self, count: usize) {
        self.keep = count;
    }

    /// Appends items.
    pub(super) fn append(&mut self, items: &[Packed]) -> Append {
        let from = self.count;
        items.iter().for_each(|item| self.push(item));
        Append { from, dropped: self.drop_surplus(), items: items.to_vec() }
    }

    fn push(&mut self, item: &Packed) {
        self.last.bytes.extend_from_slice(item.as_bytes());
        self.last.ends.push(self.last.bytes.len());
        self.count += 1;
        if self.last.ends.len() == CHUNK {
            let mut chunk = std::mem::take(&mut self.last);
            chunk.frozen = std::mem::take(&mut chunk.bytes).freeze();
            self.full.push_back(chunk);
        }
    }

    /// Drops the items beyond those that are kept. Returns their number.
    fn drop_surplus(&mut self) -> usize {
        let surplus = self.count.saturating_sub(self.keep);
        self.count -= surplus;
        self.skipped += surplus;
        while self.skipped >= CHUNK && self.full.pop_front().is_some() {
            self.skipped -= CHUNK;
        }
        surplus
    }

    /// Returns the list as a value.
    pub(super) fn value(&self) -> Packed {
        let last = Bytes::copy_from_slice(&self.last.bytes);
        let chunks = self.full.iter().map(|chunk| (chunk, &chunk.frozen));
        let mut chunks = chunks.chain([(&self.last, &last)]);
        let first = chunks.next().map(|(chunk, bytes)| match self.skipped {
            0 => bytes.clone(),
            skipped => bytes.slice(chunk.ends[skipped - 1]..),
        });
        let parts = first.into_iter().chain(chunks.map(|(_, bytes)| bytes.clone()));
        Packed::list_of_encoded(self.count, parts.filter(|part| !part.is_empty()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(number: usize) -> Packed {
        Packed::encode(&number).unwrap()
    }

    #[test]
    fn the_value_is_the_list_that_appends_make() {
        for keep in [1, 3, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, usize::MAX] {
            let mut items = Items::default();
            items.load(&Packed::nil());
            items.keep(keep);
            let (mut expected, mut next) = (Vec::new(), 0);
            for size in [1, 2, CHUNK - 2, 1, CHUNK, 5, 2 * CHUNK + 3, 0, 1] {
                let new: Vec<_> = (next..next + size).map(packed).collect();
                next += size;
                let Append { from, dropped, items: added } = items.append(&new);
                assert_eq!((from, added.len()), (expected.len(), size));
                expected.extend(next - size..next);
                expected.drain(..dropped);
                assert_eq!(expected.len(), next.min(keep));
                assert_eq!(items.value().decode::<Vec<usize>>().unwrap(), expected);
            }
            let mut again = Items::default();
            again.load(&items.value());
            assert_eq!(again.value(), items.value());
        }
    }
}
