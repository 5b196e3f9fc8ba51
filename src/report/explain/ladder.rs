//! The packets of a connection as a ladder: the client on the left, the server on the right, time downwards, as inline SVG.
//!
//! Time is to scale wherever that can be read. Packets that are closer than [`CLOSEST`] are spread, silences that would be
//! longer than [`LONGEST`] are cut, and the axis shows which of the three an interval is.

use maud::{Markup, html};

use super::{Piece, pieces, sent, why, without_trouble};
use crate::explain::{
    CaptureSpan, Connection, Explained, Mechanism, Packet, Side, Story, Sureness, length,
};
use crate::nouns::count;
use crate::printable::escaped;

/// Units of the picture between two packets at least.
const CLOSEST: f64 = 18.0;
/// Units between two packets at most.
const LONGEST: f64 = 300.0;
/// Units of a silence that is cut.
const CUT: i64 = 46;
/// Units of a fold.
const FOLDED: i64 = 26;
/// Width of the picture, units.
const WIDTH: i64 = 800;
/// Height at which a picture is continued in the next one, units: a page of paper holds it.
const PAGE: i64 = 760;
/// Packets and folds that are drawn at most.
const MOST_DRAWN: usize = 1_000;
/// Characters of an explanation beside an arrow; the whole one is in the arrow's title.
const BESIDE: usize = 88;

/// Where the axis is.
const AXIS: i64 = 62;
/// Where the ends are.
const ENDS: [i64; 2] = [78, 228];
/// Where the explanations begin.
const TEXT: i64 = 240;

/// What an arrow is, for its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A SYN, data or a FIN for the first time.
    Data,
    /// An acknowledgment.
    Ack,
    /// A retransmission or a probe.
    Again,
    /// A RST.
    Reset,
}

impl Kind {
    pub(super) fn of(one: &Explained) -> Kind {
        match one.label.mechanism {
            Mechanism::Reset(_) => Kind::Reset,
            m if m.is_trouble() => Kind::Again,
            Mechanism::Copy(_) => Kind::Ack,
            _ if one.packet.takes_space() => Kind::Data,
            _ => Kind::Ack,
        }
    }

    /// Its class in the style sheet.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Kind::Data => "data",
            Kind::Ack => "ack",
            Kind::Again => "again",
            Kind::Reset => "reset",
        }
    }
}

/// The dashes of a line.
pub(super) const fn dashes(sureness: Sureness) -> Option<&'static str> {
    match sureness {
        Sureness::Certain => None,
        Sureness::Likely => Some("7 3"),
        Sureness::Unclear => Some("2 3"),
    }
}

/// Something that has a place in time.
enum Event<'a> {
    Packet(&'a Explained),
    /// Packets that are not drawn: when they begin and end, and what stands in their place.
    Folded(u64, u64, String),
    /// What the application of an end gets.
    Told(Side, String, u64),
    CaptureEnds(u64),
}

impl Event<'_> {
    fn first_ns(&self) -> u64 {
        match self {
            Event::Packet(e) => e.packet.at_ns,
            Event::Folded(at, ..) | Event::Told(.., at) | Event::CaptureEnds(at) => *at,
        }
    }

    fn last_ns(&self) -> u64 {
        match self {
            Event::Folded(_, at, _) => *at,
            other => other.first_ns(),
        }
    }
}

/// How an interval is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    ToScale,
    /// Longer than it is.
    Spread,
    /// Shorter than it is.
    Cut,
}

/// The time between two events.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Interval {
    ns: u64,
    height: i64,
    pace: Pace,
}

impl Interval {
    fn new(ns: u64, units_a_second: f64) -> Interval {
        let exact = ns as f64 / 1e9 * units_a_second;
        let (height, pace) = match exact {
            _ if exact < CLOSEST => (CLOSEST as i64, Pace::Spread),
            _ if exact > LONGEST => (CUT, Pace::Cut),
            _ => (exact.round() as i64, Pace::ToScale),
        };
        Interval { ns, height, pace }
    }
}

/// The scale at which most can be seen as it is, units a second. A long interval counts more than a short one, but not in
/// proportion, and one that a timer of the sender has made counts most.
fn scale(intervals: &[(u64, bool)]) -> f64 {
    let weight = |(ns, is_timer): &(u64, bool)| {
        (1.0 + *ns as f64 / 1e6).ln() * if *is_timer { 5.0 } else { 1.0 }
    };
    let (mut best, mut most) = (1.0, 0.0);
    for power in -3..=3 {
        for digit in [1.0, 2.0, 5.0] {
            let scale = digit * 10_f64.powi(power);
            let is_to_scale =
                |(ns, _): &&(u64, bool)| Interval::new(*ns, scale).pace == Pace::ToScale;
            let sum: f64 = intervals.iter().filter(is_to_scale).map(weight).sum();
            if sum > most {
                (best, most) = (scale, sum);
            }
        }
    }
    best
}

/// The ladder of a connection.
pub(super) fn ladder(connection: &Connection, story: &Story, span: &CaptureSpan) -> Markup {
    let events = events(connection, story, span);
    let is_timer = |e: &Event| matches!(e, Event::Packet(p) if Kind::of(p) == Kind::Again);
    let between: Vec<(u64, bool)> = events
        .windows(2)
        .map(|w| {
            let ns = w[1].first_ns().saturating_sub(w[0].last_ns());
            (ns, is_timer(&w[1]))
        })
        .collect();
    let scale = scale(&between);
    let mut pages: Vec<(i64, Vec<Markup>)> = vec![(14, Vec::new())];
    for (n, event) in events.iter().enumerate() {
        let interval = n
            .checked_sub(1)
            .map(|before| Interval::new(between[before].0, scale));
        let since_ns = n.checked_sub(1).map_or(0, |b| events[b].last_ns());
        let height = interval.map_or(0, |i| i.height);
        let extra = if matches!(event, Event::Folded(..)) {
            FOLDED
        } else {
            0
        };
        if pages.last().is_none_or(|(y, _)| y + height + extra > PAGE) {
            pages.push((0, Vec::new()));
        }
        let Some((y, drawn)) = pages.last_mut() else {
            break;
        };
        let until = *y + height;
        drawn.push(html! {
            @for side in Side::BOTH {
                (life(side, story, since_ns, *y, until + extra))
            }
            @if let Some(interval) = interval { (axis(interval, *y)) }
            (place(event, until, span))
        });
        *y = until + extra;
    }
    let second = length((CLOSEST / scale * 1e9) as u64);
    let longest = length((LONGEST / scale * 1e9) as u64);
    html! {
        figure {
            div.wide tabindex="0" role="region" aria-label="Ladder of the packets" {
                @for (n, (height, drawn)) in pages.iter().enumerate() {
                    @let height = height + if n + 1 == pages.len() { 18 } else { 0 };
                    @let top = if n == 0 { -22 } else { 0 };
                    svg.ladder width=(WIDTH) height=(height - top) viewBox={ "0 " (top) " " (WIDTH) " " (height - top) } role="img" {
                        title { "The packets as arrows; the table has the same packets in words" }
                        @if n == 0 {
                            @for side in Side::BOTH {
                                text.end x=(ENDS[side as usize]) y="-8" text-anchor="middle" { (side.name()) }
                            }
                            text.time x=(AXIS - 8) y="-8" text-anchor="end" { "time s" }
                        }
                        @for part in drawn { (part) }
                    }
                }
            }
            figcaption {
                "Each arrow is at the time at which its packet was captured. Where the axis is solid, time is to scale; packets closer than "
                (second) " are spread (dotted axis), and silences longer than " (longest) " are cut (their length is given)."
            }
        }
    }
}

fn events<'a>(connection: &'a Connection, story: &Story, span: &CaptureSpan) -> Vec<Event<'a>> {
    let kept = connection.kept.as_deref().unwrap_or_default();
    let mut events = Vec::new();
    for piece in pieces(kept, true) {
        match piece {
            Piece::Shown(range) => events.extend(kept[range].iter().map(Event::Packet)),
            Piece::Folded(range) => {
                let (first, last) = (&kept[range.start].packet, &kept[range.end - 1].packet);
                let text = without_trouble(&range);
                events.push(Event::Folded(first.at_ns, last.at_ns, text));
            }
        }
    }
    if events.len() > MOST_DRAWN {
        let middle = MOST_DRAWN / 2..events.len() - MOST_DRAWN / 2;
        let (first, last) = (
            events[middle.start].first_ns(),
            events[middle.end - 1].last_ns(),
        );
        let is_left_out = |e: &&Explained| (first..=last).contains(&e.packet.at_ns);
        let left_out = kept.iter().filter(is_left_out).count();
        let text = format!(
            "{} not drawn; the table has them",
            count(left_out, "packet")
        );
        events.splice(middle, [Event::Folded(first, last, text)]);
    }
    let more = connection.packets - kept.len() as u64;
    if let Some(last) = kept.last().filter(|_| more > 0) {
        let text = format!("{} that were not kept", count(more, "packet"));
        let from = last.packet.at_ns;
        events.push(Event::Folded(from, connection.last_ns.max(from), text));
    }
    for told in &story.told {
        if let (Some(errno), Some(at_ns)) = (told.errno, told.at_ns) {
            let how = if told.is_computed {
                ", computed or simulated"
            } else {
                ""
            };
            let text = format!("the {}'s application gets {errno}{how}", told.side.name());
            events.push(Event::Told(told.side, text, at_ns));
        }
    }
    events.push(Event::CaptureEnds(span.last_ns));
    // stable: what is at the same time stays in the order of the capture
    events.sort_by_key(Event::first_ns);
    events
}

/// The line of an end. It is dashed while nothing is heard of the end any more.
fn life(side: Side, story: &Story, since_ns: u64, from: i64, to: i64) -> Markup {
    let x = ENDS[side as usize];
    let is_gone = story
        .silent
        .is_some_and(|(s, at)| s == side && since_ns >= at);
    html! {
        line.life.gone[is_gone] x1=(x) x2=(x) y1=(from) y2=(to) {}
    }
}

fn axis(interval: Interval, from: i64) -> Markup {
    let to = from + interval.height;
    let middle = (from + to) / 2;
    html! {
        @match interval.pace {
            Pace::ToScale => { line.axis x1=(AXIS) x2=(AXIS) y1=(from) y2=(to) {} }
            Pace::Spread => { line.axis.spread x1=(AXIS) x2=(AXIS) y1=(from) y2=(to) {} }
            Pace::Cut => {
                path.axis d={
                    "M" (AXIS) " " (from) "V" (middle - 9) "l-6 4l12 4l-12 4l12 4l-6 4V" (to)
                } {}
                text.silence x=((ENDS[0] + ENDS[1]) / 2) y=(middle + 1) text-anchor="middle" { (length(interval.ns)) " later" }
            }
        }
    }
}

fn place(event: &Event, y: i64, span: &CaptureSpan) -> Markup {
    let time = |at_ns: u64| {
        html! { text.time x=(AXIS - 8) y=(y + 3) text-anchor="end" { (format!("{:.3}", span.secs(at_ns))) } }
    };
    match event {
        Event::Packet(one) => html! { (time(one.packet.at_ns)) (arrow(one, y, span)) },
        Event::Folded(first, last, text) => html! {
            (time(*first))
            rect.fold x=(ENDS[0]) y=(y) width=(ENDS[1] - ENDS[0]) height=(FOLDED) {}
            text.note x=((ENDS[0] + ENDS[1]) / 2) y=(y + 16) text-anchor="middle" { "\u{22ee}" }
            text.note x=(TEXT) y=(y + 17) { (text) ", in " (length(last - first)) }
        },
        Event::Told(side, text, at_ns) => {
            let x = ENDS[*side as usize];
            html! {
                (time(*at_ns))
                path.told d={ "M" (x - 5) " " (y) "l5 -5l5 5l-5 5z" } {}
                text.why.told x=(TEXT) y=(y + 4) { (text) }
            }
        }
        Event::CaptureEnds(at_ns) => html! {
            (time(*at_ns))
            line.over x1=(AXIS) x2=(WIDTH) y1=(y) y2=(y) {}
            text.note x=(TEXT) y=(y + 12) { "the capture ends" }
        },
    }
}

fn arrow(one: &Explained, y: i64, span: &CaptureSpan) -> Markup {
    let p: &Packet = &one.packet;
    let (from, to) = (ENDS[p.from as usize], ENDS[p.from.other() as usize]);
    let back = (from - to).signum() * 8;
    let kind = Kind::of(one);
    let reason = why(one);
    let reason = escaped(&reason);
    let beside: String = match reason.chars().count() > BESIDE {
        true => reason
            .chars()
            .take(BESIDE - 1)
            .chain(['\u{2026}'])
            .collect(),
        false => reason.to_string(),
    };
    let title = format!(
        "packet {}, {:.6} s, from the {}: {}. {reason}",
        p.number,
        span.secs(p.at_ns),
        p.from.name(),
        super::numbers(one),
    );
    html! {
        g.arrow.(kind.class()) {
            title { (title) }
            rect.hit x=(ENDS[0]) y=(y - 9) width=(WIDTH - ENDS[0]) height="18" {}
            line x1=(from) x2=(to) y1=(y) y2=(y) stroke-dasharray=[dashes(one.label.sureness)] {}
            path.head d={ "M" (to) " " (y) "l" (back) " -4v8z" } {}
            @if kind == Kind::Reset {
                path.cross d={ "M" ((from + to) / 2 - 40) " " (y - 4) "l8 8m0 -8l-8 8" } {}
            }
            text.sent x=((from + to) / 2) y=(y - 3) text-anchor="middle" { (sent(one)) }
            text.why x=(TEXT) y=(y + 4) { tspan.number { (p.number) } " " (beside) }
        }
    }
}

#[cfg(test)]
mod tests;
