use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use super::*;
use crate::capture::Reader;
use crate::explain::Explainer;

/// Text that a browser or a reader must not take for anything but text.
const HOSTILE: &str = "<script>alert(1)</script><img src=x onerror=y>\"'&\u{202e}\u{1b}[31m";

pub(in crate::report::explain) fn recordings() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/recordings/linux-6.18");
    let entries = std::fs::read_dir(root).expect("the recordings are kept");
    let mut all: Vec<PathBuf> = entries
        .map(|e| e.expect("it can be read").path().join("trace.pcap"))
        .filter(|p| p.exists())
        .collect();
    all.sort();
    assert!(all.len() > 50, "only {} recordings", all.len());
    all
}

pub(in crate::report::explain) fn recording(name: &str) -> PathBuf {
    let found = recordings()
        .into_iter()
        .find(|p| p.parent().is_some_and(|d| d.ends_with(name)));
    found.expect("it is kept")
}

/// The connections of a capture, with all their packets.
pub(in crate::report::explain) fn explained(
    capture: &Path,
) -> (Vec<(Connection, Story)>, CaptureSpan) {
    let file = File::open(capture).expect("it can be read");
    let mut reader = Reader::new(BufReader::new(file)).expect("it is a capture");
    let mut found = Vec::new();
    let mut explainer = Explainer::new(Box::new(|_, _, _| usize::MAX), |c| found.push(c));
    let mut span: Option<CaptureSpan> = None;
    while let Some(frame) = reader.next_frame().expect("it is whole") {
        let span = span.get_or_insert(CaptureSpan {
            first_ns: frame.at_ns,
            last_ns: frame.at_ns,
        });
        span.last_ns = span.last_ns.max(frame.at_ns);
        explainer.take(&frame);
    }
    explainer.finish();
    let span = span.expect("there are frames");
    let told = found.into_iter().map(|mut c| {
        let story = c.story(&span);
        (c, story)
    });
    (told.collect(), span)
}

fn page(name: &str, told: &[(Connection, Story)], span: CaptureSpan) -> String {
    let page = Page {
        name,
        listed: told,
        in_detail: told,
        span,
        connections: told.len() as u32,
        remarks: &[],
    };
    page.to_html()
}

/// The names of the elements in their order. Fails unless each is closed, in the right order, and each attribute is quoted.
pub(in crate::report::explain) fn elements(html: &str) -> Vec<String> {
    const VOID: [&str; 1] = ["meta"];
    let (mut open, mut all): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let mut rest = html.strip_prefix("<!DOCTYPE html>").unwrap_or(html);
    while let Some(at) = rest.find('<') {
        let text = &rest[..at];
        assert!(
            !text.contains('>') || open.last().is_some_and(|o| o == "style"),
            "{text}"
        );
        let end = at + rest[at..].find('>').expect("the tag ends");
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "before {:.80}", rest);
            continue;
        }
        assert!(
            !tag.contains('<') && tag.matches('"').count().is_multiple_of(2),
            "{tag}"
        );
        let name = tag.split(' ').next().unwrap_or_default().to_owned();
        assert!(name.bytes().all(|b| b.is_ascii_alphanumeric()), "{tag}");
        if !VOID.contains(&name.as_str()) {
            open.push(name.clone());
        }
        all.push(name);
    }
    assert!(open.is_empty(), "not closed: {open:?}");
    all
}

#[test]
#[should_panic(expected = "before")]
fn the_check_finds_tags_in_the_wrong_order() {
    elements("<p><b></p></b>");
}

#[test]
fn every_recording_gives_a_whole_file_that_loads_nothing() {
    for capture in recordings() {
        let (told, span) = explained(&capture);
        let html = page("trace.pcap", &told, span);
        let elements = elements(&html);
        for forbidden in [
            "script", "link", "img", "iframe", "object", "use", "image", "base",
        ] {
            assert!(!elements.iter().any(|e| e == forbidden), "{forbidden}");
        }
        for forbidden in ["http:", "https:", "url(", "@import", " src=", "javascript:"] {
            assert!(
                !html.contains(forbidden),
                "{}: {forbidden}",
                capture.display()
            );
        }
        for (connection, story) in &told {
            let kept = connection.kept.as_ref().expect("they are kept");
            assert_eq!(kept.len() as u64, connection.packets);
            for one in kept {
                let row = format!(
                    "<td>{}</td><td>{:.6}</td>",
                    one.packet.number,
                    span.secs(one.packet.at_ns)
                );
                assert_eq!(
                    html.matches(&row).count(),
                    1,
                    "{}: {row}",
                    capture.display()
                );
            }
            let id = format!("stream-{}", connection.stream);
            assert_eq!(html.matches(&format!("id=\"{id}\"")).count(), 1);
            assert_eq!(html.matches(&format!("href=\"#{id}\"")).count(), 1);
            assert!(html.contains(story.trouble.name()));
        }
    }
}

#[test]
fn text_of_others_is_only_text() {
    let (mut told, span) = explained(&recording("power-off-idle"));
    let (connection, story) = &mut told[0];
    for one in connection.kept.iter_mut().flatten() {
        one.label.remark = Some(HOSTILE.to_owned());
    }
    story.verdict = HOSTILE.to_owned();
    story.sooner = vec![HOSTILE.to_owned()];
    story.caveats = vec![HOSTILE.to_owned()];
    story.told[0].text = HOSTILE.to_owned();
    for one in &mut story.inferred {
        one.value = HOSTILE.to_owned();
    }
    let remarks = [HOSTILE.to_owned()];
    let hostile = Page {
        name: HOSTILE,
        listed: &told,
        in_detail: &told,
        span,
        connections: 1,
        remarks: &remarks,
    };
    let html = hostile.to_html();
    let elements = elements(&html);
    assert!(!elements.iter().any(|e| e == "script" || e == "img"));
    let control = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
    assert_eq!(html.find(control), None);
    // name (twice), remark, verdict (twice), sooner, caveat, told, and each packet's title and row
    let packets = told[0].0.packets as usize;
    assert!(html.matches("&lt;script&gt;").count() >= 8 + packets);
}

#[test]
fn a_link_leads_only_to_what_is_told() {
    let (told, span) = explained(&recording("power-off-idle"));
    let list_only = Page {
        name: "x",
        listed: &told,
        in_detail: &[],
        span,
        connections: 3,
        remarks: &[],
    };
    let html = list_only.to_html();
    elements(&html);
    assert!(!html.contains("href=\"#stream"));
    assert!(html.contains("2 further connections"));
}

#[test]
fn of_very_many_packets_the_first_and_the_last_are_shown() {
    let (mut told, span) = explained(&recording("power-off-idle"));
    let connection = &mut told[0].0;
    let first = connection.kept.as_ref().expect("kept")[0].clone();
    let many = MOST_ROWS as u64 + 7;
    let numbered = (1..=many).map(|number| {
        let mut one = first.clone();
        one.packet.number = number;
        one
    });
    connection.kept = Some(numbered.collect());
    connection.packets = many + 2;
    let html = page("x", &told, span);
    elements(&html);
    assert!(html.contains("7 packets not shown"));
    assert!(html.contains("2 more packets"));
    let has = |n: u64| html.contains(&format!("<td>{n}</td><td>"));
    assert!(has(1) && has(10_000) && !has(10_001) && !has(10_007) && has(10_008) && has(many));
}
