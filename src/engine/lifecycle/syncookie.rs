//! SYN cookies: half-open connections for which the host stores nothing, because the SYN-ACK's sequence number and timestamp
//! contain all that is needed.
//!
//! RFC 4987 3.6. Linux counterpart: secure_tcp_syn_cookie, check_tcp_syn_cookie, cookie_init_timestamp,
//! cookie_timestamp_decode. The sequence number hides the minute and one of four segment sizes; the low bits of the
//! timestamp, if there is one, hide window scale and SACK. Without timestamps the connection has neither.

use std::net::IpAddr;

use crate::call::Addr;
use crate::engine::clock::now::Now;
use crate::engine::netns::siphash::Key;
use crate::time::{TickSpan, Ticks};
use crate::wire::{Seq, Timestamps};

/// A cookie is good in its minute and the next, ms.
const PERIOD_MS: u64 = 60_000;
/// Minutes that a cookie is good for.
const MAX_AGE: u32 = 2;
/// The minute stands above these bits.
const BITS: u32 = 24;
const MASK: u32 = (1 << BITS) - 1;
/// Segment sizes that a cookie can say, bytes.
const MSS_V4: [u32; 4] = [536, 1300, 1440, 1460];
const MSS_V6: [u32; 4] = [1220, 1420, 1440, 8940];
/// Bits of a timestamp that hide options: the window scale (all ones: none), SACK.
const TS_BITS: u32 = 0x3f;
const TS_WSCALE: u32 = 0xf;
const TS_SACK: u32 = 0x10;

/// How long after the last SYN that found the queue full an ACK may still be a cookie, ticks.
pub(crate) fn valid_for(ticks: &Ticks) -> TickSpan {
    ticks.from_ms(u64::from(MAX_AGE) * PERIOD_MS)
}

fn sizes(ip: IpAddr) -> [u32; 4] {
    if ip.is_ipv4() { MSS_V4 } else { MSS_V6 }
}

/// What makes the cookies of two ends at one time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CookieKey {
    keys: [Key; 2],
    minute: u32,
    local: Addr,
    remote: Addr,
}

impl CookieKey {
    pub(crate) fn new(
        keys: [Key; 2],
        now: Now,
        ticks: &Ticks,
        (local, remote): (Addr, Addr),
    ) -> CookieKey {
        CookieKey {
            keys,
            minute: (now.j.0 / ticks.from_ms(PERIOD_MS).0) as u32,
            local,
            remote,
        }
    }

    fn hash(&self, key: usize, minute: u32) -> u32 {
        self.keys[key].hash(|m| {
            m.addr(self.remote.ip)
                .addr(self.local.ip)
                .ports(self.remote.port, self.local.port)
                .u32(minute);
        }) as u32
    }

    /// The cookie for a SYN with this number from a peer that takes segments of `mss` bytes; and the size that the
    /// cookie says, which is not larger unless `mss` is below the smallest.
    pub(crate) fn bake(&self, syn: Seq, mss: u32) -> (Seq, u32) {
        let sizes = sizes(self.local.ip);
        let index = sizes.iter().rposition(|s| *s <= mss).unwrap_or(0);
        let hidden = self.hash(1, self.minute).wrapping_add(index as u32) & MASK;
        let cookie = self
            .hash(0, 0)
            .wrapping_add(syn.0)
            .wrapping_add(self.minute << BITS)
            .wrapping_add(hidden);
        (Seq(cookie), sizes[index])
    }

    /// The segment size in a cookie that came back for a SYN with this number; none: it is not one of ours, or too old.
    pub(crate) fn taste(&self, cookie: Seq, syn: Seq) -> Option<u32> {
        let rest = cookie.0.wrapping_sub(self.hash(0, 0)).wrapping_sub(syn.0);
        let age = self.minute.wrapping_sub(rest >> BITS) & (u32::MAX >> BITS);
        if age >= MAX_AGE {
            return None;
        }
        let made = self.minute.wrapping_sub(age);
        let index = rest.wrapping_sub(self.hash(1, made)) & MASK;
        sizes(self.local.ip).get(index as usize).copied()
    }
}

/// The newest clock value that is not ahead of `clock_ms` and says these options.
pub(crate) fn timestamp(clock_ms: u32, wscale: Option<u8>, sack: bool) -> u32 {
    let scale = wscale.map_or(TS_WSCALE, u32::from);
    let hidden = scale | if sack { TS_SACK } else { 0 };
    let value = clock_ms & !TS_BITS | hidden;
    if value > clock_ms {
        value - TS_BITS - 1
    } else {
        value
    }
}

/// What an echoed timestamp hides: window scale and SACK. None without a timestamp; `ts_offset` is ours.
pub(crate) fn hidden_options(echo: Option<Timestamps>, ts_offset: u32) -> (Option<u8>, bool) {
    let Some(ts) = echo else {
        return (None, false);
    };
    // zero is no echo, and is taken as it is
    let hidden = match ts.tsecr {
        0 => 0,
        tsecr => tsecr.wrapping_sub(ts_offset),
    };
    let scale = hidden & TS_WSCALE;
    let wscale = (scale != TS_WSCALE).then_some(scale as u8);
    (wscale, hidden & TS_SACK != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::netns::siphash::Secrets;
    use crate::time::Instant;

    fn baker(seed: u64, at_s: u64) -> CookieKey {
        let ticks = Ticks::default();
        let now = Now::read(Instant::from_ms(at_s * 1_000), &ticks, 0);
        let ends = (Addr::v4([10, 0, 0, 1], 80), Addr::v4([10, 0, 0, 2], 4_000));
        CookieKey::new(Secrets::new(seed).cookie, now, &ticks, ends)
    }

    #[test]
    fn a_cookie_says_the_largest_size_that_fits() {
        for (mss, said) in [
            (100, 536),
            (1299, 536),
            (1300, 1300),
            (1459, 1440),
            (1460, 1460),
            (9000, 1460),
        ] {
            let (cookie, size) = baker(1, 0).bake(Seq(7), mss);
            assert_eq!(size, said, "{mss}");
            assert_eq!(baker(1, 0).taste(cookie, Seq(7)), Some(said), "{mss}");
        }
    }

    #[test]
    fn a_cookie_is_good_for_its_minute_and_the_next() {
        let (cookie, _) = baker(1, 59).bake(Seq(7), 1460);
        for (at_s, good) in [(59, true), (60, true), (119, true), (120, false)] {
            assert_eq!(
                baker(1, at_s).taste(cookie, Seq(7)).is_some(),
                good,
                "{at_s}"
            );
        }
        // the minute is eight bits wide: what is from the future is not good either
        assert_eq!(
            baker(1, 0).taste(baker(1, 60).bake(Seq(7), 1460).0, Seq(7)),
            None
        );
    }

    #[test]
    fn what_was_not_made_here_is_hardly_ever_good() {
        let (cookie, _) = baker(1, 0).bake(Seq(7), 1460);
        assert_eq!(baker(1, 0).taste(cookie, Seq(1_000)), None);
        assert_eq!(baker(2, 0).taste(cookie, Seq(7)), None);
        let guesses = (0..100_000_u32).filter(|n| {
            let guess = Seq(n.wrapping_mul(0x9e37_79b9));
            baker(1, 0).taste(guess, Seq(7)).is_some()
        });
        // two minutes of 256 and four of 2^24 numbers: once in half a billion
        assert_eq!(guesses.count(), 0);
    }

    #[test]
    fn options_lie_in_the_low_bits_of_a_clock_that_is_not_ahead() {
        for (clock, wscale, sack) in [
            (6_400, Some(7), true),
            (6_463, Some(14), false),
            (6_400, None, true),
            (6_463, None, false),
            (6_400, Some(0), false),
        ] {
            let value = timestamp(clock, wscale, sack);
            assert!(value <= clock && clock - value < 128, "{clock} {value}");
            let echo = Timestamps {
                tsval: 1,
                tsecr: value.wrapping_add(999),
            };
            assert_eq!(hidden_options(Some(echo), 999), (wscale, sack));
        }
        assert_eq!(hidden_options(None, 999), (None, false));
    }
}
