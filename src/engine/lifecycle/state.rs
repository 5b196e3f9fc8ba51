//! The states of a connection and the steps between them that exist (RFC 9293 3.3.2, figure 5).

use crate::call::TcpState::{self, *};
use crate::engine::netns::mib::Counter;
use crate::engine::tcb::control_block::Tcb;

/// Every step a full socket may take; to Closed is always allowed.
pub(crate) const STEPS: &[(TcpState, TcpState)] = &[
    (Closed, SynSent),
    (Closed, SynRecv),
    (Closed, Listen),
    (SynSent, SynRecv),
    (SynSent, Established),
    (SynRecv, Established),
    (SynRecv, FinWait1),
    (SynRecv, CloseWait),
    (Established, FinWait1),
    (Established, CloseWait),
    (CloseWait, LastAck),
    (FinWait1, FinWait2),
    (FinWait1, Closing),
    (FinWait1, TimeWait),
    (FinWait2, TimeWait),
    (Closing, TimeWait),
];

fn is_open(state: TcpState) -> bool {
    matches!(state, Established | CloseWait)
}

impl Tcb {
    fn count_states(&self, from: TcpState, to: TcpState) {
        match (is_open(from), is_open(to)) {
            (false, true) => self.net.count(Counter::CurrEstab),
            (true, false) => self.net.count_down(Counter::CurrEstab),
            _ => {}
        }
        if is_open(from) && to == Closed {
            self.net.count(Counter::EstabResets);
        }
    }

    /// Goes to another state. A step that RFC 9293 does not know is a defect of the engine.
    pub(crate) fn transition(&mut self, to: TcpState) {
        let allowed = to == Closed || STEPS.contains(&(self.state, to));
        assert!(
            allowed,
            "no step from {} to {}",
            self.state.name(),
            to.name()
        );
        self.count_states(self.state, to);
        self.state = to;
    }
}
