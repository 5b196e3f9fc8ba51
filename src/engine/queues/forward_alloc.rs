//! Memory that a socket holds, in whole pages: it decides whether the expected segment takes the short way.
//!
//! Linux counterpart: sk_forward_alloc, __sk_mem_schedule, sk_mem_uncharge. What follows when the host's memory is short
//! is in `resources.rs`.

/// Bytes of a page.
pub(crate) const PAGE: u32 = 4_096;
/// A send buffer is never smaller, bytes.
pub(crate) const MIN_SNDBUF: u32 = 4_608;
/// Memory of a buffer of the sender beside its data, bytes.
pub(crate) const SKB_OVERHEAD: u32 = 832;

/// What is reserved, and what of it is not used.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ForwardAlloc {
    /// Not used, bytes (less than a page).
    free: u32,
    /// At most 256 MB.
    pages: u16,
}

impl ForwardAlloc {
    /// Bytes that can be taken without asking for a page.
    pub(crate) fn available(self) -> u32 {
        self.free
    }

    /// All that is reserved, pages.
    pub(crate) fn pages(self) -> u16 {
        self.pages
    }

    /// Takes `bytes`, with new pages if need be.
    pub(crate) fn charge(&mut self, bytes: u32) {
        self.reserve(bytes);
        self.free -= bytes;
    }

    /// Makes sure that `bytes` can be taken, and does not take them.
    pub(crate) fn reserve(&mut self, bytes: u32) {
        if self.free < bytes {
            let pages = (bytes - self.free).div_ceil(PAGE);
            self.free += pages * PAGE;
            self.pages = self.pages.saturating_add(pages as u16);
        }
    }

    /// Gives `bytes` back; whole pages are returned.
    pub(crate) fn uncharge(&mut self, bytes: u32) {
        let free = self.free + bytes;
        self.free = free % PAGE;
        self.pages = self.pages.saturating_sub((free / PAGE) as u16);
    }
}
