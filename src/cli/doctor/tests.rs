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
                    is_global: false,
                },
                SysctlSupport {
                    name: "tcp_mem".to_owned(),
                    value: None,
                    wanted: "1 2 3".to_owned(),
                    settable: false,
                    is_global: true,
                },
                SysctlSupport {
                    name: "tcp_retries2".to_owned(),
                    value: Some("15".to_owned()),
                    wanted: "15".to_owned(),
                    settable: true,
                    is_global: false,
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
        "1 of 2 net.ipv4 sysctls can be set; the whole machine shares tcp_mem",
        "; this kernel lacks tcp_rto_max_ms\n",
        "modprobe tcp_cubic",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
}

#[test]
fn where_the_target_is_usable_nothing_that_it_does_without_is_a_no() {
    let mut probe = machine(Ok(Isolation::UserNamespace));
    probe.tun_device = Ok("/dev/net/tun can be opened".to_owned());
    probe.network_namespace = Err(Problem {
        found: "Operation not permitted".to_owned(),
        cure: "run as root".to_owned(),
    });
    let inside = probe.inside.as_mut().expect("it was looked at");
    inside.congestion[0].name = "cubic".to_owned();
    inside.sysctls.remove(0);
    let no: Vec<_> = lines(&probe)
        .into_iter()
        .filter(|l| l.ok == Some(false))
        .map(|l| l.what)
        .collect();
    assert_eq!(no, [""; 0]);
    assert!(!as_text(&probe).contains("run as root\n"));
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
