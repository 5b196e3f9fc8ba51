//! What a listener accepts and what it refuses: the queue of half-open connections, the accept queue, and SYN cookies.
//!
//! RFC 4987. Linux counterpart: tcp_conn_request, tcp_syn_flood_action, inet_csk_reqsk_queue_is_full,
//! sk_acceptq_is_full, cookie_v4_check, tcp_synq_overflow, inet6_lookup_listener. Both queues are as long as the backlog plus one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::call::{Addr, SocketId};
use crate::engine::clock::now::Now;
use crate::engine::host::descriptors::{Listener, Socket};
use crate::engine::host::engine::Engine;
use crate::engine::host::table::Sock;
use crate::engine::lifecycle::request::{Prepared, Request};
use crate::engine::lifecycle::syncookie::{self, CookieKey};
use crate::engine::netns::mib::Counter;
use crate::wire::{Datagram, Flags, Segment, Seq};

/// Number of half-open connections from which SYN-ACK retries are reduced, however short the queue is.
const MANY: u32 = 8;

/// What happens to a SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It creates a half-open connection.
    Request,
    /// It is answered with a SYN cookie.
    Cookie,
    /// It is dropped.
    Drop,
}

/// Returns the wildcard address of this IP version.
fn unspecified(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

impl Listener {
    fn half_open(&self) -> u32 {
        self.requests.len() as u32
    }

    fn synq_is_full(&self) -> bool {
        self.half_open() > self.backlog
    }

    /// Returns whether no connection can be accepted until accept() is called.
    pub(crate) fn acceptq_is_full(&self) -> bool {
        self.queue.len() as u32 > self.backlog
    }

    /// Returns the number of SYN-ACK retries for a half-open connection. It is smaller when old ones fill more than half
    /// of the queue.
    pub(crate) fn synack_retries(&self) -> u32 {
        let template = &self.template;
        let retries = template.sysctl.tcp_synack_retries as u32;
        let mut most = template.opt.syn_count.unwrap_or(retries);
        if self.half_open() << 1 > self.backlog.max(MANY) {
            let mut young = self.young << 1;
            while most > 2 && self.half_open() >= young {
                most -= 1;
                young <<= 1;
            }
        }
        most
    }

    /// Decides about a SYN. `reopens`: it follows a connection in TIME_WAIT and is not limited by the length of the
    /// queue.
    fn fate(&self, reopens: bool) -> Fate {
        let (sysctl, net) = (&self.template.sysctl, &self.template.net);
        let mut fate = Fate::Request;
        if (sysctl.tcp_syncookies == 2 || self.synq_is_full()) && !reopens {
            if sysctl.tcp_syncookies == 0 {
                net.count(Counter::TCPReqQFullDrop);
                return Fate::Drop;
            }
            net.count(Counter::TCPReqQFullDoCookies);
            fate = Fate::Cookie;
        }
        if self.acceptq_is_full() {
            net.count(Counter::ListenOverflows);
            return Fate::Drop;
        }
        // without cookies the last quarter is for peers that are known to be alive, and none is known here
        let most = sysctl.tcp_max_syn_backlog;
        let crowded = most - i64::from(self.half_open()) < most >> 2;
        if fate == Fate::Request && !reopens && sysctl.tcp_syncookies == 0 && crowded {
            return Fate::Drop;
        }
        fate
    }

    /// Returns whether an ACK can be a cookie, because one was sent recently.
    fn overflowed_lately(&self, now: Now) -> bool {
        let valid = syncookie::valid_for(&self.template.sysctl.ticks);
        self.overflowed.is_some_and(|at| now.j - at <= valid)
    }
}

impl Engine {
    /// Returns the listener for this address: one at the address itself, at the wildcard of its version, or an IPv6
    /// socket at ::.
    pub(crate) fn listener_at(&self, addr: Addr) -> Option<SocketId> {
        let any = Ipv6Addr::UNSPECIFIED.into();
        [addr.ip, unspecified(addr.ip), any]
            .into_iter()
            .find_map(|ip| self.listeners.get(&Addr::new(ip, addr.port)))
            .copied()
    }

    fn prepare(&mut self, now: Now, ends: (Addr, Addr), isn: Option<Seq>) -> Prepared {
        Prepared {
            isn: isn.unwrap_or_else(|| self.isn(now.at, ends.0, ends.1)),
            ts_offset: self.ts_offset(ends.0, ends.1),
            path: self.routes.path(now, ends.1.ip),
            txhash: self.routes.draw_txhash(),
        }
    }

    /// Handles a segment that belongs to no connection. `isn`: the initial sequence number of the answer, if the segment
    /// follows a connection in TIME_WAIT.
    pub(crate) fn segment_for_listener(
        &mut self,
        now: Now,
        datagram: &Datagram,
        segment: &Segment,
        ends: (Addr, Addr),
        isn: Option<Seq>,
    ) {
        let control = segment.flags;
        let Some(listener) = self.listener_at(ends.0) else {
            return self.reply_reset(datagram, segment, None);
        };
        if control.has(Flags::ACK) {
            let is_cookie = !control.any(Flags::RST | Flags::SYN);
            if !(is_cookie && self.on_cookie(now, listener, datagram, segment, ends)) {
                self.reply_reset(datagram, segment, None);
            }
            return;
        }
        if !control.any(Flags::RST | Flags::FIN) && control.has(Flags::SYN) {
            self.on_syn(now, listener, segment, ends, isn);
        }
    }

    pub(crate) fn listen_drop(&self) {
        self.net.mib.add(Counter::ListenDrops, 1);
    }

    fn on_syn(
        &mut self,
        now: Now,
        number: SocketId,
        segment: &Segment,
        ends: (Addr, Addr),
        isn: Option<Seq>,
    ) {
        let Some(Socket::Listener(listener)) = self.sockets.get(number) else {
            return;
        };
        let fate = listener.fate(isn.is_some());
        if fate == Fate::Drop || (fate == Fate::Request && self.is_full()) {
            return self.listen_drop();
        }
        let drawn = self.prepare(now, ends, isn);
        let baker = CookieKey::new(self.secrets.cookie, now, &self.ticks, ends);
        let Some(Socket::Listener(listener)) = self.sockets.get_mut(number) else {
            return;
        };
        let mut request = Request::new(now, &listener.template, number, ends, segment, drawn);
        self.net.mib.add(Counter::OutSegs, 1);
        if fate == Fate::Cookie {
            listener.overflowed = Some(now.j);
            self.net.mib.add(Counter::SyncookiesSent, 1);
            request.become_cookie(baker);
            let answer =
                request.syn_ack(now, "SYN-ACK: a cookie, the SYN queue is full".into(), None);
            return self.send(answer);
        }
        let answer = request.syn_ack(now, "SYN-ACK: on a SYN's arrival".into(), None);
        let id = self.table.insert(Sock::Request(Box::new(request)));
        listener.requests.insert(id);
        listener.young += 1;
        self.send(answer);
        self.schedule(now, id);
    }

    /// Handles an ACK that may return a cookie to a listener. It returns false if the ACK must be answered with a RST.
    fn on_cookie(
        &mut self,
        now: Now,
        number: SocketId,
        datagram: &Datagram,
        segment: &Segment,
        ends: (Addr, Addr),
    ) -> bool {
        let Some(Socket::Listener(listener)) = self.sockets.get(number) else {
            return false;
        };
        if self.sysctl.tcp_syncookies == 0 || !listener.overflowed_lately(now) {
            return false;
        }
        let baker = CookieKey::new(self.secrets.cookie, now, &self.ticks, ends);
        let Some(mss) = baker.taste(segment.ack - 1, segment.seq - 1) else {
            self.net.mib.add(Counter::SyncookiesFailed, 1);
            return false;
        };
        self.net.mib.add(Counter::SyncookiesRecv, 1);
        let drawn = self.prepare(now, ends, Some(segment.ack - 1));
        let Some(Socket::Listener(listener)) = self.sockets.get(number) else {
            return false;
        };
        let template = &listener.template;
        let found = Request::from_cookie(now, template, number, ends, segment, (mss, drawn));
        let Some(request) = found else {
            return false;
        };
        if listener.acceptq_is_full() || self.is_full() {
            self.net.mib.add(Counter::ListenOverflows, 1);
            self.listen_drop();
            return true;
        }
        self.complete(now, request, datagram, segment);
        true
    }

    /// Handles the last ACK of a handshake when the accept queue is full: it is dropped, or the connection is refused
    /// (true).
    pub(crate) fn overflow(&mut self, id: u32) -> bool {
        self.net.mib.add(Counter::ListenOverflows, 1);
        self.listen_drop();
        if self.sysctl.tcp_abort_on_overflow == 0 {
            if let Some(request) = self.table.request_mut(id) {
                request.acked = true;
            }
            return false;
        }
        self.net.mib.add(Counter::EmbryonicRsts, 1);
        self.forget_request(id);
        true
    }

    /// Returns whether the host has as many connections as its configuration allows.
    pub(crate) fn is_full(&self) -> bool {
        self.table.connections_and_requests() >= self.max_connections
    }
}

#[cfg(test)]
mod tests;
