//! `halfopen explain`: what happened to the connections of a capture.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use clap::{ArgGroup, Args};

use super::{Exit, Failure, terminal};
use crate::capture::{Counts, Reader, annotate};
use crate::explain::{CaptureSpan, Connection, Explainer, Keep, Story, Trouble};
use crate::nouns::count;
use crate::printable::escaped;
use crate::report::explain::html::Page;
use crate::report::explain::{list, one, to_json, why};

/// Packets that are kept of a connection that nobody has asked for by its number.
const KEPT_UNASKED: usize = 2_000;
/// Packets that are kept of a connection that was asked for.
const KEPT_ASKED: usize = 5_000_000;
/// Connections that are listed at most; the worst ones.
const MOST_LISTED: usize = 10_000;
/// Connections that the file of --html tells packet by packet at most; the worst ones.
const MOST_IN_HTML: usize = 200;
/// Packets that are kept for --html, all connections together.
const KEPT_FOR_HTML: usize = 100_000;
/// Packets of a connection that are kept for --html, however many connections there are.
const LEAST_FOR_HTML: usize = 500;
/// Packets of a connection that are kept for --html, however few connections there are.
const MOST_FOR_HTML: usize = 20_000;

/// Arguments of `explain`.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("written").args(["pcapng", "html"]).multiple(true),
    before_help = "Example: tcpdump -i any -w - tcp port 5432 | halfopen explain -",
    after_help = "Without --stream or --host it lists the connections in trouble, the worst first; if there is only one, it is told \
                  packet by packet.\n\nExit codes: 0 no connection is in trouble; 1 at least one is; 2 the capture could not be read."
)]
pub(super) struct Explain {
    /// The capture, pcap or pcapng; `-` reads a pipe
    capture: PathBuf,
    /// Tells one connection packet by packet, by its number in the list, which is Wireshark's tcp.stream
    #[arg(long, value_name = "N")]
    stream: Option<u32>,
    /// Tells the connections of this address packet by packet: ADDR or ADDR:PORT
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = host)]
    host: Option<(IpAddr, Option<u16>)>,
    /// Lists the connections without trouble too
    #[arg(long)]
    all: bool,
    /// Prints each packet, also of long runs without trouble
    #[arg(long)]
    unfolded: bool,
    /// Writes the capture to this file as pcapng, with the explanation of each packet as its comment, for Wireshark
    #[arg(long, value_name = "FILE")]
    pcapng: Option<PathBuf>,
    /// Writes the connections in trouble to this file as HTML that loads nothing: packets as a ladder, and what follows from them
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Overwrites the files of --pcapng and --html
    #[arg(long, requires = "written")]
    force: bool,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

fn host(text: &str) -> Result<(IpAddr, Option<u16>), String> {
    if let Ok(end) = text.parse::<SocketAddr>() {
        return Ok((end.ip(), Some(end.port())));
    }
    let addr = text.parse::<IpAddr>();
    addr.map(|ip| (ip, None))
        .map_err(|_| "an address is wanted, with a port or without: 192.0.2.1, 192.0.2.1:80, [2001:db8::1]:80".to_owned())
}

/// A capture that has been read.
struct Contents {
    found: Vec<Connection>,
    span: CaptureSpan,
    connections: u32,
    counts: Counts,
    /// Why it could not be read to its end.
    damage: Option<String>,
}

impl Explain {
    /// Reads the capture and prints what happened.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        self.check_outputs()?;
        let mut read = self.read(None)?;
        let asked = self.is_asked();
        let mut told = with_stories(std::mem::take(&mut read.found), &read.span);
        if asked && told.is_empty() {
            return Err(Failure(self.nothing_found(read.connections)));
        }
        if let Some(out) = &self.html {
            self.write_html(out, &told, &read)?;
        }
        let troubled = told.iter().filter(|(_, s)| is_trouble(s.trouble)).count();
        let comments = self.pcapng.as_ref().map(|_| comments(&told));
        if !asked && !self.all {
            told.retain(|(_, s)| is_trouble(s.trouble));
        }
        let in_detail = asked || told.len() == 1 && read.connections == 1;
        if self.json {
            if !in_detail {
                told.iter_mut().for_each(|(c, _)| c.kept = None);
            }
            terminal::print_json(&format!(
                "{:#}\n",
                to_json(&told, &read.span, read.connections)
            ))?;
        } else {
            self.print(&told, &read.span, in_detail, read.connections, troubled)?;
        }
        if let (Some(out), Some(comments)) = (&self.pcapng, comments) {
            self.annotate(out, comments)?;
        }
        for remark in read.damage.into_iter().chain(read.counts.warnings()) {
            terminal::tell(&format!("{remark}\n"));
        }
        Ok(match troubled {
            0 => Exit::Same,
            _ => Exit::Different,
        })
    }

    fn print(
        &self,
        told: &[(Connection, Story)],
        span: &CaptureSpan,
        in_detail: bool,
        connections: u32,
        troubled: usize,
    ) -> Result<(), Failure> {
        let mut style = terminal::style();
        style.fold = (!self.unfolded).then_some(1);
        let mut text = format!(
            "{} of {} in trouble. Times are recorded, in seconds from the first frame of the capture; what is computed says so.\n\n",
            troubled,
            count(connections, "connection"),
        );
        match in_detail {
            true => {
                for (connection, story) in told {
                    text += &one(connection, story, span, style);
                    text.push('\n');
                }
            }
            false if told.is_empty() => text += "--all lists the others too.\n",
            false => {
                let shown = &told[..told.len().min(MOST_LISTED)];
                text += &list(shown, span, style);
                if shown.len() < told.len() {
                    text += &format!("and {} more\n", told.len() - shown.len());
                }
                text += "\n--stream N tells one of them packet by packet.\n";
            }
        }
        terminal::print(&text)?;
        Ok(())
    }

    /// Whether connections were asked for by number or address.
    fn is_asked(&self) -> bool {
        self.stream.is_some() || self.host.is_some()
    }

    /// Refuses, before anything is read, what --pcapng and --html cannot do.
    fn check_outputs(&self) -> Result<(), Failure> {
        let again = [
            ("--pcapng", self.pcapng.is_some()),
            // connections that were asked for are kept on the first reading
            ("--html", self.html.is_some() && !self.is_asked()),
        ];
        if self.capture == Path::new("-")
            && let Some((option, _)) = again.iter().find(|(_, is_set)| *is_set)
        {
            return Err(Failure(format!(
                "{option} reads the capture a second time, which a pipe does not allow: write it to a file first"
            )));
        }
        if self.pcapng.is_some() && self.pcapng == self.html {
            return Err(Failure(
                "--pcapng and --html name the same file: choose another one for --html".to_owned(),
            ));
        }
        for (option, out) in [("--pcapng", &self.pcapng), ("--html", &self.html)] {
            if let Some(out) = out {
                self.check_output(option, out)?;
            }
        }
        Ok(())
    }

    fn check_output(&self, option: &str, out: &Path) -> Result<(), Failure> {
        let name = escaped(&out.to_string_lossy()).into_owned();
        if out.exists() && !self.force {
            return Err(Failure(format!(
                "{name} exists already: --force overwrites it, or choose another file for {option}"
            )));
        }
        let same = |a: &Path, b: &Path| {
            a.canonicalize()
                .ok()
                .is_some_and(|a| b.canonicalize().is_ok_and(|b| a == b))
        };
        match same(out, &self.capture) {
            true => Err(Failure(format!(
                "{name} is the capture itself: choose another file for {option}"
            ))),
            false => Ok(()),
        }
    }

    /// Writes the file of --html. The packets of the connections in trouble are read from the capture once more, because the first
    /// reading does not keep them.
    fn write_html(
        &self,
        out: &Path,
        told: &[(Connection, Story)],
        read: &Contents,
    ) -> Result<(), Failure> {
        let again;
        let in_detail = match self.is_asked() {
            true => told,
            false => {
                let is_only = told.len() == 1 && read.connections == 1;
                let worst = told
                    .iter()
                    .filter(|(_, s)| is_only || is_trouble(s.trouble));
                let streams: BTreeSet<u32> =
                    worst.take(MOST_IN_HTML).map(|(c, _)| c.stream).collect();
                again = match streams.is_empty() {
                    true => Vec::new(),
                    false => {
                        let contents = self.read(Some(Rc::new(streams)))?;
                        with_stories(contents.found, &contents.span)
                    }
                };
                &again
            }
        };
        let remarks: Vec<String> = read
            .damage
            .iter()
            .cloned()
            .chain(read.counts.warnings())
            .collect();
        let file_name = self.capture.file_name().unwrap_or_default();
        let page = Page {
            name: match self.capture == Path::new("-") {
                true => "a pipe",
                false => &file_name.to_string_lossy(),
            },
            listed: &told[..told.len().min(MOST_LISTED)],
            in_detail: &in_detail[..in_detail.len().min(MOST_IN_HTML)],
            span: read.span,
            connections: read.connections,
            remarks: &remarks,
        };
        let name = escaped(&out.to_string_lossy()).into_owned();
        std::fs::write(out, page.to_html()).map_err(|e| Failure(format!("{name}: {e}")))?;
        log::info!("{name}: {}", count(page.in_detail.len(), "connection"));
        Ok(())
    }

    fn annotate(&self, out: &Path, mut comments: BTreeMap<u64, String>) -> Result<(), Failure> {
        let name = escaped(&out.to_string_lossy()).into_owned();
        let input = File::open(&self.capture)?;
        let output = File::create(out).map_err(|e| Failure(format!("{name}: {e}")))?;
        let input = BufReader::with_capacity(1 << 20, input);
        let done = annotate(input, BufWriter::new(output), |number| {
            comments.remove(&number)
        })?;
        let written = count(done.comments, "comment");
        log::info!("{name}: {written}");
        if done.left_out > 0 {
            terminal::tell(&format!(
                "{} had no place in the file\n",
                count(done.left_out, "comment")
            ));
        }
        Ok(())
    }

    fn nothing_found(&self, connections: u32) -> String {
        let what = match (self.stream, self.host) {
            (Some(n), _) => format!("stream {n}"),
            (None, Some((ip, Some(port)))) => {
                format!("connection of {}", SocketAddr::new(ip, port))
            }
            (None, Some((ip, None))) => format!("connection of {ip}"),
            (None, None) => "connection".to_owned(),
        };
        let last = connections.saturating_sub(1);
        match connections {
            0 => "there is no TCP connection in the capture".to_owned(),
            n => format!(
                "there is no {what} in the capture, which has {}, numbered 0 to {last}; --all lists them",
                count(n, "connection")
            ),
        }
    }

    /// Reads the capture: what the arguments ask for, or only these connections, with their packets.
    fn read(&self, only: Option<Rc<BTreeSet<u32>>>) -> Result<Contents, Failure> {
        if self.capture == Path::new("-") {
            return self.explain(std::io::stdin().lock(), only);
        }
        let name = escaped(&self.capture.to_string_lossy()).into_owned();
        let file = File::open(&self.capture).map_err(|e| Failure(format!("{name}: {e}")))?;
        self.explain(file, only)
            .map_err(|e| Failure(format!("{name}: {}", e.0)))
    }

    fn explain(
        &self,
        input: impl Read,
        only: Option<Rc<BTreeSet<u32>>>,
    ) -> Result<Contents, Failure> {
        let mut reader = Reader::new(BufReader::with_capacity(1 << 20, input))?;
        let mut found = Vec::new();
        let wanted = Wanted {
            stream: self.stream,
            host: self.host,
            comments: self.pcapng.is_some(),
            only,
        };
        let keeper = wanted.clone();
        let keep: Keep = Box::new(move |n, a, b| keeper.most_kept(n, a, b));
        let is_chosen = self.all || wanted.comments || wanted.is_choice();
        // the file of --html lists the connections without trouble too
        let mut healthy = match (&self.html, &wanted.only) {
            (Some(_), None) => MOST_LISTED,
            _ => 0,
        };
        let mut explainer = Explainer::new(keep, |connection: Connection| {
            let ends = connection.addrs;
            if !wanted.is_it(connection.stream, ends[0], ends[1]) {
                return;
            }
            if is_chosen || connection.may_be_in_trouble() {
                found.push(connection);
            } else if healthy > 0 {
                healthy -= 1;
                found.push(connection);
            }
        });
        let mut span: Option<CaptureSpan> = None;
        let damage = loop {
            match reader.next_frame() {
                Ok(Some(frame)) => {
                    let span = span.get_or_insert(CaptureSpan {
                        first_ns: frame.at_ns,
                        last_ns: frame.at_ns,
                    });
                    span.last_ns = span.last_ns.max(frame.at_ns);
                    explainer.take(&frame);
                }
                Ok(None) => break None,
                Err(e) if reader.counts().frames > 0 => break Some(e.to_string()),
                Err(e) => return Err(e.into()),
            }
        };
        let connections = explainer.finish();
        Ok(Contents {
            found,
            span: span.unwrap_or_default(),
            connections,
            counts: reader.counts().clone(),
            damage,
        })
    }
}

/// The connections that are wanted from a reading of the capture.
#[derive(Clone)]
struct Wanted {
    stream: Option<u32>,
    host: Option<(IpAddr, Option<u16>)>,
    /// Whether each packet gets a comment.
    comments: bool,
    /// The only streams that are wanted, for the file of --html.
    only: Option<Rc<BTreeSet<u32>>>,
}

impl Wanted {
    /// Whether connections were chosen, by the user or by an earlier reading.
    fn is_choice(&self) -> bool {
        self.only.is_some() || self.stream.is_some() || self.host.is_some()
    }

    fn is_it(&self, stream: u32, client: SocketAddr, server: SocketAddr) -> bool {
        if let Some(only) = &self.only {
            return only.contains(&stream);
        }
        let is_of = |ip: IpAddr, port: Option<u16>, end: SocketAddr| {
            end.ip() == ip && port.is_none_or(|p| p == end.port())
        };
        let host = self
            .host
            .is_none_or(|(ip, port)| is_of(ip, port, client) || is_of(ip, port, server));
        self.stream.is_none_or(|s| s == stream) && host
    }

    /// The number of packets of a connection that are kept.
    fn most_kept(&self, stream: u32, client: SocketAddr, server: SocketAddr) -> usize {
        match (self.is_choice(), &self.only) {
            (true, _) if !self.is_it(stream, client, server) => 0,
            (true, Some(only)) => {
                (KEPT_FOR_HTML / only.len().max(1)).clamp(LEAST_FOR_HTML, MOST_FOR_HTML)
            }
            (true, None) => KEPT_ASKED,
            (false, _) if self.comments => KEPT_ASKED,
            // a capture of one connection is told packet by packet
            (false, _) if stream == 0 => KEPT_UNASKED,
            (false, _) => 0,
        }
    }
}

/// The connections with their stories, the worst first.
fn with_stories(found: Vec<Connection>, span: &CaptureSpan) -> Vec<(Connection, Story)> {
    let mut told = Vec::with_capacity(found.len());
    for mut connection in found {
        let story = connection.story(span);
        told.push((connection, story));
    }
    told.sort_by_key(|(c, s)| (s.trouble, c.stream));
    told
}

/// The explanation of each kept packet, by its frame number.
fn comments(told: &[(Connection, Story)]) -> BTreeMap<u64, String> {
    let kept = told.iter().filter_map(|(c, _)| c.kept.as_ref()).flatten();
    kept.map(|e| (e.packet.number, why(e))).collect()
}

/// Whether a connection belongs on the list.
fn is_trouble(trouble: Trouble) -> bool {
    trouble != Trouble::None
}
