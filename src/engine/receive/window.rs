//! The window we advertise, and the memory behind it.
//!
//! RFC 9293 3.8.6. Linux counterpart: tcp_select_window, __tcp_select_window, tcp_select_initial_window, tcp_grow_window.

use crate::engine::clock::now::Now;
use crate::engine::netns::mib::Counter;
use crate::engine::netns::path_mtu::{TCP_HEADER, TCP_MSS_DEFAULT};
use crate::engine::tcb::control_block::Tcb;
use crate::sysctl::Sysctl;
use crate::wire::Flags;

/// What a new connection starts with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InitialWindow {
    pub(crate) rcv_wnd: u32,
    pub(crate) window_clamp: u32,
    pub(crate) wscale: u8,
}

/// net.core.rmem_max of Linux 6.18, bytes.
pub(crate) const RMEM_MAX: u32 = 4_194_304;

/// The first window for `space` bytes of buffer and segments of `mss` bytes, and the shift that the largest
/// buffer will need.
pub(crate) fn initial(sysctl: &Sysctl, space: u32, mss: u32, rcvbuf_locked: bool) -> InitialWindow {
    let mut clamp = 0xffff_u32 << 14;
    if rcvbuf_locked {
        clamp = clamp.min(space.max(mss));
    }
    let room = space.min(clamp);
    let rcv_wnd = if room > mss { room / mss * mss } else { room };
    let mut wscale = 0;
    if sysctl.tcp_window_scaling != 0 {
        let largest = room.max(sysctl.tcp_rmem[2] as u32).max(RMEM_MAX).min(clamp);
        wscale = (largest.max(1).ilog2().saturating_sub(15)).min(14) as u8;
    }
    InitialWindow {
        rcv_wnd: rcv_wnd.min(0xffff),
        window_clamp: clamp.min(0xffff << wscale),
        wscale,
    }
}

impl Tcb {
    fn win_from_space(&self, space: u32) -> u32 {
        ((u64::from(space) * u64::from(self.scaling_ratio)) >> 8) as u32
    }

    /// Window that the whole buffer is worth, bytes.
    pub(crate) fn full_space(&self) -> u32 {
        self.win_from_space(self.rcvbuf)
    }

    /// Window that the free part of the buffer is worth, bytes.
    fn free_space(&self) -> u32 {
        self.win_from_space(self.rcvbuf.saturating_sub(self.rmem_alloc))
    }

    /// What is left of the window last advertised, bytes.
    pub(crate) fn receive_window(&self) -> u32 {
        let left = self.rcv_wup + self.rcv_wnd - self.rcv_nxt;
        if left > i32::MAX as u32 { 0 } else { left }
    }

    /// The window that could be advertised now, bytes.
    pub(crate) fn possible_window(&mut self) -> u32 {
        let mut mss = self.delack.rcv_mss();
        let full = self.full_space().min(self.window_clamp);
        let mut free = self.free_space();
        if mss > full {
            mss = full;
            if mss == 0 {
                return 0;
            }
        }
        if free < full >> 1 {
            self.delack.leave_quickack_mode();
            let unit = 1 << self.rx.rcv_wscale;
            free = free / unit * unit;
            if free < full >> 4 || free < mss {
                return 0;
            }
        }
        free = free.min(self.rcv_ssthresh);
        if self.rx.rcv_wscale > 0 {
            return free.next_multiple_of(1 << self.rx.rcv_wscale);
        }
        let window = self.rcv_wnd;
        if window + mss <= free || window > free {
            free / mss.max(1) * mss
        } else if mss == full && free > window + (full >> 1) {
            free
        } else {
            window
        }
    }

    /// Decides the window of a segment that leaves now, and remembers it as advertised.
    pub(crate) fn select_window(&mut self) -> u16 {
        let current = self.receive_window();
        let mut window = self.possible_window();
        let was_open = self.rcv_wnd > 0;
        if window < current {
            if window == 0 {
                self.net.count(Counter::TCPWantZeroWindowAdv);
            }
            // what was offered is not taken back
            window = current.next_multiple_of(1 << self.rx.rcv_wscale);
        }
        self.rcv_wnd = window;
        self.rcv_wup = self.rcv_nxt;
        if window >> self.rx.rcv_wscale == 0 {
            self.predicted_window = None;
            if was_open {
                self.net.count(Counter::TCPToZeroWindowAdv);
            }
        } else if !was_open {
            self.net.count(Counter::TCPFromZeroWindowAdv);
        }
        (window.min(0xffff << self.rx.rcv_wscale) >> self.rx.rcv_wscale) as u16
    }

    /// A segment of some size came: a larger window may be worth its memory.
    pub(crate) fn grow_window(&mut self, payload: u32, options: u32) {
        let room = self
            .window_clamp
            .min(self.free_space())
            .saturating_sub(self.rcv_ssthresh);
        if room == 0 {
            return;
        }
        let truesize = self.footprint(payload, options).truesize;
        let grows = if self.win_from_space(truesize) <= payload {
            2 * self.advmss
        } else {
            self.grow_by_small_segments(truesize, payload)
        };
        if grows > 0 {
            self.rcv_ssthresh += room.min(grows.max(2 * payload));
            self.delack.window_grows();
        }
    }

    /// Segments that waste memory are tolerated while the window is far below the largest buffer.
    fn grow_by_small_segments(&self, truesize: u32, payload: u32) -> u32 {
        let mut truesize = self.win_from_space(truesize) >> 1;
        let mut window = self.win_from_space(self.sysctl.tcp_rmem[2] as u32) >> 1;
        while self.rcv_ssthresh <= window {
            if truesize <= payload {
                return 2 * self.delack.rcv_mss();
            }
            truesize >>= 1;
            window >>= 1;
        }
        0
    }

    /// Learns the peer's segment size, and from it how much of a buffer holds data.
    pub(crate) fn measure_rcv_mss(&mut self, payload: u32, options: u32, flags: Flags) {
        let last = self.delack.take_last_seg_size();
        // the size of one, where several came in one piece
        let len = match self.gso_size_heard {
            0 => payload,
            size => u32::from(size),
        };
        if len >= self.delack.rcv_mss() {
            if len != self.delack.rcv_mss() {
                let ratio = (payload << 8) / self.footprint(payload, options).truesize;
                if ratio.max(1) != self.scaling_ratio {
                    self.scaling_ratio = ratio.max(1);
                    self.set_window_clamp(self.full_space());
                }
            }
            self.delack.set_rcv_mss(len.min(self.advmss));
            // a full segment that ends a write: no more may come soon
            if flags.has(Flags::PSH) {
                self.delack.set_pushed();
            }
            return;
        }
        let with_header = len + TCP_HEADER + options;
        let control = flags.any(Flags::FIN | Flags::URG | Flags::SYN | Flags::PSH);
        let large = with_header >= TCP_MSS_DEFAULT + TCP_HEADER;
        let steady =
            with_header >= crate::engine::tcb::delack_state::TCP_MIN_MSS + TCP_HEADER && !control;
        if large || steady {
            let len = with_header - TCP_HEADER - self.header_options;
            if self.delack.size_repeats(last, len) {
                return;
            }
        }
        self.delack.small_segment();
    }

    fn set_window_clamp(&mut self, clamp: u32) {
        let old = std::mem::replace(&mut self.window_clamp, clamp.max(1_152));
        if self.window_clamp < old {
            self.rcv_ssthresh = self.rcv_ssthresh.min(self.window_clamp);
        } else {
            self.rcv_ssthresh = self.rcv_ssthresh.max(self.rcv_wnd.min(self.window_clamp));
        }
        self.rcv_space = self.rcv_space.min(self.window_clamp);
    }

    /// Starts the connection's receive accounting (Linux: tcp_init_buffer_space).
    pub(crate) fn init_buffer_space(&mut self, now: Now) {
        self.expand_sndbuf();
        let maxwin = self.full_space();
        self.window_clamp = self.window_clamp.min(maxwin);
        // one segment is kept back for the application that reads late
        if self.window_clamp > 2 * self.advmss && self.window_clamp + self.advmss > maxwin {
            self.window_clamp = (2 * self.advmss).max(maxwin - self.advmss);
        }
        self.rcv_ssthresh = self.rcv_ssthresh.min(self.window_clamp);
        self.rcv_space = self.rcv_ssthresh.min(self.rcv_wnd).min(10 * self.advmss);
        self.cwnd_usage.stamp(now.j);
        self.start_right_sizing(now);
    }
}
