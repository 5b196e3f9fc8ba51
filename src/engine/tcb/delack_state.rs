//! Whether an ACK is due, how long it may wait, and what is known of the peer's segments.
//!
//! RFC 9293 3.8.6.3, RFC 5681 4.2. Linux counterpart: icsk_ack of struct inet_connection_sock. When an ACK is sent is
//! decided in `receive/delack.rs`.

use std::num::NonZeroU64;

use crate::engine::clock::stamp::Stamp;
use crate::time::{Jiffies, TickSpan};

/// Smallest estimate of the peer's segment size, bytes.
pub(crate) const TCP_MIN_MSS: u32 = 88;
/// ACKs sent at once when a connection is young or something went wrong.
const MAX_QUICKACKS: u8 = 16;

/// What bounds the delay of an ACK, in ticks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AtoLimits {
    /// The shortest delay, where the estimate starts.
    pub(crate) min: TickSpan,
    /// The longest delay.
    pub(crate) max: TickSpan,
    /// The retransmission timeout.
    pub(crate) rto: TickSpan,
}

/// The state of delayed ACKs.
#[derive(Clone, Debug)]
pub(crate) struct DelAck {
    /// An ACK is due, at once or later.
    scheduled: bool,
    /// The delayed-ACK timer is what will send it.
    timer: bool,
    /// A segment smaller than the peer's largest came, or one that ends a write.
    pushed: bool,
    /// A second one came.
    pushed2: bool,
    /// The ACK is sent as soon as the segment is dealt with.
    now: bool,
    /// ACKs still to be sent at once.
    quick: u8,
    /// Data sent in answer to data; from sysctl tcp_pingpong_thresh on, ACKs travel with the data.
    pingpong: u8,
    /// The delay, ticks; none before the first data.
    ato: Option<NonZeroU64>,
    /// Tick of the last data that came, or of the end of the handshake; none before that.
    lrcvtime: Stamp<Jiffies>,
    /// Flow label of the last data that came.
    lrcv_flowlabel: u32,
    last_seg_size: u32,
    rcv_mss: u32,
}

impl Default for DelAck {
    fn default() -> Self {
        DelAck {
            scheduled: false,
            timer: false,
            pushed: false,
            pushed2: false,
            now: false,
            quick: 0,
            pingpong: 0,
            ato: None,
            lrcvtime: Stamp::NONE,
            lrcv_flowlabel: 0,
            last_seg_size: 0,
            rcv_mss: TCP_MIN_MSS,
        }
    }
}

/// Whether an ACK is due.
impl DelAck {
    /// An ACK is due.
    pub(crate) fn schedule(&mut self) {
        self.scheduled = true;
    }

    /// An ACK that is due is sent at once.
    pub(crate) fn set_now(&mut self) {
        self.now = true;
    }

    /// An ACK is due when the delayed-ACK timer fires, which is armed.
    pub(crate) fn arm(&mut self) {
        self.scheduled = true;
        self.timer = true;
    }

    /// Whether an ACK is due.
    pub(crate) fn is_scheduled(&self) -> bool {
        self.scheduled
    }

    /// Whether the delayed-ACK timer is armed for it.
    pub(crate) fn is_armed(&self) -> bool {
        self.timer
    }

    /// Whether it is sent at once, of a connection with this sysctl tcp_pingpong_thresh.
    pub(crate) fn is_now(&self, pingpong_thresh: i64) -> bool {
        self.now || (self.quick > 0 && !self.in_pingpong(pingpong_thresh))
    }

    /// Handles the expiry of the timer, and returns whether it has an ACK to send.
    pub(crate) fn timer_fired(&mut self) -> bool {
        std::mem::take(&mut self.timer) && self.scheduled
    }

    /// An ACK left, alone or with data.
    pub(crate) fn sent(&mut self, limits: AtoLimits) {
        if self.quick > 0 && self.scheduled {
            self.quick -= 1;
            if self.quick == 0 {
                self.set_ato(limits.min);
            }
        }
        self.scheduled = false;
        self.timer = false;
        self.pushed = false;
        self.pushed2 = false;
        self.now = false;
    }
}

/// How long it may wait.
impl DelAck {
    fn set_ato(&mut self, ato: TickSpan) {
        self.ato = NonZeroU64::new(ato.0);
    }

    /// The delay, ticks; 0 before the first data.
    pub(crate) fn ato(&self) -> TickSpan {
        TickSpan(self.ato.map_or(0, NonZeroU64::get))
    }

    /// Whether the application answers data with data, so that ACKs need not leave alone.
    pub(crate) fn in_pingpong(&self, thresh: i64) -> bool {
        i64::from(self.pingpong) >= thresh
    }

    /// From now on ACKs travel with data.
    pub(crate) fn enter_pingpong(&mut self, thresh: i64) {
        self.pingpong = u8::try_from(thresh).unwrap_or(u8::MAX);
    }

    /// From now on ACKs leave alone.
    pub(crate) fn exit_pingpong(&mut self) {
        self.pingpong = 0;
    }

    /// The next ACKs leave at once, as many as half the window has segments (Linux: tcp_incr_quickack).
    fn incr_quickack(&mut self, rcv_wnd: u32) {
        let segments = rcv_wnd / (2 * self.rcv_mss.max(1));
        let wanted = match u8::try_from(segments) {
            Ok(0) => 2,
            Ok(n) => n.min(MAX_QUICKACKS),
            Err(_) => MAX_QUICKACKS,
        };
        self.quick = self.quick.max(wanted);
    }

    /// Something odd came: the next ACKs leave at once.
    pub(crate) fn enter_quickack_mode(&mut self, rcv_wnd: u32, limits: AtoLimits) {
        self.incr_quickack(rcv_wnd);
        self.exit_pingpong();
        self.set_ato(limits.min);
    }

    /// Schedules an ACK that announces a larger window at once.
    pub(crate) fn window_grows(&mut self) {
        self.quick |= 1;
    }

    /// Memory is short: no ACK leaves sooner than it must.
    pub(crate) fn leave_quickack_mode(&mut self) {
        self.quick = 0;
    }

    /// Data came: the delay follows the peer's pace.
    pub(crate) fn data_received(
        &mut self,
        j: Jiffies,
        rcv_wnd: u32,
        flow_label: u32,
        limits: AtoLimits,
    ) {
        if let Some(ato) = self.ato.map(|ato| TickSpan(ato.get())) {
            let last = self.lrcvtime.get();
            let gap = last.map_or(TickSpan(u64::MAX), |last| j.since(last));
            if gap <= limits.min / 2 {
                self.set_ato((ato >> 1) + limits.min / 2);
            } else if gap < ato {
                self.set_ato(((ato >> 1) + gap).min(limits.rto).min(limits.max));
            } else if gap > limits.rto {
                self.incr_quickack(rcv_wnd);
            }
        } else {
            self.incr_quickack(rcv_wnd);
            self.set_ato(limits.min);
        }
        self.lrcvtime = j.into();
        self.lrcv_flowlabel = flow_label;
    }

    /// Data was sent: soon after some came, it is an answer.
    pub(crate) fn data_sent(&mut self, j: Jiffies) {
        let last = self.lrcvtime.get();
        if last.is_some_and(|last| j.since(last) < self.ato()) {
            self.pingpong = self.pingpong.saturating_add(1);
        }
    }

    /// The ACK had to be sent by the timer: the application answers late, or not at all.
    pub(crate) fn was_late(&mut self, pingpong_thresh: i64, limits: AtoLimits) {
        if self.in_pingpong(pingpong_thresh) {
            self.exit_pingpong();
            self.set_ato(limits.min);
        } else {
            self.set_ato((self.ato() << 1).min(limits.rto).min(limits.max));
        }
    }
}

/// What is known of the peer's segments.
impl DelAck {
    /// Returns the tick of the last data that came, or of the end of the handshake.
    pub(crate) fn lrcvtime(&self) -> Option<Jiffies> {
        self.lrcvtime.get()
    }

    /// The connection is up: from here on the peer may send.
    pub(crate) fn set_lrcvtime(&mut self, j: Jiffies) {
        self.lrcvtime = j.into();
    }

    /// Stores the flow label of data, and returns whether it differs from that of the data before.
    pub(crate) fn note_flowlabel(&mut self, flow_label: u32) -> bool {
        std::mem::replace(&mut self.lrcv_flowlabel, flow_label) != flow_label
    }

    /// The estimate of the peer's segment size, bytes.
    pub(crate) fn rcv_mss(&self) -> u32 {
        self.rcv_mss
    }

    /// Guesses the peer's segment size, bytes.
    pub(crate) fn set_rcv_mss(&mut self, mss: u32) {
        self.rcv_mss = mss;
    }

    /// The size of the last segment that was smaller than the estimate, bytes. It is forgotten.
    pub(crate) fn take_last_seg_size(&mut self) -> u32 {
        std::mem::take(&mut self.last_seg_size)
    }

    /// A segment that is smaller than the estimate came after one of `last` bytes. True: both have the same size, which
    /// is the new estimate.
    pub(crate) fn size_repeats(&mut self, last: u32, len: u32) -> bool {
        self.last_seg_size = len;
        if last == len {
            self.rcv_mss = len;
        }
        last == len
    }

    /// A segment came after which no more may come soon.
    pub(crate) fn set_pushed(&mut self) {
        self.pushed = true;
    }

    /// A small segment came, perhaps the second one.
    pub(crate) fn small_segment(&mut self) {
        self.pushed2 |= self.pushed;
        self.pushed = true;
    }

    /// Whether a small segment came, or one that ends a write.
    pub(crate) fn is_pushed(&self) -> bool {
        self.pushed
    }

    /// Whether an application that reads everything should cause an ACK.
    pub(crate) fn is_pushed_for_reader(&self, pingpong_thresh: i64) -> bool {
        self.pushed2 || (self.pushed && !self.in_pingpong(pingpong_thresh))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: AtoLimits = AtoLimits {
        min: TickSpan(10),
        max: TickSpan(50),
        rto: TickSpan(60),
    };

    /// Tick of the data, the delay after it.
    const ROWS: [(u64, u64); 6] = [
        // the first; soon after it; slower than the delay; within it; after the RTO
        (100, 10),
        (101, 10),
        (121, 10),
        (127, 11),
        (128, 10),
        (200, 10),
    ];

    #[test]
    fn the_delay_follows_the_peers_pace() {
        let mut delack = DelAck::default();
        assert_eq!(delack.ato(), TickSpan::ZERO);
        for (j, ato) in ROWS {
            delack.data_received(Jiffies(j), 65_535, 0, LIMITS);
            assert_eq!(delack.ato(), TickSpan(ato), "at {j}");
        }
    }

    #[test]
    fn a_late_ack_doubles_the_delay_up_to_the_limit() {
        let mut delack = DelAck::default();
        delack.data_received(Jiffies(1), 0, 0, LIMITS);
        let late = [(); 4].map(|()| {
            delack.was_late(1, LIMITS);
            delack.ato().0
        });
        assert_eq!(late, [20, 40, 50, 50]);
        delack.enter_pingpong(1);
        delack.was_late(1, LIMITS);
        assert!(!delack.in_pingpong(1));
        assert_eq!(delack.ato(), TickSpan(10));
    }

    #[test]
    fn quick_acks_are_used_up_by_acks_that_were_due() {
        let mut delack = DelAck::default();
        delack.enter_quickack_mode(0, LIMITS);
        let mut quick = Vec::new();
        for due in [false, true, true] {
            if due {
                delack.schedule();
            }
            quick.push(delack.is_now(1));
            delack.sent(LIMITS);
        }
        assert_eq!((quick, delack.is_now(1)), (vec![true, true, true], false));
    }

    #[test]
    fn the_timer_has_an_ack_to_send_once() {
        let mut delack = DelAck::default();
        assert!(!delack.timer_fired());
        delack.arm();
        assert!(delack.timer_fired() && !delack.timer_fired());
    }
}
