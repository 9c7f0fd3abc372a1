//! Writing bytes on, counted and hashed.

use std::io;

use crate::digest::{Digest, Hasher};

/// Writes bytes on, counting and hashing them.
pub(super) struct Tee<W> {
    inner: W,
    hasher: Hasher,
    written: u64,
}

impl<W> Tee<W> {
    pub(super) fn new(inner: W) -> Self {
        Self {
            inner,
            hasher: Hasher::new(),
            written: 0,
        }
    }

    /// Returns the digest and the number of the bytes that were written.
    pub(super) fn finish(self) -> (Digest, u64) {
        (self.hasher.finish(), self.written)
    }
}

impl<W: io::Write> io::Write for Tee<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
