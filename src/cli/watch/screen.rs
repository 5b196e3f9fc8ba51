//! The terminal as a screen that is redrawn: the alternate one, without echo, and restored however the program leaves.
//!
//! Control sequences are those of xterm, which every terminal of today understands.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
};

/// To the alternate screen, without a cursor; and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[2J";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
/// Where no size is told.
const DEFAULT_SIZE: (usize, usize) = (80, 24);

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// An end.
    Quit,
    /// A halt, or to go on.
    Pause,
    /// Nothing.
    None,
}

/// The terminal while it is ours.
#[derive(Debug)]
pub(super) struct Screen {
    before: Termios,
}

impl Screen {
    /// Takes the terminal. Ctrl-C stays a signal; a change of its size ends a wait.
    pub(super) fn open() -> io::Result<Screen> {
        let stdin = io::stdin();
        let before = tcgetattr(&stdin)?;
        let mut ours = before.clone();
        ours.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        ours.special_codes[SpecialCodeIndex::VMIN] = 0;
        ours.special_codes[SpecialCodeIndex::VTIME] = 0;
        // a stopped program could not give the screen back
        ours.special_codes[SpecialCodeIndex::VSUSP] = 0;
        // a handler that does nothing: without one the signal would not end a wait
        signal_hook::flag::register(
            signal_hook::consts::SIGWINCH,
            Arc::new(AtomicBool::new(false)),
        )?;
        tcsetattr(&stdin, OptionalActions::Now, &ours)?;
        let screen = Screen { before };
        write(ENTER)?;
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
        write(&all)
    }

    fn key(&self) -> io::Result<Key> {
        let mut bytes = [0; 16];
        let len = rustix::io::read(io::stdin(), &mut bytes)?;
        let key = |b: &u8| match b {
            b'q' | b'Q' | 0x04 => Some(Key::Quit),
            b'p' | b'P' | b' ' => Some(Key::Pause),
            _ => None,
        };
        // an arrow key begins with the byte of Escape, which alone is a wish to leave
        if bytes[..len] == [0x1b] {
            return Ok(Key::Quit);
        }
        Ok(bytes[..len].iter().find_map(key).unwrap_or(Key::None))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // nothing can be done about a terminal that is gone
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
        let _ = write(LEAVE);
    }
}

/// Waits so long, or until a key, a change of the terminal's size, or a signal.
pub(super) fn wait(screen: Option<&Screen>, time: Duration) -> io::Result<Key> {
    let timeout = Timespec {
        tv_sec: time.as_secs() as i64,
        tv_nsec: time.subsec_nanos().into(),
    };
    let stdin = io::stdin();
    let mut watched = match screen {
        Some(_) => vec![PollFd::new(&stdin, PollFlags::IN)],
        None => Vec::new(),
    };
    match poll(&mut watched, Some(&timeout)) {
        Ok(0) | Err(rustix::io::Errno::INTR) => Ok(Key::None),
        Ok(_) => {
            let is_gone = watched
                .iter()
                .any(|w| w.revents().intersects(PollFlags::HUP | PollFlags::ERR));
            match screen {
                Some(screen) if !is_gone => screen.key(),
                _ => Ok(Key::Quit),
            }
        }
        Err(e) => Err(e.into()),
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
