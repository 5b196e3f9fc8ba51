//! The peer's application, which the steps of a scenario move, and which can be stopped (SIGSTOP) while its kernel goes on.
//!
//! It reads whatever arrives at once. While it is frozen it reads nothing: the kernel still acknowledges data and answers
//! keepalive and window probes, and the window closes as the receive buffer fills (RFC 9293 3.8.6). Linux:
//! `tcp_cleanup_rbuf()` for the window update, `tcp_close()` for data that nobody will read.

use super::{Host, Peer};
use crate::call::TcpState;
use crate::scenario::Action;
use crate::time::Instant;
use crate::trace::Incident;

/// What a frozen application has not done yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Frozen {
    /// Bytes in the receive buffer that it has not read.
    pub(super) unread: u32,
    /// The actions of its steps, in their order.
    waiting: Vec<Action>,
}

impl Peer {
    /// Executes an action of the peer, or keeps it for the thaw if only a running application can do it. Returns false for
    /// an action of the survivor or of the link.
    pub fn act(&mut self, now: Instant, action: &Action) -> bool {
        if let Some(frozen) = &mut self.frozen
            && needs_application(action)
        {
            frozen.waiting.push(action.clone());
            return true;
        }
        match *action {
            Action::PeerConnect => self.connect(now),
            Action::PeerSend(n) => self.send(now, n),
            Action::PeerShutdown => self.shutdown(now),
            Action::PeerClose => self.close(now),
            Action::PeerKill => self.kill(now),
            Action::PeerFreeze => self.freeze(now),
            Action::PeerThaw => self.thaw(now),
            Action::PeerReset => self.reset(now),
            Action::PeerPowerOff => self.power_off(now),
            Action::PeerPowerOn => self.power_on(now),
            Action::PeerWindow(n) => self.set_window(now, n),
            _ => return false,
        }
        true
    }

    /// Stops its application until [`thaw`](Peer::thaw).
    pub fn freeze(&mut self, now: Instant) {
        self.report(now, Incident::Freeze);
        if self.host == Host::Up {
            self.frozen.get_or_insert_default();
        }
    }

    /// Continues its application, which reads everything and then executes the steps that have waited.
    pub fn thaw(&mut self, now: Instant) {
        self.report(now, Incident::Thaw);
        let before = self.receive_window();
        let Some(frozen) = self.frozen.take() else {
            return;
        };
        if frozen.unread > 0 && self.expects_data() && updates_window(before, self.window) {
            self.send_ack(now, None);
        }
        for action in frozen.waiting {
            self.act(now, &action);
        }
    }

    /// Returns the window to advertise, which is the space in the receive buffer, in bytes. What window scaling cannot
    /// express of a buffer that is partly full is neither advertised nor used.
    pub(super) fn receive_window(&self) -> u32 {
        match self.unread() {
            0 => self.window,
            unread => {
                let shift = u32::from(self.agreed.wscale.unwrap_or(0));
                self.window.saturating_sub(unread) >> shift << shift
            }
        }
    }

    /// Counts bytes that have arrived in order, unless the application reads them at once.
    pub(super) fn count_unread(&mut self, bytes: u32) {
        if let Some(frozen) = &mut self.frozen {
            frozen.unread += bytes;
        }
    }

    /// Ends the process. The kernel closes its socket with a FIN, or with a RST if it leaves data unread.
    pub(super) fn exit(&mut self, now: Instant) {
        let has_unread = self.unread() > 0;
        self.frozen = None;
        if has_unread && self.synchronized() {
            return self.abort(now);
        }
        if matches!(self.state, TcpState::Listen | TcpState::SynSent) {
            return self.forget();
        }
        self.received.refused = true;
        self.send_fin(now);
    }

    fn unread(&self) -> u32 {
        self.frozen.as_ref().map_or(0, |frozen| frozen.unread)
    }

    /// Whether the survivor may still send data.
    fn expects_data(&self) -> bool {
        matches!(
            self.state,
            TcpState::Established | TcpState::FinWait1 | TcpState::FinWait2
        )
    }
}

/// Whether it is the application that acts, and not its kernel, its host, or whoever sends it a signal.
fn needs_application(action: &Action) -> bool {
    matches!(
        action,
        Action::PeerConnect
            | Action::PeerSend(_)
            | Action::PeerShutdown
            | Action::PeerClose
            | Action::PeerReset
            | Action::PeerWindow(_)
    )
}

/// Whether reading makes the kernel announce its window at once: it does if the window at least doubles.
fn updates_window(before: u32, after: u32) -> bool {
    after > 0 && after / 2 >= before
}
