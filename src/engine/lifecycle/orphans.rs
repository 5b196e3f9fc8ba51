//! What a host cannot spare: orphans and memory above their limits end connections, or refuse data.
//!
//! Linux counterpart: tcp_check_oom, tcp_out_of_resources, tcp_too_many_orphans, __sk_mem_raise_allocated.

use crate::engine::clock::now::Now;
use crate::engine::netns::mib::Counter;
use crate::engine::queues::forward_alloc::{MIN_SNDBUF, PAGE};
use crate::engine::tcb::control_block::Tcb;
use crate::engine::tcb::give_up_rule::GiveUpRule;
use crate::engine::tcb::outbox::Trigger;
use crate::engine::timers::giving_up::Expiry;

impl Tcb {
    /// Handles a connection that no application holds any more.
    pub(crate) fn become_orphan(&mut self) {
        if !self.orphan {
            self.orphan = true;
            self.net.orphaned();
        }
    }

    /// The limit that is exceeded, if one is: that of orphans, with this one counted 2^`weight` times, or that of the
    /// memory.
    fn exceeded(&self, weight: u32) -> Option<GiveUpRule> {
        let orphans = self.net.orphans() << weight > self.sysctl.tcp_max_orphans;
        let short = self.net.pages() > self.sysctl.tcp_mem[2];
        if orphans {
            Some(GiveUpRule::MaxOrphans(self.sysctl.tcp_max_orphans as u64))
        } else if short && self.wmem_queued() > MIN_SNDBUF {
            Some(GiveUpRule::Mem(self.sysctl.tcp_mem[2] as u64))
        } else {
            None
        }
    }

    /// After close(): there may be no room for one more orphan. It is reset.
    pub(crate) fn abort_if_too_many(&mut self, now: Now) {
        if let Some(rule) = self.exceeded(0) {
            self.net.count(Counter::TCPAbortOnMemory);
            self.outbox().trigger = Trigger::Call("close() with too many orphans");
            self.send_active_reset(now);
            self.note_given_up(now, rule, None);
            self.tcp_done(now);
        }
    }

    /// Handles the expiry of an orphan's timer: the orphan is given up if there are too many, and sooner if nothing was sent
    /// for long. With `reset` it sends a RST in any case.
    pub(crate) fn out_of_resources(&mut self, now: Now, reset: bool) -> Expiry {
        let silent = now.j.since(self.lsndtime);
        let mut weight = u32::from(silent > self.rto.max() * 2 || !reset);
        weight += u32::from(self.sk_err_soft.is_some());
        let Some(rule) = self.exceeded(weight) else {
            return Expiry::GoesOn;
        };
        let recent = silent
            <= self
                .sysctl
                .ticks
                .from_ms(crate::engine::lifecycle::close::TIMEWAIT_LEN_MS);
        if reset || recent || (self.snd_wnd == 0 && self.packets_out == 0) {
            self.send_active_reset(now);
        }
        self.note_given_up(now, rule, None);
        self.tcp_done(now);
        self.net.count(Counter::TCPAbortOnMemory);
        Expiry::GivenUp
    }

    /// Returns whether `bytes` more would need a page that the host does not have.
    pub(crate) fn memory_is_short(&self, bytes: u32) -> bool {
        let missing = bytes.saturating_sub(self.forward_alloc.available());
        missing > 0 && self.net.pages() + i64::from(missing.div_ceil(PAGE)) > self.sysctl.tcp_mem[2]
    }

    /// Reports to the host how much memory this connection uses now.
    pub(crate) fn publish_memory(&mut self) {
        let idle = self.rmem_alloc == 0 && self.queues.are_empty();
        let pages = if idle { 0 } else { self.forward_alloc.pages() };
        if pages != self.published_pages {
            let by = i64::from(pages) - i64::from(self.published_pages);
            self.net.add_pages(by, self.sysctl.tcp_mem);
            self.published_pages = pages;
        }
    }
}

#[cfg(test)]
mod tests;
