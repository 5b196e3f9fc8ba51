//! What `serve` prints at its end: how much data passed, and which connections remain.

use std::fmt::Write;

use crate::cli::exec::relay;
use crate::nouns::count;
use crate::postmortem::Totals;
use crate::service::Relayed;
use crate::world::{Connection, Endpoint};

/// How many connections are listed at most.
const MOST: usize = 20;

pub(super) fn at_the_end(endpoint: &Endpoint, totals: Totals, relayed: Option<&Relayed>) -> String {
    let mut text = format!("{:10.3} s  end\n", endpoint.now().secs_f64());
    let _ = writeln!(
        text,
        "{}, {} B of data to the server and {} B from it",
        count(totals.connections, "connection"),
        totals.out_bytes,
        totals.in_bytes
    );
    if let Some(relayed) = relayed {
        let _ = writeln!(text, "{}", relay(relayed));
    }
    let left = endpoint.connections();
    if !left.is_empty() {
        let _ = writeln!(
            text,
            "connections that remain at the server: {}",
            left.len()
        );
    }
    for connection in left.iter().take(MOST) {
        let _ = writeln!(text, "{}", line(connection));
    }
    text
}

fn line(connection: &Connection) -> String {
    let info = &connection.info;
    format!(
        "  {} <- {}  {}  Send-Q {} B, Recv-Q {} B, timer {}",
        connection.local,
        connection.remote,
        info.state.name(),
        info.wqueue,
        info.rqueue,
        info.timer.name()
    )
}
