//! A comparison as a table: the packets of each target side by side, what was done, and how it ended.

use super::story;
use super::table::{Heading, Mark, Table};
use crate::compare::closed;
use crate::compare::{Class, Verdict};
use crate::trace::Trace;
use crate::trace::relative::{Relative, relative};

/// The table of several traces of one scenario. `verdicts` has one for each trace but the first, of the first
/// trace on the left and that one on the right; the marks of times and endings are theirs.
pub fn side_by_side(traces: &[&Trace], verdicts: &[Verdict]) -> Table {
    let packets: Vec<Vec<Relative>> = traces.iter().map(|t| relative(&t.packets)).collect();
    let slices: Vec<&[Relative]> = packets.iter().map(Vec::as_slice).collect();
    let cells = closed::table(traces);
    let rows: Vec<Vec<Option<usize>>> = cells
        .iter()
        .map(|row| row.iter().map(|c| c.as_ref().map(|c| c.index)).collect())
        .collect();
    let marks = |row: usize, column: usize| {
        let Some(cell) = &cells[row][column] else {
            return Vec::new();
        };
        let late = verdict(verdicts, column).is_some_and(|v| {
            let mut differences = v.differences.iter();
            differences.any(|d| d.class == Class::Time && d.at == cell.at)
        });
        let time = late.then_some(Mark::Time);
        let mut marks: Vec<_> = cell.differs.iter().map(|field| mark(field)).collect();
        marks.extend(time);
        marks
    };
    let headings = traces.iter().map(|t| Heading::of(&t.meta)).collect();
    let mut table = Table::new(headings, &slices, &rows, marks);
    if let Some(first) = traces.first() {
        table.put_events(story::done(first));
    }
    put_endings(&mut table, traces, &packets, verdicts);
    table
}

/// The verdict on the trace in this column; the first has none.
fn verdict(verdicts: &[Verdict], column: usize) -> Option<&Verdict> {
    verdicts.get(column.checked_sub(1)?)
}

fn put_endings(
    table: &mut Table,
    traces: &[&Trace],
    packets: &[Vec<Relative>],
    verdicts: &[Verdict],
) {
    let endings: Vec<_> = traces
        .iter()
        .zip(packets)
        .map(|(trace, packets)| story::ending(trace, packets))
        .collect();
    let Some(labels) = endings.first() else {
        return;
    };
    for (n, (label, _)) in labels.iter().enumerate() {
        if endings.iter().all(|e| e[n].1.is_empty()) {
            continue;
        }
        let text = |e: &[(&str, String); 5]| match e[n].1.as_str() {
            "" => "(not visible)".to_owned(),
            text => text.to_owned(),
        };
        let texts = endings.iter().map(text).collect();
        let differs = (0..traces.len()).map(|column| {
            let Some(v) = verdict(verdicts, column) else {
                return false;
            };
            let has = |class| v.differences.iter().any(|d| d.class == class);
            let rst = |e: &crate::compare::Ending| (e.rst_sent, e.rst_received);
            match *label {
                "application" => has(Class::Application),
                "RST" => rst(&v.left.ending) != rst(&v.right.ending),
                story::GIVEN_UP_BY => false,
                "socket gone" => has(Class::State),
                _ => traces[0].stopped != traces[column].stopped,
            }
        });
        table.put_texts(label, texts, differs.collect());
    }
}

/// The mark that stands for a field by the comparison's name for it.
fn mark(field: &str) -> Mark {
    match field {
        "packet" => Mark::Extra,
        "flags" => Mark::Flags,
        "seq" => Mark::Seq,
        "ack" => Mark::Ack,
        "len" => Mark::Len,
        "payload" => Mark::Content,
        "window" => Mark::Window,
        "protocol" | "ports" | "urgent" => Mark::Other,
        _ if field.starts_with("ip.") => Mark::Ip,
        // which options there are, their order, and the value of each by its own name
        _ => Mark::Options,
    }
}

#[cfg(test)]
mod tests;
