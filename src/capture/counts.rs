//! What was met while a capture was read, as numbers and as sentences for people.

use super::link;
use crate::nouns::count;

/// How a file ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// The end has not been reached: frames follow, or an error was returned.
    #[default]
    NotReached,
    /// Behind a frame or another structure, as it should.
    Whole,
    /// Inside the frame with this number, which is left out.
    InsideFrame(u64),
    /// Inside a structure that is no frame, behind the frame with this number.
    BehindFrame(u64),
}

/// What was read so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames that were returned.
    pub frames: u64,
    /// Frames with a TCP segment.
    pub tcp: u64,
    /// Frames with an ICMP error that quotes a TCP segment.
    pub icmp: u64,
    /// Frames with another protocol, or with a later fragment.
    pub other: u64,
    /// Unreadable frames that the snap length cut off inside their headers.
    pub cut: u64,
    /// Unreadable frames that were captured whole: their headers contradict each other.
    pub malformed: u64,
    /// Frames with a TCP segment whose options the snap length cut off. They have the options before.
    pub options_cut: u64,
    /// The most bytes of a frame that was cut off, which is the snap length; 0 if none was.
    pub snap_len: usize,
    /// Frames without a usable time stamp. They have the time of the frame before.
    pub untimed: u64,
    /// Packets that the capturing machine dropped, as far as the file tells it (pcapng); known at the end.
    pub dropped: u64,
    /// The link types that cannot be read, and the number of their frames.
    pub unread_links: Vec<(u32, u64)>,
    /// How the file ends.
    pub ending: Ending,
}

impl Counts {
    pub(super) fn count_unread(&mut self, link_type: u32) {
        let known = self.unread_links.iter_mut().find(|(n, _)| *n == link_type);
        match known {
            Some((_, frames)) => *frames += 1,
            None => self.unread_links.push((link_type, 1)),
        }
    }

    /// Returns what a reader of an explanation has to know about the capture, a sentence or two each.
    pub fn warnings(&self) -> Vec<String> {
        let mut all = Vec::new();
        match self.ending {
            Ending::InsideFrame(n) => all.push(format!(
                "The file ends inside frame {n}, which is left out. It was cut off, or it was still being written."
            )),
            Ending::BehindFrame(n) => all.push(format!(
                "The file ends inside a block that follows {}. It was cut off, or it was still being written.",
                if n == 0 { "no frame".into() } else { format!("frame {n}") }
            )),
            Ending::NotReached | Ending::Whole => {}
        }
        if self.dropped > 0 {
            all.push(format!(
                "The file says that {} could not be captured. Gaps in the frames need not be losses.",
                count(self.dropped, "packet")
            ));
        }
        for (n, what, so) in [
            (self.cut, "headers", "which cannot be read"),
            (
                self.options_cut,
                "TCP options",
                "so some of them are unknown",
            ),
        ] {
            if n > 0 {
                all.push(format!(
                    "The snap length of {} cut off the {what} of {}, {so}. `tcpdump -s 128` captures all headers.",
                    count(self.snap_len, "byte"),
                    count(n, "frame"),
                ));
            }
        }
        if self.malformed > 0 {
            all.push(format!(
                "The headers of {} have impossible lengths or versions, and cannot be read.",
                count(self.malformed, "frame")
            ));
        }
        if self.untimed > 0 {
            all.push(format!(
                "The file has no usable time stamp for {}. Such a frame is given the time of the frame before.",
                count(self.untimed, "frame")
            ));
        }
        for (number, frames) in &self.unread_links {
            let name = link::name(*number).map_or(String::new(), |name| format!(", {name}"));
            all.push(format!(
                "{} of an interface with the link type {number}{name} cannot be read.",
                count(*frames, "frame")
            ));
        }
        all
    }
}

#[cfg(test)]
mod tests;
