//! What the encoder has written: bytes, and large values between them by reference.

use std::ops::Range;

use bytes::Bytes;

use crate::{
    fault::Fault,
    storage::{MAX_VALUES, SHARED, Storage},
};

/// An encoded value.
#[derive(Default)]
pub(crate) struct Output {
    pub(crate) bytes: Vec<u8>,
    /// What belongs between the bytes, each with its position there.
    shared: Vec<(usize, Bytes)>,
    /// Whether some client may be unable to hold the value. In Rust types, only keys of maps and
    /// extensions can cause that.
    pub(crate) is_doubtful: bool,
}

impl Output {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Output { bytes: Vec::with_capacity(bytes), ..Output::default() }
    }

    /// Adds the header of a byte string.
    pub(super) fn put_bin_header(&mut self, size: usize) {
        put(rmp::encode::write_bin_len(&mut self.bytes, size as u32));
    }

    /// Adds an encoded value, by reference where it is large.
    pub(super) fn put(&mut self, storage: &Storage) {
        match storage.shared() {
            None => self.bytes.extend_from_slice(storage.as_slice()),
            Some(parts) => parts.iter().for_each(|part| self.put_bytes(part)),
        }
    }

    fn put_bytes(&mut self, bytes: &Bytes) {
        match bytes.len() < SHARED {
            true => self.bytes.extend_from_slice(bytes),
            false => self.shared.push((self.bytes.len(), bytes.clone())),
        }
    }

    /// Replaces bytes, such as the header of a list, by others.
    pub(super) fn replace(&mut self, place: Range<usize>, bytes: Vec<u8>) {
        for (position, _) in &mut self.shared {
            if *position >= place.end {
                *position = *position + bytes.len() - place.len();
            }
        }
        self.bytes.splice(place, bytes);
    }

    /// Checks that the value fits into a message, whose size has 32 bits.
    pub(super) fn check_size(&self) -> Result<(), Fault> {
        let shared: usize = self.shared.iter().map(|(_, bytes)| bytes.len()).sum();
        match self.bytes.len() + shared {
            0..=MAX_VALUES => Ok(()),
            size => {
                Err(Fault::new(format!("it has {size} bytes, and a message has 4 GiB at most")))
            }
        }
    }

    pub(crate) fn into_storage(self) -> Storage {
        if self.shared.is_empty() {
            return self.bytes.into();
        }
        let mut rest = Bytes::from(self.bytes);
        let (mut parts, mut taken) = (Vec::with_capacity(2 * self.shared.len() + 1), 0);
        for (position, bytes) in self.shared {
            parts.push(rest.split_to(position - taken));
            parts.push(bytes);
            taken = position;
        }
        parts.push(rest);
        parts.retain(|part| !part.is_empty());
        match <[Bytes; 1]>::try_from(parts) {
            Ok([whole]) => whole.into(),
            Err(parts) => Storage::parts(parts),
        }
    }
}

/// Asserts that a write succeeded. Writing into memory does not fail.
pub(super) fn put<T, E>(written: Result<T, E>) {
    debug_assert!(written.is_ok());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_no_message_can_carry_are_refused() {
        let mut output = Output::default();
        // The same memory many times.
        let part = Bytes::from(vec![0; 1 << 20]);
        output.shared.extend((0..4094).map(|_| (0, part.clone())));
        assert!(output.check_size().is_ok());
        output.shared.push((0, part));
        output.bytes.push(0);
        let fault = output.check_size().unwrap_err().to_string();
        assert!(fault.contains("4 GiB at most"), "{fault}");
    }
}
