//! A forecast in words: `in 14 min 20 s: ETIMEDOUT at the next call`.

use std::time::Duration;

use super::{Forecast, Verdict, Why};
use crate::call::TcpState;

/// A length of time in two units at most: `2 h 11 min`, `14 min 20 s`, `12.3 s`, `208 ms`.
pub fn span(d: Duration) -> String {
    let ms = d.as_millis();
    let s = (ms + 500) / 1_000;
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..59_950 => {
            let tenths = (ms + 50) / 100;
            format!("{}.{} s", tenths / 10, tenths % 10)
        }
        59_950..3_599_500 => format!("{} min {} s", s / 60, s % 60),
        3_599_500..86_400_000 => format!("{} h {} min", s / 3_600, s / 60 % 60),
        _ => format!("{} d {} h", s / 86_400, s / 3_600 % 24),
    }
}

impl Why {
    /// The reason in a clause: `nothing is in flight and keepalive is off`.
    pub const fn text(self) -> &'static str {
        match self {
            Why::Idle => "nothing is in flight and keepalive is off",
            Why::Listens => "it listens",
            Why::Closed => "there is no connection",
            Why::EndOfStream => {
                "recv() gives end of stream now; nothing is in flight and keepalive is off"
            }
            Why::HalfClosed => {
                "our side is closed, the peer's FIN is waited for, and keepalive is off"
            }
        }
    }
}

impl Forecast {
    /// What the application will be told, and when, counted from the forecast's instant.
    pub fn sentence(&self) -> String {
        let when = |at| {
            let first = span(at_after(self, at));
            match self.latest.map(|l| span(at_after(self, l))) {
                Some(last) if last != first => format!("in {first} to {last}"),
                _ => format!("in {first}"),
            }
        };
        match self.told {
            Verdict::Error { at, errno, reset } => {
                let call = match self.state {
                    TcpState::SynSent => "connect()",
                    _ => "the next call",
                };
                let reset = if reset { ", and a RST is sent" } else { "" };
                format!("{}: {errno} at {call}{}{reset}", when(at), self.by_rule())
            }
            Verdict::Waiting(errno) => format!("now: {errno} at the next call"),
            Verdict::Never(why) => format!("never: {}", why.text()),
            Verdict::Nobody {
                at: Some(at),
                reset,
            } => {
                let reset = if reset { " with a RST" } else { "" };
                format!(
                    "No application is left to be told; the connection ends {}{reset}{}",
                    when(at),
                    self.by_rule()
                )
            }
            Verdict::Nobody { at: None, .. } => {
                "No application is left to be told, and the kernel keeps the connection for ever"
                    .to_owned()
            }
            Verdict::Later(at) => format!("not within {}", span(at_after(self, at))),
        }
    }
}

impl Forecast {
    /// `, by tcp_retries2 15`; empty where no rule is known.
    pub fn by_rule(&self) -> String {
        self.rule
            .map_or(String::new(), |rule| format!(", by {rule}"))
    }
}

fn at_after(forecast: &Forecast, at: crate::time::Instant) -> Duration {
    at.since(forecast.from)
}

impl super::Sends {
    /// What is sent, in words: `retransmission 3`, `loss probe`, `SYN`.
    pub fn text(self) -> String {
        use super::Sends::*;
        match self {
            Nothing => "nothing".to_owned(),
            Syn => "SYN".to_owned(),
            SynAck => "SYN-ACK".to_owned(),
            LossProbe => "loss probe".to_owned(),
            Retransmission(n) => format!("retransmission {n}"),
            KeepaliveProbe(n) => format!("keepalive probe {n}"),
            WindowProbe(n) => format!("window probe {n}"),
            Ack => "ACK".to_owned(),
            Reset => "RST".to_owned(),
        }
    }
}
