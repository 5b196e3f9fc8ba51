//! `halfopen explain`: what happened to the connections of a capture.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::Args;

use super::{Exit, Failure, terminal};
use crate::capture::{Counts, Reader, annotate};
use crate::explain::{CaptureSpan, Connection, Explainer, Keep, Story, Trouble};
use crate::nouns::count;
use crate::printable::escaped;
use crate::report::explain::{list, one, to_json, why};

/// Packets that are kept of a connection that nobody has asked for by its number.
const KEPT_UNASKED: usize = 2_000;
/// Packets that are kept of a connection that was asked for.
const KEPT_ASKED: usize = 5_000_000;
/// Connections that are listed at most; the worst ones.
const MOST_LISTED: usize = 10_000;

/// Arguments of `explain`.
#[derive(Debug, Args)]
#[command(
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
    /// Overwrites the file of --pcapng
    #[arg(long, requires = "pcapng")]
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
        self.check_pcapng()?;
        let read = self.read()?;
        let asked = self.stream.is_some() || self.host.is_some();
        let mut told: Vec<(Connection, Story)> = Vec::new();
        for mut connection in read.found {
            let story = connection.story(&read.span);
            told.push((connection, story));
        }
        let troubled = told.iter().filter(|(_, s)| is_trouble(s.trouble)).count();
        let comments = self.pcapng.as_ref().map(|_| comments(&told));
        if !asked && !self.all {
            told.retain(|(_, s)| is_trouble(s.trouble));
        }
        told.sort_by_key(|(c, s)| (s.trouble, c.stream));
        if asked && told.is_empty() {
            return Err(Failure(self.nothing_found(read.connections)));
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

    /// Refuses, before anything is read, what --pcapng cannot do.
    fn check_pcapng(&self) -> Result<(), Failure> {
        let Some(out) = &self.pcapng else {
            return Ok(());
        };
        let name = escaped(&out.to_string_lossy()).into_owned();
        if self.capture == Path::new("-") {
            return Err(Failure("--pcapng reads the capture a second time, which a pipe does not allow: write it to a file first".to_owned()));
        }
        if out.exists() && !self.force {
            return Err(Failure(format!(
                "{name} exists already: --force overwrites it, or choose another file for --pcapng"
            )));
        }
        let same = |a: &Path, b: &Path| {
            a.canonicalize()
                .ok()
                .is_some_and(|a| b.canonicalize().is_ok_and(|b| a == b))
        };
        match same(out, &self.capture) {
            true => Err(Failure(format!(
                "{name} is the capture itself: choose another file for --pcapng"
            ))),
            false => Ok(()),
        }
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

    fn read(&self) -> Result<Contents, Failure> {
        if self.capture == Path::new("-") {
            return self.explain(std::io::stdin().lock());
        }
        let name = escaped(&self.capture.to_string_lossy()).into_owned();
        let file = File::open(&self.capture).map_err(|e| Failure(format!("{name}: {e}")))?;
        self.explain(file)
            .map_err(|e| Failure(format!("{name}: {}", e.0)))
    }

    fn explain(&self, input: impl Read) -> Result<Contents, Failure> {
        let mut reader = Reader::new(BufReader::with_capacity(1 << 20, input))?;
        let mut found = Vec::new();
        let (stream, wanted, all) = (self.stream, self.host, self.all);
        let comments = self.pcapng.is_some();
        let is_of = move |ip: IpAddr, port: Option<u16>, end: SocketAddr| {
            end.ip() == ip && port.is_none_or(|p| p == end.port())
        };
        let is_wanted = move |n: u32, a: SocketAddr, b: SocketAddr| {
            let host = wanted.is_none_or(|(ip, port)| is_of(ip, port, a) || is_of(ip, port, b));
            stream.is_none_or(|s| s == n) && host
        };
        let asked = stream.is_some() || wanted.is_some();
        let keep: Keep = Box::new(move |n, a, b| match asked {
            true if is_wanted(n, a, b) => KEPT_ASKED,
            true => 0,
            false if comments => KEPT_ASKED,
            // a capture of one connection is told packet by packet
            false if n == 0 => KEPT_UNASKED,
            false => 0,
        });
        let mut explainer = Explainer::new(keep, |connection: Connection| {
            let ends = connection.addrs;
            let is_it = !asked || is_wanted(connection.stream, ends[0], ends[1]);
            if is_it && (asked || all || comments || connection.may_be_in_trouble()) {
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

/// The explanation of each kept packet, by its frame number.
fn comments(told: &[(Connection, Story)]) -> BTreeMap<u64, String> {
    let kept = told.iter().filter_map(|(c, _)| c.kept.as_ref()).flatten();
    kept.map(|e| (e.packet.number, why(e))).collect()
}

/// Whether a connection belongs on the list.
fn is_trouble(trouble: Trouble) -> bool {
    trouble != Trouble::None
}
