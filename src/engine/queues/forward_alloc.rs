//! The memory that a socket holds, in whole pages. It decides whether the expected segment takes the fast path.
//!
//! Linux counterpart: sk_forward_alloc, __sk_mem_schedule, sk_mem_uncharge. What follows when the host's memory is short
//! is in `resources.rs`.

/// Size of a page, bytes.
pub(crate) const PAGE: u32 = 4_096;
/// Smallest send buffer, bytes.
pub(crate) const MIN_SNDBUF: u32 = 4_608;
/// Memory of a buffer of the send queue in addition to its data, bytes.
pub(crate) const SKB_OVERHEAD: u32 = 832;

/// The memory that is reserved, and the part of it that is not used.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ForwardAlloc {
    /// The memory that is not used, bytes (less than a page).
    free: u32,
    /// The pages that are reserved (at most 256 MB).
    pages: u16,
}

impl ForwardAlloc {
    /// Returns the bytes that can be taken without a new page.
    pub(crate) fn available(self) -> u32 {
        self.free
    }

    /// Returns the pages that are reserved.
    pub(crate) fn pages(self) -> u16 {
        self.pages
    }

    /// Takes `bytes`, with new pages if they are needed.
    pub(crate) fn charge(&mut self, bytes: u32) {
        self.reserve(bytes);
        self.free -= bytes;
    }

    /// Reserves pages so that `bytes` can be taken, without taking them.
    pub(crate) fn reserve(&mut self, bytes: u32) {
        if self.free < bytes {
            let pages = (bytes - self.free).div_ceil(PAGE);
            self.free += pages * PAGE;
            self.pages = self.pages.saturating_add(pages as u16);
        }
    }

    /// Returns `bytes` to the reserve, and whole pages to the host.
    pub(crate) fn uncharge(&mut self, bytes: u32) {
        let free = self.free + bytes;
        self.free = free % PAGE;
        self.pages = self.pages.saturating_sub((free / PAGE) as u16);
    }
}
