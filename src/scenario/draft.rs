//! A scenario written in code: typed steps, and the checks of a file.
//!
//! ```
//! use halfopen::scenario::{Action, Draft};
//! use halfopen::sockopt::OptName;
//! use std::time::Duration;
//!
//! let ms = Duration::from_millis;
//! let scenario = Draft::client("the server loses power, and then the client writes")
//!     .sockopt(OptName::TCP_USER_TIMEOUT, 3_000)
//!     .delay(ms(5))
//!     .at(ms(0), Action::SurvivorConnect)
//!     .every(ms(50), 10, ms(100), Action::SurvivorSend(102))
//!     .at(ms(1_000), Action::PeerPowerOff)
//!     .at(ms(2_000), Action::SurvivorSend(1))
//!     .until_closed(ms(60_000))
//!     .build()?;
//! assert_eq!(scenario.steps.len(), 13);
//! # Ok::<(), halfopen::scenario::ScenarioErrors>(())
//! ```

use std::fmt::{Display, Write};
use std::time::Duration;

use super::duration::text;
use super::{Action, EndWhen, Forget, Middlebox, Peer, Role, Scenario, ScenarioErrors};
use crate::sockopt::{OptName, OptValue, SockOpt};
use crate::time::Instant;

/// A step, perhaps repeated.
#[derive(Clone, Debug)]
struct Planned {
    at: Duration,
    action: Action,
    repeat: Option<(u32, Duration)>,
}

/// A scenario that is being written. Nothing is checked before [`build`](Draft::build), which says all that is wrong at
/// once, and where in [`to_toml`](Draft::to_toml)'s text.
#[derive(Clone, Debug)]
pub struct Draft {
    title: String,
    about: Option<String>,
    kernel: Option<String>,
    role: Role,
    sysctl: Vec<(String, String)>,
    sockopt: Vec<SockOpt>,
    autoread: bool,
    peer: Peer,
    delay: Duration,
    middlebox: Option<Middlebox>,
    steps: Vec<Planned>,
    end: Option<(EndWhen, Duration)>,
    tail: Option<Duration>,
}

impl Draft {
    fn new(role: Role, title: &str) -> Draft {
        Draft {
            title: title.to_owned(),
            about: None,
            kernel: None,
            role,
            sysctl: Vec::new(),
            sockopt: Vec::new(),
            autoread: true,
            peer: Peer::default(),
            delay: Duration::ZERO,
            middlebox: None,
            steps: Vec::new(),
            end: None,
            tail: None,
        }
    }

    /// The survivor connects. `title`: one line that names the experiment.
    pub fn client(title: &str) -> Draft {
        Draft::new(Role::Client, title)
    }

    /// The survivor listens.
    pub fn server(title: &str) -> Draft {
        Draft::new(Role::Server, title)
    }

    /// Prose for people: what to watch for.
    pub fn about(mut self, about: &str) -> Draft {
        self.about = Some(about.to_owned());
        self
    }

    /// The kernel that the engine is to be, a preset's name.
    pub fn kernel(mut self, preset: &str) -> Draft {
        self.kernel = Some(preset.to_owned());
        self
    }

    /// A sysctl of the survivor's kernel: `("tcp_retries2", 5)`.
    pub fn sysctl(mut self, name: &str, value: impl Display) -> Draft {
        self.sysctl.push((name.to_owned(), value.to_string()));
        self
    }

    /// An option of the survivor's socket, set before connect() or listen(), in the option's unit.
    pub fn sockopt(mut self, name: OptName, value: i64) -> Draft {
        self.sockopt.push(SockOpt::int(name, value));
        self
    }

    /// An option of the survivor's socket with its value, set before connect() or listen().
    pub fn option(mut self, option: SockOpt) -> Draft {
        self.sockopt.push(option);
        self
    }

    /// TCP_CONGESTION: reno or cubic.
    pub fn congestion(mut self, name: &str) -> Draft {
        self.sockopt.push(SockOpt {
            name: OptName::TCP_CONGESTION,
            value: OptValue::Name(name.to_owned()),
        });
        self
    }

    /// The application reads only where a step says so.
    pub fn without_autoread(mut self) -> Draft {
        self.autoread = false;
        self
    }

    /// What the peer offers.
    pub fn peer(mut self, peer: Peer) -> Draft {
        self.peer = peer;
        self
    }

    /// One-way delay of the wire.
    pub fn delay(mut self, delay: Duration) -> Draft {
        self.delay = delay;
        self
    }

    /// A middlebox in the wire, which forgets the connection after it was idle so long.
    pub fn middlebox(mut self, forget_after: Duration, forget: Forget) -> Draft {
        self.middlebox = Some(Middlebox {
            forget_after,
            forget,
        });
        self
    }

    /// Something happens at this time from the start of the run.
    pub fn at(mut self, at: Duration, action: Action) -> Draft {
        self.steps.push(Planned {
            at,
            action,
            repeat: None,
        });
        self
    }

    /// Something happens so many times, first at `from`.
    pub fn every(
        mut self,
        interval: Duration,
        times: u32,
        from: Duration,
        action: Action,
    ) -> Draft {
        self.steps.push(Planned {
            at: from,
            action,
            repeat: Some((times, interval)),
        });
        self
    }

    /// The run ends when the survivor's socket is gone, and is given up at `limit`.
    pub fn until_closed(mut self, limit: Duration) -> Draft {
        self.end = Some((EndWhen::SurvivorClosed, limit));
        self
    }

    /// The run ends at this time.
    pub fn until(mut self, end: Duration) -> Draft {
        let at = Instant::ZERO + end;
        self.end = Some((EndWhen::After(at), end));
        self
    }

    /// How long recording goes on after the survivor's socket is gone.
    pub fn tail(mut self, tail: Duration) -> Draft {
        self.tail = Some(tail);
        self
    }

    /// The scenario, if it is one that a file could be.
    ///
    /// # Errors
    /// All that is wrong with it, each with its place in [`to_toml`](Draft::to_toml)'s text.
    pub fn build(&self) -> Result<Scenario, ScenarioErrors> {
        Scenario::parse("in-code", "in code", &self.to_toml())
    }

    /// The scenario as a file, to be kept or given to somebody.
    pub fn to_toml(&self) -> String {
        let mut out = String::new();
        let mut line = |text: String| {
            out.push_str(&text);
            out.push('\n');
        };
        line(format!("title = {}", quoted(&self.title)));
        if let Some(about) = &self.about {
            line(format!("about = {}", quoted(about)));
        }
        if let Some(kernel) = &self.kernel {
            line(format!("kernel = {}", quoted(kernel)));
        }
        line("\n[survivor]".to_owned());
        let role = match self.role {
            Role::Client => "client",
            Role::Server => "server",
        };
        line(format!("role = {}", quoted(role)));
        if !self.sysctl.is_empty() {
            let pairs = self.sysctl.iter().map(|(n, v)| (key(n), value(v)));
            line(format!("sysctl = {}", table(pairs)));
        }
        if !self.sockopt.is_empty() {
            let pairs = self
                .sockopt
                .iter()
                .map(|o| (o.name.name().to_owned(), value(&o.value.to_string())));
            line(format!("sockopt = {}", table(pairs)));
        }
        if !self.autoread {
            line("autoread = false".to_owned());
        }
        if self.peer != Peer::default() {
            line(peer(&self.peer));
        }
        if let Some(text) = wire(self.delay, self.middlebox) {
            line(text);
        }
        for step in &self.steps {
            line(format!("\n[[step]]\nat = {}", time(step.at)));
            line(format!("do = {}", quoted(&step.action.to_string())));
            if let Some((times, interval)) = step.repeat {
                line(format!("repeat = {times}\nevery = {}", time(interval)));
            }
        }
        line("\n[end]".to_owned());
        if let Some((when, limit)) = self.end {
            line(match when {
                EndWhen::SurvivorClosed => "when = \"survivor closed\"".to_owned(),
                EndWhen::After(at) => format!("after = {}", time(at.since(Instant::ZERO))),
            });
            line(format!("limit = {}", time(limit)));
        }
        if let Some(tail) = self.tail {
            line(format!("tail = {}", time(tail)));
        }
        out
    }
}

/// Where the peer is not the usual one.
fn peer(peer: &Peer) -> String {
    let mut text = "\n[peer]".to_owned();
    let usual = Peer::default();
    let mut pair = |name: &str, differs: bool, value: &dyn Display| {
        if differs {
            let _ = write!(text, "\n{name} = {value}");
        }
    };
    pair(
        "timestamps",
        peer.timestamps != usual.timestamps,
        &peer.timestamps,
    );
    pair("sack", peer.sack != usual.sack, &peer.sack);
    pair("dsack", peer.dsack != usual.dsack, &peer.dsack);
    pair("mss", peer.mss != usual.mss, &peer.mss);
    pair(
        "wscale",
        peer.wscale != usual.wscale,
        &peer.wscale.unwrap_or(0),
    );
    pair("window", peer.window != usual.window, &peer.window);
    text
}

/// The link, where there is something to say of it.
fn wire(delay: Duration, middlebox: Option<Middlebox>) -> Option<String> {
    let mut text = "\n[wire]".to_owned();
    if !delay.is_zero() {
        let _ = write!(text, "\ndelay = {}", time(delay));
    }
    if let Some(middlebox) = middlebox {
        let after = time(middlebox.forget_after);
        let how = quoted(middlebox.forget.name());
        let _ = write!(text, "\nforget_after = {after}\nforget = {how}");
    }
    (!delay.is_zero() || middlebox.is_some()).then_some(text)
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A name with points stands in quotes.
fn key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match !name.is_empty() && name.chars().all(is_bare) {
        true => name.to_owned(),
        false => quoted(name),
    }
}

/// A number as one, anything else as text.
fn value(text: &str) -> String {
    match text.parse::<i64>() {
        Ok(number) => number.to_string(),
        Err(_) => quoted(text),
    }
}

fn table(pairs: impl Iterator<Item = (String, String)>) -> String {
    let pairs: Vec<String> = pairs.map(|(n, v)| format!("{n} = {v}")).collect();
    format!("{{ {} }}", pairs.join(", "))
}

fn time(d: Duration) -> String {
    quoted(&text(u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests;
