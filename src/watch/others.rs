//! The connections of endpoints that run in other processes of this network namespace.
//!
//! An endpoint answers on an abstract unix socket, [`NAME_PREFIX`] and its process number, with a [`Row`] a line, to
//! whoever connects, and closes. `/proc/net/unix` lists those sockets.
//!
//! Any user may listen under such a name. What is believed comes from a process of this user or of root (SO_PEERCRED)
//! that listens under its own number; others are named and not asked. The answers of all together are bounded in time
//! and in size, since an endpoint may be stopped, or not be one.

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use super::{Filter, Process, Row, Stack};
use crate::call::Addr;
use crate::os::local_answers::{Answered, Asked, PeerCredentials, read_all};
use crate::os::processes::name_of;

/// The beginning of the name of an endpoint's control socket, after the zero byte. The process id follows.
pub const NAME_PREFIX: &str = "halfopen/";

/// How long all endpoints together may take to answer.
const PATIENCE: Duration = Duration::from_millis(500);
/// Bytes of `/proc/net/unix` that are read at the most.
const MOST_LISTED_BYTES: u64 = 16 << 20;
/// Endpoints that are asked at the most.
const MOST_ENDPOINTS: usize = 64;
/// Bytes of all answers that are read at the most.
const MOST_BYTES: usize = 8 << 20;
/// Bytes of one connection at the most.
const MOST_ROW_BYTES: usize = 64 << 10;
/// Notes that are made at the most.
const MOST_NOTES: usize = 8;

/// Returns the selected rows of all endpoints, and notes about errors.
pub(super) fn rows(filter: &Filter) -> (Vec<Row>, Vec<String>) {
    let mut listed = Vec::new();
    if let Ok(file) = std::fs::File::open("/proc/net/unix") {
        // what was read before an error is good
        let _ = file.take(MOST_LISTED_BYTES).read_to_end(&mut listed);
    }
    let mut names = names(&String::from_utf8_lossy(&listed));
    names.retain(|(_, pid)| filter.pid.is_none_or(|wanted| wanted == *pid));
    let (mut rows, mut notes) = answers(&names, owner, PATIENCE);
    let addr = |a: std::net::SocketAddr| Addr {
        ip: a.ip(),
        port: a.port(),
    };
    rows.retain(|r| {
        let state = Filter::state(&r.state).unwrap_or_default();
        filter.takes(state, addr(r.local), addr(r.remote))
    });
    let more = notes.len().saturating_sub(MOST_NOTES);
    if more > 0 {
        notes.truncate(MOST_NOTES);
        notes.push(format!("{more} more endpoints are not shown"));
    }
    (rows, notes)
}

/// Returns the control sockets in `/proc/net/unix`, each once, and their process ids.
fn names(listed: &str) -> Vec<(String, u32)> {
    let paths = listed.lines().filter_map(|l| l.split_whitespace().nth(7));
    let number = |path: &str| {
        let text = path.strip_prefix('@')?.strip_prefix(NAME_PREFIX)?;
        let pid: u32 = text.parse().ok()?;
        // `007` and `+7` are not how an endpoint writes its number
        (pid.to_string() == text).then_some(pid)
    };
    let pids: std::collections::BTreeSet<u32> = paths.filter_map(number).collect();
    let name = |pid| (format!("{NAME_PREFIX}{pid}"), pid);
    pids.into_iter().map(name).collect()
}

/// The user whose process this is; None where there is none that can be seen.
fn owner(pid: u32) -> Option<u32> {
    let metadata = std::fs::metadata(format!("/proc/{pid}"));
    metadata.ok().map(|m| m.uid())
}

/// Whether what a process of this user says is believed.
fn is_trusted(uid: u32) -> bool {
    uid == 0 || uid == rustix::process::geteuid().as_raw()
}

/// Why what listens under the name of this process is not asked.
fn distrust(pid: u32, who: PeerCredentials) -> Option<String> {
    if who.pid != pid {
        let whose = match who.pid {
            0 => "a process that cannot be seen".to_owned(),
            other => format!("process {other}"),
        };
        return Some(format!(
            "{whose} of user {} listens under the name of process {pid}'s endpoint: it is not asked",
            who.uid
        ));
    }
    (!is_trusted(who.uid)).then(|| of_another_user(pid, who.uid))
}

fn of_another_user(pid: u32, uid: u32) -> String {
    format!("the endpoint of process {pid} belongs to user {uid}, who can see its connections")
}

/// The rows of these endpoints. `owner`: whose the process of a number is.
fn answers(
    names: &[(String, u32)],
    owner: impl Fn(u32) -> Option<u32>,
    patience: Duration,
) -> (Vec<Row>, Vec<String>) {
    let mut notes = Vec::new();
    let (mut asked, mut answers) = (Vec::new(), Vec::new());
    for (name, pid) in names {
        // those of others are sorted out before they are connected to: their number is without a bound
        let Some(uid) = owner(*pid) else {
            notes.push(format!("no process {pid} is seen here, but something listens under the name of its endpoint"));
            continue;
        };
        if !is_trusted(uid) {
            notes.push(of_another_user(*pid, uid));
            continue;
        }
        if asked.len() == MOST_ENDPOINTS {
            notes.push(format!(
                "the endpoint of process {pid} is not asked: there are more than {MOST_ENDPOINTS}"
            ));
            continue;
        }
        match Asked::connect(name) {
            Ok(one) => match distrust(*pid, one.who) {
                Some(why) => notes.push(why),
                None => {
                    asked.push(one);
                    answers.push(Answer::of(*pid));
                }
            },
            Err(e) => notes.push(format!(
                "the endpoint of process {pid} cannot be asked: {e}"
            )),
        }
    }
    let mut bytes_left = MOST_BYTES;
    let ends = read_all(&asked, patience, |n, bytes| {
        answers[n].take(bytes, &mut bytes_left)
    });
    let mut rows = Vec::new();
    for (answer, end) in answers.into_iter().zip(ends) {
        notes.extend(answer.complaint(&end, patience));
        rows.extend(answer.rows);
    }
    (rows, notes)
}

/// What an endpoint has answered so far.
struct Answer {
    process: Process,
    /// The beginning of a line.
    line: Vec<u8>,
    rows: Vec<Row>,
    wrong: Option<String>,
}

impl Answer {
    fn of(pid: u32) -> Answer {
        Answer {
            process: Process {
                pid,
                name: name_of(pid),
            },
            line: Vec::new(),
            rows: Vec::new(),
            wrong: None,
        }
    }

    /// Takes what came; whether more is wanted.
    fn take(&mut self, bytes: &[u8], bytes_left: &mut usize) -> bool {
        let Some(left) = bytes_left.checked_sub(bytes.len()) else {
            self.wrong = Some("too much: its other connections are not shown".to_owned());
            return false;
        };
        *bytes_left = left;
        for piece in bytes.split_inclusive(|b| *b == b'\n') {
            self.line.extend_from_slice(piece);
            if self.line.len() > MOST_ROW_BYTES {
                self.wrong = Some(format!("a line of more than {MOST_ROW_BYTES} bytes"));
                return false;
            }
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                match Row::from_json(&String::from_utf8_lossy(&line)) {
                    Ok(row) => self.rows.push(self.owned(row)),
                    Err(e) => {
                        self.wrong = Some(e);
                        return false;
                    }
                }
            }
        }
        true
    }

    /// Whose a row is was seen from here; it is not for the endpoint to say.
    fn owned(&self, row: Row) -> Row {
        Row {
            stack: Stack::Halfopen,
            processes: vec![self.process.clone()],
            ..row
        }
    }

    /// What is to be said of it, if it is not as it should be.
    fn complaint(&self, end: &Answered, patience: Duration) -> Option<String> {
        let what = match (end, &self.wrong) {
            (_, Some(wrong)) => format!("answered {wrong}"),
            (Answered::Late, None) => format!("did not answer within {} ms", patience.as_millis()),
            (Answered::Failed(e), None) => format!("did not answer: {e}"),
            (Answered::Whole, None) if !self.line.is_empty() => {
                "broke off its answer in the middle of a connection".to_owned()
            }
            (Answered::Whole | Answered::Refused, None) => return None,
        };
        Some(format!(
            "the endpoint of process {} {what}",
            self.process.pid
        ))
    }
}

#[cfg(test)]
mod tests;
