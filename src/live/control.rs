//! The socket that `halfopen watch` asks: an abstract unix socket, named `halfopen/` and the number of this process, that
//! answers for all endpoints of the process.
//!
//! To a client with the same user id (SO_PEERCRED) it writes one line of JSON for each connection and closes. The fields
//! are those of [`Row`]: both ends, the state, TCP_INFO, the pending timer with the time at which it fires, the retries
//! so far and left, the forecast under the endpoint's own sysctls and options, and in `fate` what was done to the
//! connection or to its whole endpoint. Other users get nothing. Abstract names belong to a network namespace: the one in
//! which the first endpoint was made.
//!
//! One thread serves the socket and sleeps until a client connects. It works on a copy, so that it holds the endpoint's
//! lock only while copying.

use std::io::{self, BufWriter, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use crate::os::local_answers::PeerCredentials;
use crate::watch::{NAME_PREFIX, Row};
use crate::world::host::Host;
use crate::world::sockets::to_addr;

/// How long a client may take to read the answer.
const PATIENCE: Duration = Duration::from_secs(2);

type Hosts = Mutex<Vec<Weak<dyn Host>>>;

/// Makes this endpoint visible to `halfopen watch` for as long as it lives.
pub(crate) fn register(host: &Arc<dyn Host>) {
    static HOSTS: OnceLock<&'static Hosts> = OnceLock::new();
    let hosts = HOSTS.get_or_init(|| {
        let hosts: &'static Hosts = Box::leak(Box::default());
        if let Err(e) = start(hosts) {
            log::warn!("halfopen watch will not see the endpoints of this process: {e}");
        }
        hosts
    });
    let mut hosts = hosts.lock().unwrap_or_else(PoisonError::into_inner);
    hosts.retain(|h| h.strong_count() > 0);
    hosts.push(Arc::downgrade(host));
}

fn start(hosts: &'static Hosts) -> io::Result<()> {
    let name = format!("{NAME_PREFIX}{}", std::process::id());
    let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(name.as_bytes())?)?;
    std::thread::Builder::new()
        .name("halfopen-ctl".to_owned())
        .spawn(move || {
            for stream in listener.incoming() {
                if let Err(e) = stream.and_then(|stream| answer(hosts, stream)) {
                    log::debug!("an answer on {name}: {e}");
                }
            }
        })?;
    Ok(())
}

fn answer(hosts: &Hosts, stream: UnixStream) -> io::Result<()> {
    let asker = PeerCredentials::of(&stream)?;
    if asker.uid != rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    stream.set_write_timeout(Some(PATIENCE))?;
    let alive: Vec<_> = {
        let hosts = hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.iter().filter_map(Weak::upgrade).collect()
    };
    let mut stream = BufWriter::new(stream);
    for host in alive {
        for row in rows(&*host) {
            writeln!(stream, "{}", row.to_json())?;
        }
    }
    stream.flush()
}

fn rows(host: &dyn Host) -> Vec<Row> {
    let mut seen = None;
    host.with(&mut |machine, at| {
        seen = Some((machine.engine().clone(), machine.fates_by_ends(), at));
    });
    let Some((engine, fates, at)) = seen else {
        return Vec::new();
    };
    let mut rows = Row::of_engine(&engine, at);
    for row in &mut rows {
        let fate = fates(to_addr(row.local), to_addr(row.remote));
        row.fate = fate.words().into_iter().map(str::to_owned).collect();
    }
    rows
}
