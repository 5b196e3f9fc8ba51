//! The bytes of a buffer of the send queue: written piece by piece, then cut and sent without a copy.
//!
//! Linux counterpart: the page fragments of an `sk_buff`, which the clone that is sent shares.

use std::ops::{Deref, Range};

use bytes::{Buf, Bytes, BytesMut};

/// Bytes that can still grow in place, or that packets share.
#[derive(Clone, Debug)]
pub(crate) enum Data {
    /// The bytes are being written.
    Open(BytesMut),
    /// The bytes were sent at least once.
    Sealed(Bytes),
}

impl Default for Data {
    fn default() -> Data {
        Data::Open(BytesMut::new())
    }
}

impl Deref for Data {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Data::Open(bytes) => bytes,
            Data::Sealed(bytes) => bytes,
        }
    }
}

impl Data {
    /// Appends bytes. If packets share the bytes so far, these are copied first.
    pub(crate) fn extend_from_slice(&mut self, more: &[u8]) {
        if let Data::Sealed(bytes) = self {
            let mut open = BytesMut::with_capacity(bytes.len() + more.len());
            open.extend_from_slice(bytes);
            *self = Data::Open(open);
        }
        if let Data::Open(bytes) = self {
            bytes.extend_from_slice(more);
        }
    }

    /// Cuts the bytes at `at` and returns the part behind.
    pub(crate) fn split_off(&mut self, at: usize) -> Data {
        match self {
            Data::Open(bytes) => Data::Open(bytes.split_off(at)),
            Data::Sealed(bytes) => Data::Sealed(bytes.split_off(at)),
        }
    }

    /// Drops the first `n` bytes.
    pub(crate) fn advance(&mut self, n: usize) {
        match self {
            Data::Open(bytes) => bytes.advance(n),
            Data::Sealed(bytes) => bytes.advance(n),
        }
    }

    /// Makes packets share the bytes from now on.
    pub(crate) fn seal(&mut self) {
        if let Data::Open(bytes) = self {
            *self = Data::Sealed(std::mem::take(bytes).freeze());
        }
    }

    /// Returns bytes for a packet. They are shared once the payload is sealed, and copied before.
    pub(crate) fn slice(&self, range: Range<usize>) -> Bytes {
        match self {
            Data::Open(bytes) => Bytes::copy_from_slice(&bytes[range]),
            Data::Sealed(bytes) => bytes.slice(range),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_does_not_change_when_more_is_written() {
        let mut data = Data::default();
        data.extend_from_slice(b"one two ");
        data.seal();
        let sent = data.slice(0..data.len());
        data.extend_from_slice(b"three");
        data.advance(4);
        let rest = data.split_off(4);
        assert_eq!((&data[..], &rest[..]), (&b"two "[..], &b"three"[..]));
        assert_eq!(sent, b"one two "[..]);
    }

    #[test]
    fn a_slice_of_what_is_sealed_is_no_copy() {
        let mut data = Data::default();
        data.extend_from_slice(&[7; 100]);
        data.seal();
        let (a, b) = (data.slice(10..20), data.slice(15..30));
        assert_eq!(a.as_ptr().wrapping_add(5), b.as_ptr());
    }
}
