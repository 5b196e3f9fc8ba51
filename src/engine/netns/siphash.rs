//! A host's secrets: keys drawn from its seed, and keyed hashes of the two ends of a connection.
//!
//! Without the key nobody can predict a hash or make two of them collide. The hash is SipHash-2-4 as in Linux. Linux
//! counterpart: net_secret and ts_secret (secure_seq.c), syncookie_secret, siphash.h.

use std::hash::Hasher as _;
use std::net::IpAddr;

use siphasher::sip::SipHasher24;

use crate::call::Addr;
use crate::rng::Stream;

/// One key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key(u64, u64);

impl Key {
    /// Draws the next key of a stream.
    pub(crate) fn draw(stream: &mut Stream) -> Key {
        let mut half = || u64::from(stream.next_u32()) << 32 | u64::from(stream.next_u32());
        Key(half(), half())
    }

    /// Returns the hash of the bytes that `write` writes.
    pub(crate) fn hash(self, write: impl FnOnce(&mut Message)) -> u64 {
        let mut message = Message(SipHasher24::new_with_keys(self.0, self.1));
        write(&mut message);
        message.0.finish()
    }

    /// Returns the hash of two addresses and two ports.
    pub(crate) fn of_ends(self, local: Addr, remote: Addr) -> u64 {
        self.hash(|m| {
            m.addr(local.ip)
                .addr(remote.ip)
                .ports(local.port, remote.port);
        })
    }
}

/// The input of a hash as it is being built.
pub(crate) struct Message(SipHasher24);

impl Message {
    pub(crate) fn addr(&mut self, ip: IpAddr) -> &mut Self {
        match ip {
            IpAddr::V4(ip) => self.0.write(&ip.octets()),
            IpAddr::V6(ip) => self.0.write(&ip.octets()),
        }
        self
    }

    pub(crate) fn u32(&mut self, n: u32) -> &mut Self {
        self.0.write(&n.to_be_bytes());
        self
    }

    pub(crate) fn ports(&mut self, local: u16, remote: u16) -> &mut Self {
        self.u32(u32::from(local) << 16 | u32::from(remote))
    }
}

/// The keys of one host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Secrets {
    /// The key of initial sequence numbers.
    pub(crate) isn: Key,
    /// The key of the offsets of the timestamp clock.
    pub(crate) ts_offset: Key,
    /// The key that decides where the search for a local port begins.
    pub(crate) port: Key,
    /// The key that decides how many challenge ACKs a second has.
    pub(crate) challenge: Key,
    /// The keys of SYN cookies: one for the whole number, one for the data encoded in it.
    pub(crate) cookie: [Key; 2],
}

impl Secrets {
    /// Returns the keys of a seed.
    pub(crate) fn new(seed: u64) -> Secrets {
        let key = |name| Key::draw(&mut Stream::new(seed, name));
        let mut cookies = Stream::new(seed, "cookie key");
        Secrets {
            cookie: [Key::draw(&mut cookies), Key::draw(&mut cookies)],
            isn: key("isn key"),
            ts_offset: key("ts_offset key"),
            port: key("port key"),
            challenge: key("challenge key"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_depends_on_the_key_and_on_every_part() {
        let (a, b) = (Addr::v4([10, 0, 0, 1], 80), Addr::v4([10, 0, 0, 2], 81));
        let key = Secrets::new(1).isn;
        let hash = key.of_ends(a, b);
        assert_eq!(hash, Secrets::new(1).isn.of_ends(a, b));
        let others = [
            Secrets::new(2).isn.of_ends(a, b),
            Secrets::new(1).port.of_ends(a, b),
            key.of_ends(b, a),
            key.of_ends(Addr { port: 82, ..a }, b),
            key.of_ends(a, Addr { port: 80, ..b }),
        ];
        assert!(!others.contains(&hash), "{hash:x} in {others:x?}");
    }

    #[test]
    fn the_hash_is_siphash_2_4() {
        // the first test vector of the reference implementation: key 00..0f, an empty message
        let key = Key(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908);
        assert_eq!(key.hash(|_| {}), 0x726f_db47_dd0e_0e31);
    }
}
