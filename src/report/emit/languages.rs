//! Functions that set the options of a socket, in programming languages.

use super::{Role, Values};

/// The comments above the code, and the code.
type Text = (Vec<String>, String);

/// The number of a TCP option of Linux that headers of today do not have.
const RTO_MAX_MS: u32 = 44;

/// Says of each sysctl that it is not set on a socket, and where a server sets the options.
fn notes(values: &Values) -> Vec<String> {
    let mut notes: Vec<String> = values
        .sysctls
        .iter()
        .map(|(n, v)| format!("Also set the sysctl net.ipv4.{n} = {v}."))
        .collect();
    notes.push(
        match values.role {
            Role::Client => "Call this before connect().",
            Role::Server => "Call this for the listening socket: accepted sockets inherit it.",
        }
        .to_owned(),
    );
    notes
}

fn level(name: &str) -> &'static str {
    match name.starts_with("SO_") {
        true => "SOL_SOCKET",
        false => "IPPROTO_TCP",
    }
}

pub(super) fn c(values: &Values) -> Text {
    let lines = values
        .options
        .iter()
        .map(|(name, value)| format!("        {{{}, {name}, {value}}},\n", level(name)));
    let lines: String = lines.collect();
    let body = format!(
        "#include <stddef.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#ifndef TCP_RTO_MAX_MS
#define TCP_RTO_MAX_MS {RTO_MAX_MS}
#endif

int detect_dead_peer(int fd)
{{
    static const int options[][3] = {{
{lines}        {{-1, 0, 0}},
    }};
    for (size_t n = 0; options[n][0] != -1; n++) {{
        int value = options[n][2];
        if (setsockopt(fd, options[n][0], options[n][1], &value, sizeof value) != 0)
            return -1;
    }}
    return 0;
}}
"
    );
    (notes(values), body)
}

/// The number of an option on Linux (the generic ABI).
fn number(name: &str) -> (i32, i32) {
    crate::sockopt::OptName::from_name(name).map_or((0, 0), |option| option.number())
}

pub(super) fn rust(values: &Values) -> Text {
    let lines = values.options.iter().map(|(name, value)| {
        let (level, option) = number(name);
        format!("        ({level}, {option}, {value}), // {name}\n")
    });
    let lines: String = lines.collect();
    let mut notes = notes(values);
    notes.push(
        "With the crate socket2: SockRef::set_tcp_keepalive and set_tcp_user_timeout.".to_owned(),
    );
    let body = format!(
        "use std::ffi::{{c_int, c_void}};
use std::io::{{Error, Result}};
use std::os::fd::{{AsFd, AsRawFd}};

unsafe extern \"C\" {{
    fn setsockopt(fd: c_int, level: c_int, name: c_int, value: *const c_void, len: u32) -> c_int;
}}

pub fn detect_dead_peer(socket: &impl AsFd) -> Result<()> {{
    let options: &[(c_int, c_int, c_int)] = &[
{lines}    ];
    let fd = socket.as_fd().as_raw_fd();
    for (level, name, value) in options {{
        let value: *const c_int = value;
        // SAFETY: the value is an int that lives as long as the call, and its size is passed
        if unsafe {{ setsockopt(fd, *level, *name, value.cast(), size_of::<c_int>() as u32) }} != 0 {{
            return Err(Error::last_os_error());
        }}
    }}
    Ok(())
}}
"
    );
    (notes, body)
}

pub(super) fn go(values: &Values) -> Text {
    let config = match values.keepalive {
        Some(times) => format!(
            "net.KeepAliveConfig{{
		Enable:   true,
		Idle:     {} * time.Second,
		Interval: {} * time.Second,
		Count:    {},
	}}",
            times.idle_s, times.interval_s, times.probes
        ),
        None => "net.KeepAliveConfig{Enable: false}".to_owned(),
    };
    // without keepalive nothing in the file uses the package
    let time = values.keepalive.map_or("", |_| "\t\"time\"\n");
    let rest = values.options.iter().filter(|(n, _)| {
        !matches!(
            *n,
            "SO_KEEPALIVE" | "TCP_KEEPIDLE" | "TCP_KEEPINTVL" | "TCP_KEEPCNT"
        )
    });
    let lines: String = rest
        .map(|(name, value)| {
            let name = match *name {
                "TCP_RTO_MAX_MS" => RTO_MAX_MS.to_string(),
                name => format!("unix.{name}"),
            };
            format!("\t\t{{{name}, {value}}},\n")
        })
        .collect();
    let mut notes = notes(values);
    notes.push(
        "Use KeepAlive and Control in a net.Dialer or a net.ListenConfig, as KeepAliveConfig and Control (Go 1.23)."
            .to_owned(),
    );
    let body = format!(
        "package deadpeer

import (
	\"net\"
	\"syscall\"
{time}
	\"golang.org/x/sys/unix\"
)

var KeepAlive = {config}

func Control(_, _ string, c syscall.RawConn) error {{
	options := []struct{{ name, value int }}{{
{lines}	}}
	var failed error
	err := c.Control(func(fd uintptr) {{
		for _, o := range options {{
			if failed == nil {{
				failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, o.name, o.value)
			}}
		}}
	}})
	if err != nil {{
		return err
	}}
	return failed
}}
"
    );
    (notes, body)
}

pub(super) fn java(values: &Values) -> Text {
    let mut lines = String::new();
    for (name, value) in &values.options {
        lines += &match *name {
            "SO_KEEPALIVE" => {
                "        channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);\n".to_owned()
            }
            "TCP_KEEPIDLE" => set_java("TCP_KEEPIDLE", *value),
            "TCP_KEEPINTVL" => set_java("TCP_KEEPINTERVAL", *value),
            _ => String::new(),
        };
    }
    if let Some(times) = values.keepalive {
        lines += &set_java("TCP_KEEPCOUNT", times.probes as i64);
    }
    let expressed = [
        "SO_KEEPALIVE",
        "TCP_KEEPIDLE",
        "TCP_KEEPINTVL",
        "TCP_KEEPCNT",
    ];
    let missing = values.missing(&expressed, "Java");
    let notes = missing.into_iter().chain(notes(values)).collect();
    let body = format!(
        "import java.io.IOException;
import java.net.StandardSocketOptions;
import java.nio.channels.NetworkChannel;
import jdk.net.ExtendedSocketOptions;

final class DeadPeer {{
    static void detect(NetworkChannel channel) throws IOException {{
{lines}    }}
}}
"
    );
    (notes, body)
}

fn set_java(name: &str, value: i64) -> String {
    format!("        channel.setOption(ExtendedSocketOptions.{name}, {value});\n")
}

pub(super) fn python(values: &Values) -> Text {
    let lines = values.options.iter().map(|(name, value)| {
        let name = match *name {
            "TCP_RTO_MAX_MS" => format!("{RTO_MAX_MS}, {value}),  # TCP_RTO_MAX_MS"),
            name => format!("socket.{name}, {value}),"),
        };
        let level = level(&name.replace("socket.", ""));
        format!("        (socket.{level}, {name}\n")
    });
    let lines: String = lines.collect();
    let body = format!(
        "import socket


def detect_dead_peer(sock: socket.socket) -> None:
    options = [
{lines}    ]
    for level, name, value in options:
        sock.setsockopt(level, name, value)
"
    );
    (notes(values), body)
}

pub(super) fn node(values: &Values) -> Text {
    let mut notes = values.missing(&["SO_KEEPALIVE", "TCP_KEEPIDLE"], "Node.js");
    notes.push(
        "Interval and number of probes are chosen by Node.js (libuv), not by this code.".to_owned(),
    );
    let line = match values.keepalive {
        Some(times) => format!("  socket.setKeepAlive(true, {});\n", times.idle_s * 1_000),
        None => String::new(),
    };
    let body = format!(
        "'use strict';

function detectDeadPeer(socket) {{
{line}  return socket;
}}

module.exports = {{ detectDeadPeer }};
"
    );
    (notes, body)
}
