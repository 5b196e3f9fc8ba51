//! The connections of endpoints that run in other processes of this network namespace.
//!
//! An endpoint has an abstract unix socket with the name [`NAME_PREFIX`] followed by its process id. It answers each
//! connection with one [`Row`] a line and closes it. `/proc/net/unix` lists these sockets.

use std::io::Read;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::time::Duration;

use super::{Filter, Row};
use crate::call::Addr;

/// The beginning of the name of an endpoint's control socket, after the zero byte. The process id follows.
pub const NAME_PREFIX: &str = "halfopen/";

/// How long an endpoint may take to answer.
const PATIENCE: Duration = Duration::from_millis(500);
/// How many bytes of an answer are read at most.
const MOST: u64 = 64 << 20;

/// Returns the selected rows of all endpoints, and notes about errors.
pub(super) fn rows(filter: &Filter) -> (Vec<Row>, Vec<String>) {
    let (mut rows, mut notes) = (Vec::new(), Vec::new());
    let listed = std::fs::read_to_string("/proc/net/unix").unwrap_or_default();
    for (name, pid) in names(&listed) {
        if filter.pid.is_some_and(|wanted| wanted != pid) {
            continue;
        }
        match ask(&name) {
            Ok(answer) => {
                for line in answer.lines().filter(|l| !l.trim().is_empty()) {
                    match Row::from_json(line) {
                        Ok(row) => rows.push(row),
                        Err(e) => {
                            notes.push(format!(
                                "the endpoint of process {pid} sent an invalid answer: {e}"
                            ));
                            break;
                        }
                    }
                }
            }
            Err(e) => notes.push(format!("the endpoint of process {pid} did not answer: {e}")),
        }
    }
    let addr = |a: std::net::SocketAddr| Addr {
        ip: a.ip(),
        port: a.port(),
    };
    rows.retain(|r| {
        let state = Filter::state(&r.state).unwrap_or_default();
        filter.takes(state, addr(r.local), addr(r.remote))
    });
    (rows, notes)
}

/// Returns the control sockets in `/proc/net/unix`, each once, and their process ids.
fn names(listed: &str) -> Vec<(String, u32)> {
    let mut found: Vec<(String, u32)> = Vec::new();
    for path in listed.lines().filter_map(|l| l.split_whitespace().nth(7)) {
        let Some(name) = path.strip_prefix('@') else {
            continue;
        };
        let Some(pid) = name.strip_prefix(NAME_PREFIX).and_then(|p| p.parse().ok()) else {
            continue;
        };
        if found.iter().all(|(n, _)| n != name) {
            found.push((name.to_owned(), pid));
        }
    }
    found
}

fn ask(name: &str) -> std::io::Result<String> {
    let address = SocketAddr::from_abstract_name(name.as_bytes())?;
    let stream = UnixStream::connect_addr(&address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut answer = String::new();
    stream.take(MOST).read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_sockets_are_found_once_among_others() {
        let listed = "Num       RefCount Protocol Flags    Type St Inode Path\n\
                      0000000000000000: 00000002 00000000 00010000 0001 01 1 /run/dbus/socket\n\
                      0000000000000000: 00000002 00000000 00010000 0001 01 2 @halfopen/4711\n\
                      0000000000000000: 00000003 00000000 00000000 0001 03 3 @halfopen/4711\n\
                      0000000000000000: 00000002 00000000 00010000 0001 01 4 @halfopen/x\n\
                      0000000000000000: 00000002 00000000 00010000 0001 01 5\n";
        assert_eq!(names(listed), [("halfopen/4711".to_owned(), 4711)]);
    }
}
