//! Closed mode: the comparison of two traces of one scenario, each produced by a target on its own.
//!
//! Both must have the same packets in the same order, with every field equal. The time of a packet that answers something
//! (a packet or a call at most [`ALLOWANCE`] before it) counts from that. Any other packet was sent by a timer. The time
//! since the last event that both traces share may then differ by what the timer wheel allows two runs of unknown phase:
//! a granule of its level, one tick, and [`ALLOWANCE`]. TSval must follow each trace's own clock, and TSecr must echo the
//! same packet.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::call::TcpInfo;
use crate::compare::align::{Item, Row, align, align_all};
use crate::compare::content::into_one_text;
use crate::compare::fields::{FieldDifference, Fields, LabelChanges, Origin, TsvalRule};
use crate::compare::info;
use crate::compare::late::why_late;
use crate::compare::timing::{ALLOWANCE, Gaps, spread};
use crate::compare::verdict::{Class, Difference, Ending, Mode, Verdict};
use crate::time::{Instant, Ticks};
use crate::trace::{Dir, Event, Incident, Packet, Trace, Who};
use crate::wire::{Datagram, Payload, TcpOption};

/// A trace prepared for a comparison: packets with their fields, and the instants of calls and of the peer's packets.
struct Side<'a> {
    trace: &'a Trace,
    /// The survivor's packets.
    out: Vec<Item>,
    /// Why each was sent, if it is known.
    causes: Vec<Option<&'a str>>,
    /// The TCP_INFO line that follows each, by its number.
    infos: BTreeMap<usize, &'a TcpInfo>,
    /// The peer's packets.
    arrived: Vec<Item>,
    /// Packets and calls, by time.
    stimuli: Vec<Instant>,
}

/// Returns the packets of a trace that can be parsed, with their fields relative to its origin.
fn items(packets: &[Packet]) -> Vec<(usize, Item)> {
    let origin = Origin::of(packets);
    let mut labels = LabelChanges::default();
    let read = |(index, p): (usize, &Packet)| {
        let datagram = Datagram::parse(&p.bytes).ok()?;
        let mut item = Item {
            at: p.at,
            dir: p.dir,
            fields: match p.dir {
                Dir::Out => origin.relative(&datagram),
                Dir::In => origin.mirrored().relative(&datagram),
            },
        };
        if let Payload::Icmp(icmp) = &datagram.payload
            && let Ok(quoted) = Datagram::parse_quoted(&icmp.body)
        {
            // the quoted packet has the initial numbers and the clock of its run
            let origin = match p.dir {
                Dir::Out => origin.mirrored(),
                Dir::In => origin,
            };
            item.fields.payload = origin.relative(&quoted).brief().into_bytes();
        }
        if p.dir == Dir::Out {
            item.fields.label_changes = labels.take(&datagram);
        }
        Some((index, item))
    };
    let mut items: Vec<_> = packets.iter().enumerate().filter_map(read).collect();
    into_one_text(&mut items);
    items
}

fn is_stimulus(event: &Event) -> bool {
    let calls = matches!(
        event.what,
        Incident::Connect { .. }
            | Incident::Listen
            | Incident::Accept
            | Incident::Send { .. }
            | Incident::SendAccepted { .. }
            | Incident::Recv { .. }
            | Incident::Shutdown
            | Incident::Close
            | Incident::Kill
            | Incident::Set { .. }
    );
    event.who == Who::Survivor && calls
}

impl<'a> Side<'a> {
    fn of(trace: &'a Trace) -> Side<'a> {
        let all = items(&trace.packets);
        let (out, arrived): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|(_, i)| i.dir == Dir::Out);
        let cause = |index: usize| trace.packets[index].cause.as_deref();
        let mut stimuli: Vec<Instant> = arrived.iter().map(|(_, i)| i.at).collect();
        stimuli.extend(trace.events.iter().filter(|e| is_stimulus(e)).map(|e| e.at));
        stimuli.sort();
        let out_at: Vec<Instant> = out.iter().map(|(_, i)| i.at).collect();
        Side {
            trace,
            infos: lines(trace, &out_at),
            causes: out.iter().map(|(i, _)| cause(*i)).collect(),
            out: out.into_iter().map(|(_, i)| i).collect(),
            arrived: arrived.into_iter().map(|(_, i)| i).collect(),
            stimuli,
        }
    }

    /// Returns whether a call or a packet was so shortly before that it may be the packet's cause. Some targets log a
    /// call after it returns, so its stamp may also be a little later.
    fn answers(&self, at: Instant) -> bool {
        let first = self.stimuli.partition_point(|s| *s + ALLOWANCE < at);
        self.stimuli
            .get(first)
            .is_some_and(|s| *s <= at + ALLOWANCE)
    }

    /// Returns how many of the peer's packets came before `at`.
    fn arrived_before(&self, at: Instant) -> usize {
        self.arrived.partition_point(|i| i.at <= at)
    }

    /// Returns which of the peer's packets before `at` carry this TSval: the first and the last one.
    fn echoed(&self, tsecr: u32, at: Instant) -> Option<(usize, usize)> {
        let before = &self.arrived[..self.arrived_before(at)];
        let is = |i: &Item| i.fields.tsval() == Some(tsecr);
        Some((before.iter().position(is)?, before.iter().rposition(is)?))
    }

    /// Returns whether TSval says how long after the first packet this one was sent, to the millisecond.
    fn tsval_follows(&self, item: &Item) -> bool {
        let (Some(tsval), Some(first)) = (item.fields.tsval(), self.out.first()) else {
            return true;
        };
        let passed_us = item.at.since(first.at).as_micros() as i64;
        let shown_us = i64::from(tsval as i32) * 1_000;
        (shown_us - passed_us).abs() <= 1_000 + ALLOWANCE.as_micros() as i64
    }
}

/// Compares two traces of one scenario.
pub fn compare(left: &Trace, right: &Trace) -> Verdict {
    let ticks = right.meta.ticks.or(left.meta.ticks).unwrap_or_default();
    let (l, r) = (Side::of(left), Side::of(right));
    let rows = align(&l.out, &r.out);
    let mut found = Vec::new();
    let mut anchor = (Instant::ZERO, Instant::ZERO);
    let mut pairs = Vec::new();
    let (mut compared, mut identical) = (0, 0);
    let mut last = None;
    for row in &rows {
        match *row {
            (Some(i), Some(j)) => {
                let before = found.len();
                pair(&l, i, &r, j, &mut found);
                let cause = why(&l, i, &r, j);
                let is_rto = cause.as_ref().is_some_and(|c| c.contains(": RTO "));
                let rto_shift_us = match last.filter(|_| is_rto) {
                    Some((a, b)) => rto_shift_us(&l, a, &r, b, &ticks),
                    None => 0,
                };
                let at = (l.out[i].at, r.out[j].at);
                if !(l.answers(at.0) && r.answers(at.1)) {
                    let gaps = Gaps::from(shared(&l, at.0, &r, at.1, anchor), at.0, at.1);
                    let name = || place(j, &r.out[j].fields);
                    found.extend(time(gaps.shifted(rto_shift_us), at.1, &ticks, name, cause));
                }
                anchor = at;
                last = Some((i, j));
                pairs.push(anchor);
                compared += 1;
                identical += usize::from(found.len() == before);
            }
            (Some(i), None) => found.push(alone(&l, i, Class::Extra)),
            (None, Some(j)) => found.push(alone(&r, j, Class::Missing)),
            (None, None) => {}
        }
    }
    let application = application(left, right, anchor, &pairs, &ticks);
    found.extend(application.1);
    let (lines, differing) = infos(&l, &r, &rows, &ticks, &mut found);
    let mut verdict = Verdict::new(Mode::Closed, left, right, found);
    verdict.not_judged = why_late(left).or_else(|| why_late(right));
    let counts = &mut verdict.counts;
    counts.left_packets = l.out.len();
    counts.right_packets = r.out.len();
    counts.packets_compared = compared;
    counts.packets_identical = identical;
    counts.application_compared = application.0;
    counts.tcp_info_compared = lines;
    counts.tcp_info_differing = differing;
    verdict
}

fn place(index: usize, fields: &Fields) -> String {
    format!("packet {} ({})", index + 1, fields.brief())
}

fn alone(side: &Side<'_>, index: usize, class: Class) -> Difference {
    let item = &side.out[index];
    let name = format!(
        "{}'s {}",
        side.trace.meta.target,
        place(index, &item.fields)
    );
    let mut it = Difference::new(class, "packet", name, item.at);
    it.why = side.causes[index].map(str::to_owned);
    match class {
        Class::Extra => it.values("sent", "not sent"),
        _ => it.values("not sent", "sent"),
    }
}

/// Returns the reason of a packet, from whichever side has one.
fn why(l: &Side<'_>, i: usize, r: &Side<'_>, j: usize) -> Option<String> {
    l.causes[i].or(r.causes[j]).map(str::to_owned)
}

fn pair(l: &Side<'_>, i: usize, r: &Side<'_>, j: usize, found: &mut Vec<Difference>) {
    let (left, right) = (&l.out[i], &r.out[j]);
    let mut differing = left.fields.differences(&right.fields, TsvalRule::Any);
    // TSecr is the peer's clock of this run: what counts is which packet it echoes
    if let Some(n) = differing.iter().position(|d| d.field == "ts.ecr") {
        let same = match (echo(l, left), echo(r, right)) {
            (Some((a, b)), Some((c, d))) => a <= d && c <= b,
            _ => false,
        };
        if same {
            differing.remove(n);
        }
    }
    if l.tsval_follows(left) != r.tsval_follows(right) {
        let value = |i: &Item| format!("{:?} at {:.6} s", i.fields.tsval(), i.at.secs_f64());
        differing.push(FieldDifference::new("ts.val", value(left), value(right)));
    }
    for d in differing {
        let mut it = Difference::new(Class::Field, d.field, place(j, &right.fields), right.at);
        it.why = why(l, i, r, j);
        found.push(it.values(d.left, d.right));
    }
}

fn echo(side: &Side<'_>, item: &Item) -> Option<(usize, usize)> {
    let tsecr = item.fields.options.iter().find_map(|o| match o {
        TcpOption::Timestamps(ts) => Some(ts.tsecr),
        _ => None,
    })?;
    side.echoed(tsecr, item.at)
}

/// Returns the last event before both packets that both traces share: the previous pair, or a packet of the peer.
fn shared(
    l: &Side<'_>,
    at: Instant,
    r: &Side<'_>,
    to: Instant,
    anchor: (Instant, Instant),
) -> (Instant, Instant) {
    let n = l.arrived_before(at).min(r.arrived_before(to));
    match n.checked_sub(1) {
        Some(k) => (anchor.0.max(l.arrived[k].at), anchor.1.max(r.arrived[k].at)),
        None => anchor,
    }
}

/// Returns by how much later, in us, the right side's retransmission timer, armed with these packets, fires than the left
/// one's because each took its RTO from its own RTT.
fn rto_shift_us(l: &Side<'_>, i: usize, r: &Side<'_>, j: usize, ticks: &Ticks) -> i64 {
    let (Some(left), Some(right)) = (l.infos.get(&i), r.infos.get(&j)) else {
        return 0;
    };
    info::rto_by_rtt(left, right, ticks, r.trace.meta.rto_min_us()).unwrap_or(0)
}

fn time(
    gaps: Gaps,
    at: Instant,
    ticks: &Ticks,
    name: impl Fn() -> String,
    cause: Option<String>,
) -> Option<Difference> {
    let allowed = spread(gaps.longest(), ticks);
    if gaps.apart() <= allowed {
        return None;
    }
    let (left, right) = gaps.words();
    let within = format!("may differ by {:.1} ms", allowed.as_secs_f64() * 1e3);
    let why = cause.map_or(within.clone(), |w| format!("{w}; {within}"));
    let it = Difference::new(Class::Time, "time", name(), at).values(left, right);
    Some(it.because(why))
}

/// What the application observed, as a few facts in words. Each fact is compared.
fn facts(trace: &Trace) -> Vec<(&'static str, String)> {
    let ending = Ending::of(trace);
    let mut connected = false;
    let (mut received, mut accepted, mut eof) = (0, 0, false);
    let mut after = String::new();
    for event in trace.events.iter().filter(|e| e.who == Who::Survivor) {
        match &event.what {
            Incident::Connected { .. } | Incident::Accept => connected = true,
            Incident::Recv { bytes, .. } => received += bytes,
            Incident::SendAccepted { bytes, .. } => accepted += bytes,
            Incident::Eof { .. } => eof = true,
            Incident::PostMortem {
                so_error_next,
                recv_next,
                send_next,
            } => {
                let so_error = so_error_next.map_or("0", |e| e.name());
                after = format!("SO_ERROR {so_error}, recv() {recv_next}, send() {send_next}");
            }
            _ => {}
        }
    }
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    vec![
        ("connected", connected.to_string()),
        ("bytes received", received.to_string()),
        ("bytes taken by send()", accepted.to_string()),
        ("end of stream", eof.to_string()),
        ("errno", or_none(&ending.errno)),
        ("call that told it", or_none(&ending.call)),
        ("RST sent", ending.rst_sent.to_string()),
        ("RST received", ending.rst_received.to_string()),
        ("calls after the error", after),
    ]
}

fn error_at(trace: &Trace) -> Option<Instant> {
    Ending::of(trace).at_us.map(Instant::from_us)
}

/// Compares what the application observed; `earlier` are the instants of the packets that both sent, and `anchor` is the
/// last of them.
fn application(
    left: &Trace,
    right: &Trace,
    anchor: (Instant, Instant),
    earlier: &[(Instant, Instant)],
    ticks: &Ticks,
) -> (usize, Vec<Difference>) {
    let rows: Vec<_> = facts(left).into_iter().zip(facts(right)).collect();
    let compared = rows.len() + 1;
    let at = right.ended_at;
    let mut found: Vec<Difference> = rows
        .into_iter()
        .filter(|((_, l), (_, r))| l != r)
        .map(|((name, l), (_, r))| {
            Difference::new(Class::Application, name, "application".to_owned(), at).values(l, r)
        })
        .collect();
    if let (Some(l), Some(r)) = (error_at(left), error_at(right)) {
        let off = Gaps::from(anchor, l, r);
        let allowed = spread(off.longest(), ticks);
        // a time limit counts from an earlier packet, and its last timer is cut to it
        let fits = |since: &(Instant, Instant)| Gaps::from(*since, l, r).apart() <= allowed;
        if !fits(&anchor) && !earlier.iter().any(fits) {
            let within = format!(
                "after the last packet that both sent; may differ by {:.1} ms",
                allowed.as_secs_f64() * 1e3
            );
            let place = "application".to_owned();
            let it = Difference::new(Class::Application, "time of the error", place, r);
            let (left, right) = off.words();
            found.push(it.values(left, right).because(within));
        }
    }
    (compared, found)
}

/// Compares the TCP_INFO lines that follow the same packet on both sides, and returns the numbers of lines compared and
/// of lines that differ.
fn infos(
    l: &Side<'_>,
    r: &Side<'_>,
    rows: &[(Option<usize>, Option<usize>)],
    ticks: &Ticks,
    found: &mut Vec<Difference>,
) -> (usize, usize) {
    let (mut compared, mut differing) = (0, 0);
    for (i, j) in rows.iter().filter_map(|(i, j)| i.zip(*j)) {
        let (Some(left), Some(right)) = (l.infos.get(&i), r.infos.get(&j)) else {
            continue;
        };
        let mut differences = info::lasting_differences(left, right);
        if info::rto_by_rtt(left, right, ticks, r.trace.meta.rto_min_us()).is_some() {
            differences.retain(|d| d.field != "rto_us");
        }
        compared += 1;
        differing += usize::from(!differences.is_empty());
        for d in differences {
            let name = format!("TCP_INFO after {}", place(j, &r.out[j].fields));
            let it = Difference::new(Class::TcpInfo, d.field, name, right.at);
            found.push(it.values(d.left, d.right));
        }
    }
    (compared, differing)
}

/// Returns a trace's TCP_INFO lines by the number of the packet, of those sent at these instants, that they follow. Of
/// several lines after a packet it is the last.
fn lines<'a>(trace: &'a Trace, out_at: &[Instant]) -> BTreeMap<usize, &'a TcpInfo> {
    let info = |e: &'a Event| match &e.what {
        Incident::TcpInfo(info) => Some((e.at, &**info)),
        _ => None,
    };
    let follows = |at: Instant| out_at.partition_point(|i| *i <= at).checked_sub(1);
    let all = trace.events.iter().filter_map(info);
    all.filter_map(|(at, info)| Some((follows(at)?, info)))
        .collect()
}

/// One packet in a table of several traces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Its index in the trace's packets.
    pub index: usize,
    /// Its instant.
    pub at: Instant,
    /// Its direction.
    pub dir: Dir,
    /// Its fields.
    pub fields: Fields,
    /// Fields in which it differs from the first target's packet in this row, or `packet` if that one is missing.
    pub differs: Vec<&'static str>,
}

/// How many rows of a table are the same on all targets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RowCounts {
    /// Number of rows.
    pub rows: usize,
    /// Number of rows in which every target has the packet with the same fields, apart from TSval and TSecr.
    pub same: usize,
}

/// Returns the packets of several traces side by side, both directions: a row for each packet, a cell for each trace.
pub fn table(traces: &[&Trace]) -> Vec<Vec<Option<Cell>>> {
    let read: Vec<Vec<(usize, Item)>> = traces.iter().map(|t| items(&t.packets)).collect();
    let bare: Vec<Vec<Item>> = read
        .iter()
        .map(|side| side.iter().map(|(_, i)| i.clone()).collect())
        .collect();
    let cells = |row: Row| -> Vec<Option<Cell>> {
        let first = row.first().copied().flatten().map(|n| &bare[0][n].fields);
        let cell = |(side, n): (usize, &Option<usize>)| {
            let (index, item) = &read[side][(*n)?];
            Some(Cell {
                index: *index,
                at: item.at,
                dir: item.dir,
                fields: item.fields.clone(),
                differs: marks(first, &item.fields),
            })
        };
        row.iter().enumerate().map(cell).collect()
    };
    align_all(&bare).into_iter().map(cells).collect()
}

fn marks(first: Option<&Fields>, this: &Fields) -> Vec<&'static str> {
    let Some(first) = first else {
        return vec!["packet"];
    };
    let differing = first.differences(this, TsvalRule::Any);
    let names = differing.into_iter().map(|d| d.field);
    names.filter(|f| *f != "ts.ecr").collect()
}

/// Returns how many rows of a table are the same on all targets.
pub fn count_rows(table: &[Vec<Option<Cell>>]) -> RowCounts {
    let is_same = |row: &&Vec<Option<Cell>>| {
        let same = |c: &Option<Cell>| c.as_ref().is_some_and(|c| c.differs.is_empty());
        row.iter().all(same)
    };
    RowCounts {
        rows: table.len(),
        same: table.iter().filter(is_same).count(),
    }
}

#[cfg(test)]
mod tests;
