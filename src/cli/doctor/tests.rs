//! The report of invented machines: every finding that is missing has a fix, and the JSON agrees with the text.

use crate::os::probe::{Congestion, SysctlSupport};

use super::*;

fn machine(endpoint: Result<Isolation, String>) -> Probe {
    Probe {
        kernel: "6.1.0".to_owned(),
        uid: 1000,
        tun_device: Err(Problem {
            found: "/dev/net/tun: No such file".to_owned(),
            cure: "as root: modprobe tun".to_owned(),
        }),
        network_namespace: Ok("can be made".to_owned()),
        user_namespace: Ok("can be made".to_owned()),
        endpoint,
        tick_ns: 1_000_000,
        phase: None,
        real_time_priority: false,
        inside: Some(Inside {
            congestion_default: "reno".to_owned(),
            congestion: vec![Congestion {
                name: "reno".to_owned(),
                by_namespace: true,
                by_socket: true,
            }],
            sysctls: vec![
                SysctlSupport {
                    name: "tcp_rto_max_ms".to_owned(),
                    value: None,
                    wanted: "120000".to_owned(),
                    settable: false,
                },
                SysctlSupport {
                    name: "tcp_retries2".to_owned(),
                    value: Some("15".to_owned()),
                    wanted: "15".to_owned(),
                    settable: true,
                },
            ],
        }),
    }
}

#[test]
fn every_no_says_what_to_do() {
    let probe = machine(Err("no TUN can be made; as root: modprobe tun".to_owned()));
    for line in lines(&probe) {
        let told = line.cure.is_some() || line.found.contains("as root");
        assert!(
            line.ok != Some(false) || told,
            "{}: {}",
            line.what,
            line.found
        );
    }
    let text = as_text(&probe);
    for expected in [
        "no   TUN device          /dev/net/tun: No such file\n                         fix: as root: modprobe tun\n",
        "     HZ                  1000 (tick of 1 ms, measured",
        "1 of 2 net.ipv4 sysctls can be set; this kernel lacks tcp_rto_max_ms\n",
        "modprobe tcp_cubic",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
}

#[test]
fn json_holds_the_same_findings() {
    let probe = machine(Ok(Isolation::UserNamespace));
    let json = as_json(&probe);
    assert_eq!(json["usable"], true);
    assert_eq!(json["fresh_namespace"]["sysctl"][0]["value"], Value::Null);
    let findings = json["findings"].as_array().unwrap();
    let what: Vec<_> = findings
        .iter()
        .map(|f| f["what"].as_str().unwrap())
        .collect();
    let expected: Vec<_> = lines(&probe).iter().map(|l| l.what).collect();
    assert_eq!(what, expected);
}
