//! What Linux 6.18 has and this program does not model: whole sysctls, and single values of sysctls.

const FASTOPEN: &str = "TCP Fast Open is not built";
const MTU_PROBING: &str = "path MTU probing is not built";
const PLB: &str = "protective load balancing, which changes IPv6 flow labels, is not modelled";
const ECN: &str = "no congestion marks are sent or read; only the default, passive ECN is modelled, and the peer never asks for it";
const NO_EFFECT: &str = "it has no effect in Linux 6.18";
const READ_ONLY: &str = "the kernel only shows it";
const PACING: &str = "no congestion control with pacing is built";

/// Sysctls of Linux 6.18 that are not modelled: name, the kernel's default (empty if it depends on the machine), and why.
pub const NOT_MODELLED: &[(&str, &str, &str)] = &[
    ("tcp_adv_win_scale", "1", NO_EFFECT),
    (
        "tcp_allowed_congestion_control",
        "",
        "the scenario names the congestion control",
    ),
    (
        "tcp_app_win",
        "31",
        "a part of the window for the application is not set aside",
    ),
    ("tcp_available_congestion_control", "", READ_ONLY),
    ("tcp_available_ulp", "", READ_ONLY),
    (
        "tcp_backlog_ack_defer",
        "1",
        "a socket is never locked by its application while packets arrive",
    ),
    ("tcp_base_mss", "1024", MTU_PROBING),
    (
        "tcp_child_ehash_entries",
        "0",
        "hash tables have no visible effect",
    ),
    ("tcp_early_demux", "1", "it has no effect on what is sent"),
    ("tcp_ecn_fallback", "1", ECN),
    ("tcp_ecn_option", "2", ECN),
    ("tcp_ecn_option_beacon", "3", ECN),
    ("tcp_ehash_entries", "", READ_ONLY),
    ("tcp_fack", "0", NO_EFFECT),
    ("tcp_fastopen", "1", FASTOPEN),
    ("tcp_fastopen_blackhole_timeout_sec", "0", FASTOPEN),
    ("tcp_fastopen_key", "", FASTOPEN),
    ("tcp_fwmark_accept", "0", "packet marks are not modelled"),
    ("tcp_l3mdev_accept", "0", "there is one routing domain"),
    ("tcp_low_latency", "0", NO_EFFECT),
    ("tcp_migrate_req", "0", "SO_REUSEPORT is not modelled"),
    (
        "tcp_min_snd_mss",
        "48",
        "the smallest MSS is fixed at its default, 48 bytes",
    ),
    ("tcp_mtu_probe_floor", "48", MTU_PROBING),
    (
        "tcp_no_ssthresh_metrics_save",
        "1",
        "nothing is remembered of a path",
    ),
    (
        "tcp_notsent_lowat",
        "4294967295",
        "it only changes when a socket is called writable",
    ),
    ("tcp_pacing_ca_ratio", "120", PACING),
    ("tcp_pacing_ss_ratio", "200", PACING),
    ("tcp_plb_cong_thresh", "128", PLB),
    ("tcp_plb_enabled", "0", PLB),
    ("tcp_plb_idle_rehash_rounds", "3", PLB),
    ("tcp_plb_rehash_rounds", "12", PLB),
    ("tcp_plb_suspend_rto_sec", "60", PLB),
    ("tcp_probe_interval", "600", MTU_PROBING),
    ("tcp_probe_threshold", "8", MTU_PROBING),
    ("tcp_reflect_tos", "0", "the type of service is always 0"),
    ("tcp_stdurg", "0", "urgent data is not modelled"),
    (
        "tcp_workaround_signed_windows",
        "0",
        "there are no peers with signed windows",
    ),
];

/// Sysctls of which only a range of values is modelled: name, smallest and largest modelled value, and why.
pub(super) const NARROWED: &[(&str, i64, i64, &str)] = &[
    ("tcp_mtu_probing", 0, 0, MTU_PROBING),
    (
        "tcp_shrink_window",
        0,
        0,
        "the engine never takes back a window that it has offered",
    ),
    ("tcp_syncookies", 0, 2, "more than 2 means the same as 1"),
    ("tcp_keepalive_time", 0, i64::MAX, NEGATIVE),
    ("tcp_keepalive_intvl", 0, i64::MAX, NEGATIVE),
    ("tcp_fin_timeout", 0, i64::MAX, NEGATIVE),
    ("tcp_challenge_ack_limit", 1, i32::MAX as i64, NEGATIVE),
    (
        "tcp_limit_output_bytes",
        4_194_304,
        i64::MAX,
        "a device queue that fills up is not modelled",
    ),
    (
        "tcp_comp_sack_slack_ns",
        100_000,
        100_000,
        "the timer of a compressed SACK fires at its instant, without slack",
    ),
    ("tcp_max_syn_backlog", 0, i64::MAX, NEGATIVE),
    ("tcp_max_tw_buckets", 0, i64::MAX, NEGATIVE),
    ("tcp_max_orphans", 0, i64::MAX, NEGATIVE),
];

const NEGATIVE: &str = "the kernel accepts negative values, but they have no meaning";

/// Values inside the modelled range that are not modelled: name, value, and why.
pub(super) const EXCEPTED: &[(&str, i64, &str)] = &[("tcp_ecn", 1, ECN)];

/// Sysctls that are accepted and change nothing, and why that is right here.
pub const WITHOUT_EFFECT: &[(&str, &str)] = &[
    (
        "tcp_retries1",
        "it makes the kernel look for another route, and there is only one route",
    ),
    (
        "tcp_no_metrics_save",
        "metrics of a connection are saved for the next one, and there is only one connection",
    ),
    (
        "tcp_autocorking",
        "a write waits only while the device holds a packet, and this device holds none",
    ),
    (
        "tcp_ecn",
        "the peer never asks for ECN, and by default the survivor does not ask for it either",
    ),
    ("tcp_mtu_probing", "only 0 is modelled"),
    ("tcp_shrink_window", "only 0 is modelled"),
    (
        "tcp_limit_output_bytes",
        "only values that never limit anything are modelled",
    ),
    ("tcp_comp_sack_slack_ns", "only the default is modelled"),
];
