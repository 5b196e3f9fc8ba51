//! Memory that a socket holds, in whole pages: it decides whether the expected segment takes the short way.
//!
//! Linux counterpart: sk_forward_alloc, __sk_mem_schedule, sk_mem_uncharge. Only the bookkeeping is modelled: memory
//! itself is never short here.

/// Bytes of a page.
const PAGE: u32 = 4_096;
/// Memory of a buffer of the sender beside its data, bytes.
pub(super) const SKB_OVERHEAD: u32 = 832;

/// What is reserved and not used, bytes (less than a page).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ForwardAlloc(u32);

impl ForwardAlloc {
    /// Bytes that can be taken without asking for a page.
    pub(super) fn available(self) -> u32 {
        self.0
    }

    /// Takes `bytes`, with new pages if need be.
    pub(super) fn charge(&mut self, bytes: u32) {
        self.reserve(bytes);
        self.0 -= bytes;
    }

    /// Makes sure that `bytes` can be taken, and does not take them.
    pub(super) fn reserve(&mut self, bytes: u32) {
        if self.0 < bytes {
            self.0 += (bytes - self.0).div_ceil(PAGE) * PAGE;
        }
    }

    /// Gives `bytes` back; whole pages are returned.
    pub(super) fn uncharge(&mut self, bytes: u32) {
        self.0 = (self.0 + bytes) % PAGE;
    }
}
