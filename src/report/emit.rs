//! The settings of an advice in the form that a program or a language takes them.
//!
//! What the form cannot express is said in a comment of the text. Units are those of each form: libpq's
//! tcp_user_timeout is in ms and its keepalives_idle in s, as in the kernel.

mod languages;
mod services;

use std::time::Duration;

use super::tries::Under;
use crate::answers::advise::{Advice, KeepaliveTimes, Kernel, Request, keepalive_ends};
use crate::scenario::Role;

/// A form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A file for /etc/sysctl.d.
    Sysctl,
    /// A C function.
    C,
    /// A Rust function that needs std only.
    Rust,
    /// A Go function with golang.org/x/sys/unix.
    Go,
    /// A Java method.
    Java,
    /// A Python function.
    Python,
    /// A Node.js function.
    Node,
    /// A connection string of PostgreSQL's libpq.
    Libpq,
    /// Channel arguments of gRPC.
    Grpc,
    /// A server of nginx.conf.
    Nginx,
    /// Sections of haproxy.cfg.
    Haproxy,
    /// A socket unit of systemd.
    Systemd,
    /// Lines of redis.conf.
    Redis,
}

impl Form {
    /// All forms.
    pub const ALL: [Form; 13] = [
        Form::Sysctl,
        Form::C,
        Form::Rust,
        Form::Go,
        Form::Java,
        Form::Python,
        Form::Node,
        Form::Libpq,
        Form::Grpc,
        Form::Nginx,
        Form::Haproxy,
        Form::Systemd,
        Form::Redis,
    ];

    /// Returns its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Form::Sysctl => "sysctl",
            Form::C => "c",
            Form::Rust => "rust",
            Form::Go => "go",
            Form::Java => "java",
            Form::Python => "python",
            Form::Node => "node",
            Form::Libpq => "libpq",
            Form::Grpc => "grpc",
            Form::Nginx => "nginx",
            Form::Haproxy => "haproxy",
            Form::Systemd => "systemd",
            Form::Redis => "redis",
        }
    }

    /// Returns the form with this name.
    pub fn from_name(name: &str) -> Option<Form> {
        Form::ALL.into_iter().find(|f| f.name() == name)
    }

    const fn comment(self) -> &'static str {
        match self {
            Form::C | Form::Rust | Form::Go | Form::Java | Form::Node => "//",
            _ => "#",
        }
    }
}

/// What the forms need to know.
#[derive(Clone, Debug)]
struct Values {
    /// Keepalive's numbers if it is on. Where TCP_USER_TIMEOUT replaces the count, this is the count that comes to the same.
    keepalive: Option<KeepaliveTimes>,
    /// The options to be set, by name.
    options: Vec<(&'static str, i64)>,
    /// The sysctls to be set, by name.
    sysctls: Vec<(&'static str, u32)>,
    detect: Duration,
    role: Role,
    /// Redis's tcp-keepalive, s, if one detects in time.
    redis_s: Option<u64>,
}

impl Values {
    fn of(request: &Request, advice: &Advice, kernel: &Kernel) -> Values {
        let keepalive = advice.keepalive.map(|times| KeepaliveTimes {
            probes: match advice.choice.user_timeout_ms {
                Some(ms) => (u64::from(ms).div_ceil(1_000).saturating_sub(times.idle_s))
                    .div_ceil(times.interval_s.max(1))
                    .max(1),
                None => times.probes,
            },
            ..times
        });
        let options = advice.choice.options().into_iter();
        let number = |value: String| value.parse().unwrap_or(0);
        let redis = |n: &u64| {
            let times = KeepaliveTimes {
                idle_s: *n,
                interval_s: (n / 3).max(1),
                probes: 3,
            };
            keepalive_ends(&kernel.ticks, times) <= request.detect
        };
        let longest = keepalive.map_or(0, |k| k.idle_s).max(1);
        Values {
            keepalive,
            options: options
                .map(|o| (o.name.name(), number(o.value.to_string())))
                .collect(),
            sysctls: advice.choice.sysctls(),
            detect: request.detect,
            role: request.settings.role,
            redis_s: (1..=longest)
                .rev()
                .find(redis)
                .filter(|_| keepalive.is_some()),
        }
    }

    fn option(&self, name: &str) -> Option<i64> {
        let found = self.options.iter().find(|(n, _)| *n == name);
        found.map(|(_, value)| *value)
    }

    /// Returns a sentence for each of the settings that are not among `expressed`.
    fn missing(&self, expressed: &[&str], by: &str) -> Vec<String> {
        let options = self.options.iter().map(|(n, v)| (*n, v.to_string()));
        let sysctls = self.sysctls.iter().map(|(n, v)| (*n, v.to_string()));
        let rest = options
            .chain(sysctls)
            .filter(|(name, _)| !expressed.contains(name));
        let mut lines: Vec<String> = rest
            .map(|(name, value)| format!("{by} cannot set {name} = {value}."))
            .collect();
        if !lines.is_empty() {
            let without = "Without that, the times do not hold in every situation.";
            lines.push(without.to_owned());
        }
        lines
    }
}

/// Returns the settings in this form, with what they are for and what is missing in comments.
pub fn render(
    form: Form,
    request: &Request,
    advice: &Advice,
    kernel: &Kernel,
    under: &Under,
) -> String {
    let values = Values::of(request, advice, kernel);
    let (notes, body) = match form {
        Form::Sysctl => services::sysctl(&values),
        Form::C => languages::c(&values),
        Form::Rust => languages::rust(&values),
        Form::Go => languages::go(&values),
        Form::Java => languages::java(&values),
        Form::Python => languages::python(&values),
        Form::Node => languages::node(&values),
        Form::Libpq => services::libpq(&values),
        Form::Grpc => services::grpc(&values),
        Form::Nginx => services::nginx(&values),
        Form::Haproxy => services::haproxy(&values),
        Form::Systemd => services::systemd(&values),
        Form::Redis => services::redis(&values),
    };
    let seconds = |d: Duration| format!("{} s", d.as_secs_f64());
    let mut head = vec![format!(
        "A dead peer is detected within {} (simulated: {}).",
        seconds(request.detect),
        under.text()
    )];
    if let Some(survive) = request.survive {
        head.push(format!(
            "With all of the settings an outage of {} does not end the connection.",
            seconds(survive)
        ));
    }
    let comment = form.comment();
    let lines = head.into_iter().chain(notes);
    let comments = lines.map(|line| format!("{comment} {line}\n"));
    comments.collect::<String>() + &body
}

#[cfg(test)]
mod tests;
