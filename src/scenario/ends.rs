//! Reads `[survivor]` and `[peer]`.

use std::ops::Range;

use toml::de::DeValue;

use super::action;
use super::error::Faults;
use super::possible::Planned;
use super::section::{Section, kind, whole_number};
use super::{Action, Peer, Role, Survivor};
use crate::sockopt::{SockOpt, SockOptError};
use crate::sysctl::{Preset, Sysctl, SysctlError, quoted};

/// Reads `[survivor]`. Returns the survivor and the place of its role.
pub(super) fn read_survivor(
    root: &Section<'_>,
    preset: &'static Preset,
    faults: &mut Faults,
) -> Option<(Survivor, Range<usize>)> {
    let help = "add [survivor] with role = \"client\" or role = \"server\"";
    root.need("survivor", help, faults)?;
    let keys = ["role", "sysctl", "sockopt", "autoread"];
    let section = root.table("survivor", "[survivor]", &keys, faults)?;
    let (sysctl, sysctl_set) = read_sysctl(&section, preset, faults);
    let sockopt = read_sockopt(&section, faults);
    let autoread = section.boolean("autoread", faults).unwrap_or(true);
    let help = "add role = \"client\" (it connects) or role = \"server\" (it listens)";
    section.need("role", help, faults)?;
    let (role, place) = section.string("role", faults)?;
    let role = match role {
        "client" => Role::Client,
        "server" => Role::Server,
        other => {
            let what = format!("unknown role {}", quoted(other));
            faults.add(
                &place,
                what,
                "role is \"client\" (it connects) or \"server\" (it listens)",
            );
            return None;
        }
    };
    let survivor = Survivor {
        role,
        sysctl,
        sysctl_set,
        sockopt,
        autoread,
    };
    Some((survivor, place))
}

/// Returns the entries of a table such as `sysctl = { ... }`: the key, its place, the text of the value, its place.
fn entries(
    section: &Section<'_>,
    key: &'static str,
    faults: &mut Faults,
) -> Vec<(String, Range<usize>, String, Range<usize>)> {
    let Some(value) = section.get(key) else {
        return Vec::new();
    };
    let Some(table) = value.get_ref().as_table() else {
        let what = format!("{key} must be a table, not {}", kind(value.get_ref()));
        faults.add(
            &value.span(),
            what,
            format!("write {key} = {{ NAME = value, ... }}"),
        );
        return Vec::new();
    };
    let mut found = Vec::new();
    for (name, value) in table {
        let text = match value.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            number @ DeValue::Integer(integer) => {
                Some(whole_number(number).map_or_else(|| integer.to_string(), |n| n.to_string()))
            }
            _ => None,
        };
        match text {
            Some(text) => found.push((name.get_ref().to_string(), name.span(), text, value.span())),
            None => {
                let what = format!(
                    "{} must be a number or a string, not {}",
                    name.get_ref(),
                    kind(value.get_ref())
                );
                let help = match value.get_ref() {
                    DeValue::Boolean(_) => "write 1 or 0",
                    DeValue::Table(_) => "write a name with dots in quotes, or without net.ipv4.",
                    DeValue::Array(_) => {
                        "write a list as one string, such as \"4096 131072 6291456\""
                    }
                    _ => "write an integer, or a string in quotes",
                };
                faults.add(&value.span(), what, help);
            }
        }
    }
    found
}

fn read_sysctl(
    section: &Section<'_>,
    preset: &'static Preset,
    faults: &mut Faults,
) -> (Sysctl, Vec<(String, String)>) {
    let mut sysctl = preset.sysctl.clone();
    let mut set: Vec<(String, String)> = Vec::new();
    for (name, name_place, text, value_place) in entries(section, "sysctl", faults) {
        let done = Sysctl::known(&name).and_then(|known| {
            sysctl.set(known, &text)?;
            Ok(known)
        });
        match done {
            Ok(known) if set.iter().any(|(n, _)| n == known) => {
                faults.add(
                    &name_place,
                    format!("{known} is set twice"),
                    "remove one of them",
                );
            }
            // as the kernel will be told it, in its own notation
            Ok(known) => set.push((known.to_owned(), sysctl.get(known).unwrap_or(text))),
            Err(SysctlError::Unknown { name, nearest }) => {
                let help = match nearest {
                    Some(near) => format!("did you mean {near}?"),
                    None => "the sysctls are listed in docs/SCENARIOS.md".to_owned(),
                };
                faults.add(&name_place, format!("unknown sysctl {name}"), help);
            }
            Err(SysctlError::NotModelled { name, why }) => {
                faults.add(&name_place, format!("{name} is not modelled"), why);
            }
            Err(SysctlError::ValueNotModelled { name, got, why }) => {
                faults.add(&value_place, format!("{name} = {got} is not modelled"), why);
            }
            Err(error @ SysctlError::Value { name, .. }) => {
                let about = Sysctl::about(name).unwrap_or_default();
                faults.add(&value_place, error.to_string(), format!("{name}: {about}"));
            }
        }
    }
    (sysctl, set)
}

fn read_sockopt(section: &Section<'_>, faults: &mut Faults) -> Vec<SockOpt> {
    let mut options = Vec::new();
    for (name, name_place, text, value_place) in entries(section, "sockopt", faults) {
        match SockOpt::parse(&name, &text) {
            Ok(option) => options.push(option),
            Err(error) => {
                let is_unknown = matches!(error, SockOptError::Unknown { .. });
                let place = if is_unknown { name_place } else { value_place };
                let (what, help) = action::explain(error);
                faults.add(&place, what, help);
            }
        }
    }
    options
}

/// Reads `[peer]`. What the file does not set has its default.
pub(super) fn read_peer(root: &Section<'_>, faults: &mut Faults) -> Peer {
    let default = Peer::default();
    let keys = ["timestamps", "sack", "dsack", "mss", "wscale", "window"];
    let Some(section) = root.table("peer", "[peer]", &keys, faults) else {
        return default;
    };
    let mss = section.integer("mss", 48, 65_535, faults);
    let wscale = section.integer("wscale", 0, 14, faults);
    let window = section.integer("window", 0, action::MAX_WINDOW.into(), faults);
    let peer = Peer {
        timestamps: section
            .boolean("timestamps", faults)
            .unwrap_or(default.timestamps),
        sack: section.boolean("sack", faults).unwrap_or(default.sack),
        dsack: section.boolean("dsack", faults).unwrap_or(default.dsack),
        mss: mss.map_or(default.mss, |(n, _)| n as u16),
        wscale: wscale.map_or(default.wscale, |(n, _)| Some(n as u8)),
        window: window.as_ref().map_or(default.window, |(n, _)| *n as u32),
    };
    if let Some((_, place)) = window {
        check_window(peer.window, peer, &place, faults);
    }
    peer
}

/// Reports a window that the peer cannot express with its window scale.
fn check_window(window: u32, peer: Peer, place: &Range<usize>, faults: &mut Faults) {
    let shift = peer.wscale.unwrap_or(0);
    let most = 65_535_u32 << shift;
    if window > most {
        let what = format!("the peer cannot offer {window} bytes with wscale {shift}");
        let help = format!("the largest window is {most} bytes; set a larger wscale in [peer]");
        faults.add(place, what, help);
    }
}

/// Reports every step with a window that the peer cannot express.
pub(super) fn check_windows(planned: &[Planned], peer: Peer, faults: &mut Faults) {
    for step in planned {
        if let Action::PeerWindow(window) = step.action {
            check_window(window, peer, &step.place, faults);
        }
    }
}
