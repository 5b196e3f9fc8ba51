//! The explanation of a capture as one HTML file, which loads nothing: the style sheet is in it, and there is no script.
//!
//! All text is escaped where it is inserted: maud escapes what HTML gives a meaning, `printable` what a terminal or a reader could
//! be misled by.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::ladder::{Kind, dashes, ladder};
use super::{Piece, gap, inferred, numbers, pieces, told, why, without_trouble};
use crate::explain::{CaptureSpan, Connection, Explained, Story, Sureness, Trouble, length};
use crate::nouns::count;
use crate::printable::escaped;

/// Packets in the table of a connection at most; of more, the first and the last are in it.
const MOST_ROWS: usize = 20_000;
/// A table of more packets than this is closed until a reader opens it.
const MOST_OPEN: usize = 200;

const STYLE: &str = include_str!("page.css");
/// Forbids the browser to load anything, whatever the file contains.
const NOTHING_LOADED: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// What the file shows.
#[derive(Debug)]
pub struct Page<'a> {
    /// The name of the capture.
    pub name: &'a str,
    /// The connections of the list, the worst first.
    pub listed: &'a [(Connection, Story)],
    /// Those that are told packet by packet.
    pub in_detail: &'a [(Connection, Story)],
    /// The times of the capture.
    pub span: CaptureSpan,
    /// Number of connections in the capture.
    pub connections: u32,
    /// What kept the capture from being read whole, and other remarks.
    pub remarks: &'a [String],
}

impl Page<'_> {
    /// Returns the file.
    pub fn to_html(&self) -> String {
        let name = escaped(self.name);
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta http-equiv="Content-Security-Policy" content=(NOTHING_LOADED);
                    meta name="color-scheme" content="light dark";
                    title { (name) ": what happened to its connections" }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    header {
                        h1 { "What happened in " span.name { (name) } }
                        (self.summary())
                    }
                    main {
                        (self.list())
                        @if !self.in_detail.is_empty() { (legend()) }
                        @for (connection, story) in self.in_detail {
                            (detail(connection, story, &self.span))
                        }
                    }
                    footer {
                        "Made by halfopen " (env!("CARGO_PKG_VERSION")) ", with halfopen explain. This file loads nothing from the network."
                    }
                }
            }
        };
        page.into_string()
    }

    fn summary(&self) -> Markup {
        let troubled = self.listed.iter().filter(|(_, s)| is_trouble(s)).count();
        html! {
            p {
                (troubled) " of " (count(self.connections, "connection")) " in trouble. The capture is "
                (length(self.span.last_ns.saturating_sub(self.span.first_ns)))
                " long. Times are recorded, in seconds from its first frame; what is computed or simulated says so."
            }
            @for remark in self.remarks {
                p.remark { (escaped(remark)) }
            }
        }
    }

    /// The list of connections, with links to those that are told in detail.
    fn list(&self) -> Markup {
        let linked: BTreeSet<u32> = self.in_detail.iter().map(|(c, _)| c.stream).collect();
        let at = self.listed.partition_point(|(_, s)| is_trouble(s));
        let (troubled, healthy) = self.listed.split_at(at);
        let missing = u64::from(self.connections).saturating_sub(self.listed.len() as u64);
        html! {
            nav aria-label="Connections" {
                h2 { "Connections" }
                @if self.listed.is_empty() { p { "None." } }
                @if !troubled.is_empty() { (self.entries(troubled, &linked)) }
                @if !healthy.is_empty() {
                    details open[troubled.is_empty()] {
                        summary { (count(healthy.len(), "connection")) " without trouble" }
                        (self.entries(healthy, &linked))
                    }
                }
                @if missing > 0 { p.faint { "The capture has " (count(missing, "further connection")) ", which are not in this file." } }
            }
        }
    }

    fn entries(&self, listed: &[(Connection, Story)], linked: &BTreeSet<u32>) -> Markup {
        html! {
            ul.connections {
                @for (connection, story) in listed {
                    @let ends = format!("{} > {}", connection.addrs[0], connection.addrs[1]);
                    @let stream = connection.stream;
                    li {
                        div {
                            @if linked.contains(&stream) {
                                a href={ "#stream-" (stream) } { "stream " (stream) ": " (ends) }
                            } @else {
                                "stream " (stream) ": " (ends)
                            }
                            " " (badge(story))
                        }
                        div.faint { (count(connection.packets, "packet")) " from " (self.span.at(connection.first_ns)) }
                        div { (escaped(&story.verdict)) "." }
                    }
                }
            }
        }
    }
}

fn is_trouble(story: &Story) -> bool {
    story.trouble != Trouble::None
}

fn badge(story: &Story) -> Markup {
    html! { span.badge.bad[is_trouble(story)] { (story.trouble.name()) } }
}

/// What the colours and lines of the ladders mean.
fn legend() -> Markup {
    let kinds = [
        (Kind::Data, "SYN, data, FIN"),
        (Kind::Ack, "ACK"),
        (Kind::Again, "retransmission or probe"),
        (Kind::Reset, "RST"),
    ];
    let surenesses = [Sureness::Certain, Sureness::Likely, Sureness::Unclear];
    let line = |kind: Kind, sureness: Sureness| {
        html! {
            svg.key width="44" height="12" viewBox="0 0 44 12" aria-hidden="true" {
                g.arrow.(kind.class()) {
                    line x1="1" x2="42" y1="6" y2="6" stroke-dasharray=[dashes(sureness)] {}
                    path.head d="M43 6l-8 -4v8z" {}
                }
            }
        }
    };
    html! {
        section.legend aria-label="Legend" {
            ul {
                @for (kind, words) in kinds { li { (line(kind, Sureness::Certain)) (words) } }
            }
            ul {
                @for sureness in surenesses {
                    li { (line(Kind::Data, sureness)) "the explanation " @match sureness {
                        Sureness::Unclear => "is one of several",
                        other => { "is " (other.name()) }
                    } }
                }
            }
            p.faint { "The line of an end is dashed while nothing is heard of that end any more. A diamond is where an application gets an error." }
        }
    }
}

/// One connection, packet by packet.
fn detail(connection: &Connection, story: &Story, span: &CaptureSpan) -> Markup {
    let [client, server] = connection.addrs;
    let kept = connection.kept.as_deref().unwrap_or_default();
    html! {
        section.connection id={ "stream-" (connection.stream) } {
            h2 { "stream " (connection.stream) ": client " (client) ", server " (server) }
            p.verdict { (badge(story)) " " (escaped(&story.verdict)) "." }
            (ladder(connection, story, span))
            details open[kept.len() <= MOST_OPEN] {
                summary { "Packets: " (kept.len()) }
                (table(kept, span))
            }
            @if (kept.len() as u64) < connection.packets {
                p.faint {
                    "and " (count(connection.packets - kept.len() as u64, "more packet"))
                    ": halfopen explain --stream " (connection.stream) " shows all"
                }
            }
            (lines("What the applications get", &told(story)))
            (lines("What would have told it sooner", &story.sooner))
            (lines("What the capture shows of the systems", &inferred(story)))
            (lines("What the capture does not show", &story.caveats))
            p.up { a href="#" { "To the list" } }
        }
    }
}

fn lines(title: &str, lines: &[String]) -> Markup {
    html! {
        @if !lines.is_empty() {
            h3 { (title) }
            ul.lines { @for line in lines { li { (escaped(line)) } } }
        }
    }
}

/// The packets as tables, of which those of a long run without trouble are closed.
fn table(kept: &[Explained], span: &CaptureSpan) -> Markup {
    let left_out = match kept.len() > MOST_ROWS {
        true => MOST_ROWS / 2..kept.len() - MOST_ROWS / 2,
        false => kept.len()..kept.len(),
    };
    html! {
        div.wide tabindex="0" role="region" aria-label="Table of the packets" {
            (block(kept, 0..left_out.start, span))
            @if !left_out.is_empty() {
                p.faint { (count(left_out.len(), "packet")) " not shown" }
                (block(kept, left_out.end..kept.len(), span))
            }
        }
    }
}

/// Packets that follow each other.
fn block(kept: &[Explained], range: Range<usize>, span: &CaptureSpan) -> Markup {
    let start = range.start;
    let places = |r: Range<usize>| r.start + start..r.end + start;
    html! {
        @for (n, piece) in pieces(&kept[range], true).into_iter().enumerate() {
            @match piece {
                Piece::Shown(shown) => (rows(kept, places(shown), span, n == 0)),
                Piece::Folded(folded) => {
                    details.fold {
                        summary { (without_trouble(&folded)) }
                        (rows(kept, places(folded), span, false))
                    }
                }
            }
        }
    }
}

fn rows(kept: &[Explained], range: Range<usize>, span: &CaptureSpan, has_heading: bool) -> Markup {
    html! {
        table.packets {
            thead.unseen[!has_heading] {
                tr {
                    th.n scope="col" { "packet" }
                    th.t scope="col" { "time s" }
                    th.t scope="col" { "gap s" }
                    th.f scope="col" { "from" }
                    th.x scope="col" { "numbers" }
                    th scope="col" { "why" }
                }
            }
            tbody {
                @for n in range {
                    @let one = &kept[n];
                    tr.(Kind::of(one).class()) {
                        td { (one.packet.number) }
                        td { (format!("{:.6}", span.secs(one.packet.at_ns))) }
                        td { @if let Some(gap) = gap(kept, n) { (format!("{gap:.6}")) } }
                        td { (one.packet.from.name()) }
                        td { (numbers(one)) }
                        td { (reason(one)) }
                    }
                }
            }
        }
    }
}

fn reason(one: &Explained) -> String {
    let text = why(one);
    match escaped(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(escaped) => escaped,
    }
}

#[cfg(test)]
pub(super) mod tests;
