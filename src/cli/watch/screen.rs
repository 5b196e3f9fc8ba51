//! The terminal as a screen that is redrawn: the alternate one, without echo, and restored however the program leaves.
//!
//! Control sequences are those of xterm, which every terminal of today understands.

use std::io;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
};
use signal_hook::consts::SIGWINCH;

use crate::cli::signals::Signals;
use crate::cli::terminal;

/// To the alternate screen, without a cursor; and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[2J";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
/// Where no size is told.
const DEFAULT_SIZE: (usize, usize) = (80, 24);

/// What a key or a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// An end.
    Quit,
    /// A halt, or to go on.
    Pause,
    /// Nothing.
    Nothing,
}

/// The terminal while it is ours.
#[derive(Debug)]
pub(super) struct Screen {
    before: Termios,
}

impl Screen {
    /// Takes the terminal. Ctrl-C stays a signal.
    pub(super) fn open() -> io::Result<Screen> {
        let stdin = io::stdin();
        let before = tcgetattr(&stdin)?;
        let mut ours = before.clone();
        ours.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        ours.special_codes[SpecialCodeIndex::VMIN] = 0;
        ours.special_codes[SpecialCodeIndex::VTIME] = 0;
        // a stopped program could not give the screen back
        ours.special_codes[SpecialCodeIndex::VSUSP] = 0;
        tcsetattr(&stdin, OptionalActions::Now, &ours)?;
        let screen = Screen { before };
        terminal::draw(ENTER)?;
        Ok(screen)
    }

    /// Columns and rows.
    pub(super) fn size(&self) -> (usize, usize) {
        match tcgetwinsize(io::stdout()) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
                (size.ws_col.into(), size.ws_row.into())
            }
            _ => DEFAULT_SIZE,
        }
    }

    /// Shows these lines, which fit.
    pub(super) fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        let mut all = String::from("\x1b[H");
        for (i, line) in lines.iter().enumerate() {
            let end = if i + 1 < lines.len() { "\r\n" } else { "" };
            all.push_str(&format!("{line}\x1b[K{end}"));
        }
        all.push_str("\x1b[J");
        terminal::draw(&all)
    }

    fn key(&self) -> io::Result<Wish> {
        let mut bytes = [0; 16];
        let len = rustix::io::read(io::stdin(), &mut bytes)?;
        let key = |b: &u8| match b {
            b'q' | b'Q' | 0x04 => Some(Wish::Quit),
            b'p' | b'P' | b' ' => Some(Wish::Pause),
            _ => None,
        };
        // an arrow key begins with the byte of Escape, which alone is a wish to leave
        if bytes[..len] == [0x1b] {
            return Ok(Wish::Quit);
        }
        Ok(bytes[..len].iter().find_map(key).unwrap_or(Wish::Nothing))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // nothing can be done about a terminal that is gone
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
        let _ = terminal::draw(LEAVE);
    }
}

/// Waits so long, or until a key, a change of the terminal's size, or a signal.
pub(super) fn wait(
    screen: Option<&Screen>,
    signals: &mut Signals,
    time: Duration,
) -> io::Result<Wish> {
    let timeout = Timespec {
        tv_sec: time.as_secs() as i64,
        tv_nsec: time.subsec_nanos().into(),
    };
    let (stdin, stdout) = (io::stdin(), io::stdout());
    let mut watched: Vec<PollFd<'_>> = signals
        .descriptors()
        .map(|d| PollFd::from_borrowed_fd(d, PollFlags::IN))
        .collect();
    // nothing is wanted of it but to know that its reader has gone away (`| head`)
    watched.push(PollFd::new(&stdout, PollFlags::empty()));
    if screen.is_some() {
        watched.push(PollFd::new(&stdin, PollFlags::IN));
    }
    match poll(&mut watched, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(e) => return Err(e.into()),
    }
    let keys = match screen {
        Some(_) => watched.pop().map_or(PollFlags::empty(), |k| k.revents()),
        None => PollFlags::empty(),
    };
    let is_unread = watched
        .pop()
        .is_some_and(|stdout| stdout.revents().contains(PollFlags::ERR));
    drop(watched);
    if is_unread || signals.take().iter().any(|s| *s != SIGWINCH) {
        return Ok(Wish::Quit);
    }
    match screen {
        _ if keys.intersects(PollFlags::HUP | PollFlags::ERR) => Ok(Wish::Quit),
        Some(screen) if keys.contains(PollFlags::IN) => screen.key(),
        _ => Ok(Wish::Nothing),
    }
}
