//! What can be seen of the engine besides its packets: what the application notices, the connection's state, TCP_INFO.

use crate::call::{Readiness, TcpInfo, TcpState};
use crate::compare::info;
use crate::compare::replay::machine::Machine;
use crate::compare::replay::noticed::{Entered, Owed};
use crate::compare::replay::play::Play;
use crate::compare::replay::script::{Act, Item};
use crate::compare::timing::{Cause, Timely};
use crate::compare::verdict::{Class, Difference};
use crate::time::Instant;

impl<M: Machine> Play<'_, M> {
    /// What the application can notice now, and the connection's state.
    pub(super) fn look(&mut self, cause: Cause) {
        let state = self.state_now();
        if self.states.last().map_or(TcpState::Closed, |s| s.state) != state {
            let at = self.now;
            self.states.push(Entered { state, at, cause });
        }
        if self.is_dead {
            return;
        }
        let ready = self.host.readiness().unwrap_or_default();
        let Readiness {
            readable,
            writable,
            error,
            ..
        } = ready;
        let update = |owed: &mut Option<Cause>, is: bool| match is {
            true => *owed = owed.or(Some(cause)),
            false => *owed = None,
        };
        update(&mut self.owed.error, error);
        update(
            &mut self.owed.connected,
            !self.is_connected && writable && !error,
        );
        update(
            &mut self.owed.readable,
            self.is_connected && readable && !error && !self.at_end,
        );
    }

    fn state_now(&self) -> TcpState {
        let info = self.host.info(self.now, self.setup);
        info.map_or(TcpState::Closed, |i| i.state)
    }

    /// What the recording says was seen must be there to be seen, and since a short time only.
    pub(super) fn see(&mut self, item: &Item) {
        let (name, cause) = match &item.act {
            Act::Connected => ("connected", self.owed.connected),
            Act::Error { .. } => ("error", self.owed.error),
            Act::Recv(_) => ("readable", self.owed.readable),
            Act::State(state) => return self.see_state(item, *state),
            Act::Info(recorded) => return self.see_info(item, recorded),
            _ => {
                self.is_connected |= item.act == Act::Accept;
                return self.overdue(item.from.max(self.now));
            }
        };
        let place = format!("application at {:.6} s", item.at.secs_f64());
        let wrong = |class| Difference::new(class, name, place.clone(), item.at);
        match cause {
            None => {
                let it = wrong(Class::Application).values("not yet", "now");
                self.differences.push(it);
            }
            Some(cause) => match cause.judge(item.at, &self.script.ticks) {
                Timely::Yes => {}
                Timely::Late => self.seen.late += 1,
                _ if name == "readable" && !self.setup.autoread => {}
                _ => {
                    let to = cause.latest(&self.script.ticks).secs_f64();
                    let from = cause.earliest().secs_f64();
                    let seen = format!("{:.6} s", item.at.secs_f64());
                    let it =
                        wrong(Class::Application).values(format!("{from:.6} to {to:.6} s"), seen);
                    self.differences.push(it);
                }
            },
        }
        self.noticed(item);
    }

    fn noticed(&mut self, item: &Item) {
        match &item.act {
            Act::Connected => {
                self.is_connected = true;
                self.owed.connected = None;
            }
            Act::Error { .. } => {
                self.is_dead = true;
                self.owed = Owed::default();
            }
            // the end of the stream stays readable; other bytes that are left are there since now
            Act::Recv(bytes) => {
                self.at_end |= *bytes == 0;
                self.owed.readable = None;
            }
            _ => {}
        }
    }

    /// What the application must have noticed before `by` and, by the recording, did not.
    pub(super) fn overdue(&mut self, by: Instant) {
        let owed = &self.owed;
        let rows = [
            ("connected", owed.connected, true),
            ("error", owed.error, true),
            ("readable", owed.readable, self.setup.autoread),
        ];
        let is_late = |c: &Cause| c.latest(&self.script.ticks) < by;
        let mut found = Vec::new();
        for (name, cause, counts) in rows {
            if let (Some(cause), true) = (cause.filter(is_late), counts) {
                let at = cause.earliest();
                let place = format!("application at {:.6} s", at.secs_f64());
                let d = Difference::new(Class::Application, name, place, at);
                found.push(d.values(format!("{:.6} s", at.secs_f64()), "not seen"));
            }
        }
        if !found.is_empty() {
            self.differences.extend(found);
            self.owed = Owed::default();
        }
    }

    /// A state is right if the connection was in it at the instant, or a timer that ended it may have been late.
    fn see_state(&mut self, item: &Item, wanted: TcpState) {
        self.seen.application += 1;
        let ticks = &self.script.ticks;
        let mut left_by = None;
        for entered in self.states.iter().rev() {
            if entered.state == wanted && left_by.is_none_or(|by| item.from <= by) {
                return;
            }
            left_by = Some(entered.cause.latest(ticks));
        }
        if wanted == TcpState::Closed && left_by.is_none_or(|by| item.from <= by) {
            return;
        }
        let got = self.states.last().map_or(TcpState::Closed, |s| s.state);
        let place = format!("state at {:.6} s", item.at.secs_f64());
        let d = Difference::new(Class::State, "state", place, item.at);
        self.differences.push(d.values(got.name(), wanted.name()));
    }

    fn see_info(&mut self, item: &Item, recorded: &TcpInfo) {
        self.seen.info_lines += 1;
        let place = format!("TCP_INFO at {:.6} s", item.at.secs_f64());
        let wrong = |what: &str| Difference::new(Class::TcpInfo, what, place.clone(), item.at);
        let at = item.at.max(self.now);
        let found: Vec<Difference> = match self.host.info(at, self.setup) {
            None => vec![wrong("state").values("(none)", recorded.state.name())],
            Some(engine) => {
                info::differences(&engine, recorded, &self.script.ticks, self.straddled)
                    .into_iter()
                    .map(|d| wrong(d.field).values(d.left, d.right))
                    .collect()
            }
        };
        self.seen.info_differing += usize::from(!found.is_empty());
        self.differences.extend(found);
    }
}
