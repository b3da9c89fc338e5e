//! The values that clients have, with the commit that changed each of them last.
//!
//! Their encoding for new clients is kept in blocks. After a change, only the block of its key is
//! encoded again, so that a snapshot costs little more than sending it.

use std::borrow::Cow;

use bytes::Bytes;
use indexmap::{IndexMap, IndexSet, map::Entry};
use selvedge_wslink::{Packed, check_key, messages::server::encode_entries};

use super::{KeyName, Mark};

/// Number of keys in a block: enough that messages contain an encoded block by reference, which they
/// do from 8 KiB on.
const BLOCK: usize = 1024;

/// Keys are never removed, so that each stays in its block.
#[derive(Default)]
pub(crate) struct Pushed {
    values: IndexMap<KeyName, Committed>,
    /// The encoded entries of each block; `None` after a change.
    blocks: Vec<Option<Vec<Bytes>>>,
}

struct Committed {
    value: Packed,
    commit: u64,
}

impl Pushed {
    pub(crate) fn get(&self, key: &str) -> Option<&Packed> {
        self.values.get(key).map(|committed| &committed.value)
    }

    /// Returns the values of keys, nil for those without one. Keys that no page can have are left
    /// out.
    pub(crate) fn values_of<'a>(
        &self,
        keys: impl Iterator<Item = Cow<'a, str>>,
    ) -> Vec<(KeyName, Packed)> {
        let value = |key: &str| self.get(key).cloned().unwrap_or(Packed::nil());
        let keys: IndexSet<_> = keys.filter(|key| check_key(key).is_ok()).collect();
        keys.iter().map(|key| (KeyName::from(&**key), value(key))).collect()
    }

    /// Returns a key as it is kept here.
    pub(super) fn key(&self, key: &str) -> Option<&KeyName> {
        self.values.get_key_value(key).map(|(key, _)| key)
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (&KeyName, &Packed)> {
        self.values.iter().map(|(key, committed)| (key, &committed.value))
    }

    /// Returns the values that changed after a mark of this state.
    pub(super) fn after(&self, mark: &Mark) -> impl Iterator<Item = (&KeyName, &Packed)> {
        let newer = self.values.iter().filter(|(_, committed)| committed.commit > mark.commit);
        newer.map(|(key, committed)| (key, &committed.value))
    }

    pub(crate) fn insert(&mut self, key: KeyName, value: Packed, commit: u64) {
        let committed = Committed { value, commit };
        let index = match self.values.entry(key) {
            Entry::Occupied(mut entry) => {
                entry.insert(committed);
                entry.index()
            }
            Entry::Vacant(entry) => {
                let index = entry.index();
                entry.insert(committed);
                index
            }
        };
        match self.blocks.get_mut(index / BLOCK) {
            Some(block) => *block = None,
            None => self.blocks.push(None),
        }
    }

    /// Notes that all values were changed by a commit.
    pub(super) fn restamp(&mut self, commit: u64) {
        self.values.values_mut().for_each(|committed| committed.commit = commit);
    }

    /// Returns the encoded entries in parts.
    pub(crate) fn encoded(&mut self) -> impl Iterator<Item = &Bytes> + Clone {
        for (number, block) in self.blocks.iter_mut().enumerate() {
            block.get_or_insert_with(|| {
                let keys = number * BLOCK..((number + 1) * BLOCK).min(self.values.len());
                let values = &self.values;
                let entries = keys.filter_map(|index| values.get_index(index));
                encode_entries(entries.map(|(key, committed)| (&**key, &committed.value)))
            });
        }
        self.blocks.iter().flatten().flatten()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn decoded(pushed: &mut Pushed) -> BTreeMap<String, usize> {
        let mut whole = vec![0xdf];
        whole.extend_from_slice(&(pushed.len() as u32).to_be_bytes());
        pushed.encoded().for_each(|part| whole.extend_from_slice(part));
        Packed::checked(whole.into()).unwrap().decode().unwrap()
    }

    #[test]
    fn the_encoding_follows_each_change() {
        let mut pushed = Pushed::default();
        let mut expected = BTreeMap::new();
        assert_eq!(decoded(&mut pushed), expected);
        for number in [0, 1, BLOCK - 1, BLOCK, 3 * BLOCK, 7, BLOCK + 7] {
            for key in [number, number / 2, number + 1000] {
                let key = format!("key_{key}");
                let value = Packed::encode(&number).unwrap();
                pushed.insert(key.as_str().into(), value, 1);
                expected.insert(key, number);
            }
            assert_eq!(decoded(&mut pushed), expected);
        }
        for number in 0..2 * BLOCK + 1 {
            let key = format!("more_{number}");
            pushed.insert(key.as_str().into(), Packed::encode(&number).unwrap(), 2);
            expected.insert(key, number);
        }
        assert_eq!(decoded(&mut pushed), expected);
    }

    #[test]
    fn a_change_leaves_the_other_blocks_alone() {
        let mut pushed = Pushed::default();
        let set = |pushed: &mut Pushed, number: usize, value: usize| {
            let key = format!("key_{number:04}").as_str().into();
            pushed.insert(key, Packed::encode(&value).unwrap(), 1);
        };
        (0..3 * BLOCK).for_each(|number| set(&mut pushed, number, 0));
        let at = |pushed: &mut Pushed| -> Vec<*const u8> {
            pushed.encoded().map(|part| part.as_ptr()).collect()
        };
        let before = at(&mut pushed);
        assert_eq!(before.len(), 3);
        let kept: Vec<Bytes> = pushed.encoded().cloned().collect();
        set(&mut pushed, BLOCK, 5);
        let after = at(&mut pushed);
        assert_eq!((before[0], before[2]), (after[0], after[2]));
        assert_ne!(kept[1], pushed.encoded().nth(1).unwrap());
    }
}
