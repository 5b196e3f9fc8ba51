//! Settings in the configuration of programs.

use super::{Role, Values};

/// The comments above the configuration, and the configuration.
type Text = (Vec<String>, String);

const KEEPALIVE: [&str; 4] = [
    "SO_KEEPALIVE",
    "TCP_KEEPIDLE",
    "TCP_KEEPINTVL",
    "TCP_KEEPCNT",
];

fn with_keepalive(more: &[&'static str]) -> Vec<&'static str> {
    KEEPALIVE.iter().chain(more).copied().collect()
}

pub(super) fn sysctl(values: &Values) -> Text {
    let mut lines = Vec::new();
    if let Some(times) = values.keepalive {
        lines.push(("tcp_keepalive_time", times.idle_s.to_string()));
        lines.push(("tcp_keepalive_intvl", times.interval_s.to_string()));
        lines.push(("tcp_keepalive_probes", times.probes.to_string()));
    }
    let same = [
        ("TCP_RTO_MAX_MS", "tcp_rto_max_ms"),
        ("TCP_SYNCNT", "tcp_syn_retries"),
    ];
    for (option, sysctl) in same {
        lines.extend(values.option(option).map(|v| (sysctl, v.to_string())));
    }
    lines.extend(values.sysctls.iter().map(|(n, v)| (*n, v.to_string())));
    let mut expressed = with_keepalive(&["TCP_RTO_MAX_MS", "TCP_SYNCNT"]);
    expressed.extend(values.sysctls.iter().map(|(n, _)| *n));
    let mut notes = values.missing(&expressed, "A sysctl");
    if values.keepalive.is_some() {
        notes.push(
            "Keepalive runs only on sockets with SO_KEEPALIVE, which no sysctl sets.".to_owned(),
        );
    }
    notes.push(
        "These hold for all connections of the network namespace that do not set their own."
            .to_owned(),
    );
    let lines = lines.iter().map(|(n, v)| format!("net.ipv4.{n} = {v}\n"));
    (notes, lines.collect())
}

pub(super) fn libpq(values: &Values) -> Text {
    let mut words = Vec::new();
    match values.keepalive {
        Some(times) => {
            words.push("keepalives=1".to_owned());
            words.push(format!("keepalives_idle={}", times.idle_s));
            words.push(format!("keepalives_interval={}", times.interval_s));
            words.push(format!("keepalives_count={}", times.probes));
        }
        None => words.push("keepalives=0".to_owned()),
    }
    words.extend(
        values
            .option("TCP_USER_TIMEOUT")
            .map(|ms| format!("tcp_user_timeout={ms}")),
    );
    let mut notes = values.missing(&with_keepalive(&["TCP_USER_TIMEOUT"]), "libpq");
    notes.push(
        "Append this to the connection string. tcp_user_timeout is in ms, the others are in s."
            .to_owned(),
    );
    (notes, words.join(" ") + "\n")
}

pub(super) fn grpc(values: &Values) -> Text {
    let detect_ms = values.detect.as_millis() as u64;
    let time_ms = values.keepalive.map_or(detect_ms / 2, |k| k.idle_s * 1_000);
    let timeout_ms = detect_ms.saturating_sub(time_ms).max(1);
    let notes = [
        "These are pings of HTTP/2 and not of TCP: the peer's gRPC answers them, so they also find a process that hangs.",
        "They are not simulated here: the time is the ping interval and the wait for its answer together (computed).",
        "A server ends connections that ping more often than it permits: see GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS.",
        "Channel arguments as Python takes them; in C they are GRPC_ARG_KEEPALIVE_TIME_MS and so on.",
    ];
    let body = format!(
        "options = [
    (\"grpc.keepalive_time_ms\", {time_ms}),
    (\"grpc.keepalive_timeout_ms\", {timeout_ms}),
    (\"grpc.keepalive_permit_without_calls\", 1),
    (\"grpc.http2.max_pings_without_data\", 0),
]
"
    );
    (notes.map(str::to_owned).to_vec(), body)
}

pub(super) fn nginx(values: &Values) -> Text {
    let mut notes = values.missing(&KEEPALIVE, "nginx");
    let (listen, proxy) = match values.keepalive {
        Some(times) => (
            format!(
                " so_keepalive={}s:{}s:{}",
                times.idle_s, times.interval_s, times.probes
            ),
            "on",
        ),
        None => (String::new(), "off"),
    };
    notes.push(
        "proxy_socket_keepalive takes its times from the sysctls: see --emit sysctl.".to_owned(),
    );
    notes.push("For the http block. Change the port, the address and the location.".to_owned());
    let body = format!(
        "server {{
    listen 8080{listen};
    location / {{
        proxy_pass http://127.0.0.1:8081;
        proxy_socket_keepalive {proxy};
    }}
}}
"
    );
    (notes, body)
}

pub(super) fn haproxy(values: &Values) -> Text {
    let mut notes = values.missing(&with_keepalive(&["TCP_USER_TIMEOUT"]), "HAProxy");
    notes.push(
        "cli is the side of the clients, srv that of the servers. Change the addresses.".to_owned(),
    );
    let mut keepalive = String::new();
    if let Some(times) = values.keepalive {
        for side in ["cli", "srv"] {
            keepalive += &format!(
                "    option {side}tcpka
    {side}tcpka-idle {}s
    {side}tcpka-intvl {}s
    {side}tcpka-cnt {}
",
                times.idle_s, times.interval_s, times.probes
            );
        }
    }
    let user_timeout = values.option("TCP_USER_TIMEOUT");
    let user_timeout = user_timeout.map_or(String::new(), |ms| format!(" tcp-ut {ms}ms"));
    let body = format!(
        "defaults
    mode tcp
    timeout connect 10s
    timeout client 1d
    timeout server 1d
{keepalive}
frontend clients
    bind 127.0.0.1:8080{user_timeout}
    default_backend servers

backend servers
    server first 127.0.0.1:8081{user_timeout}
"
    );
    (notes, body)
}

pub(super) fn systemd(values: &Values) -> Text {
    let mut notes = values.missing(&KEEPALIVE, "A socket unit");
    if values.role == Role::Client {
        notes.push("A socket unit listens: this is for the server's end.".to_owned());
    }
    let keepalive = match values.keepalive {
        Some(times) => format!(
            "KeepAlive=yes
KeepAliveTimeSec={}
KeepAliveIntervalSec={}
KeepAliveProbes={}
",
            times.idle_s, times.interval_s, times.probes
        ),
        None => "KeepAlive=no\n".to_owned(),
    };
    let body = format!(
        "[Unit]
Description=A socket that detects dead peers

[Socket]
ListenStream=8080
{keepalive}
[Install]
WantedBy=sockets.target
"
    );
    (notes, body)
}

pub(super) fn redis(values: &Values) -> Text {
    let mut notes = values.missing(&["SO_KEEPALIVE"], "Redis");
    notes.push(
        "Redis has one number: the idle time. It sets the interval to a third of it and the number of probes to 3, so that a \
         dead client is detected after twice the number (computed). Data in flight is limited by tcp_retries2 only."
            .to_owned(),
    );
    match values.redis_s {
        Some(seconds) => (notes, format!("tcp-keepalive {seconds}\n")),
        None => {
            notes.push("No number detects a dead client in time.".to_owned());
            (notes, "tcp-keepalive 0\n".to_owned())
        }
    }
}
