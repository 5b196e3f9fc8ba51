//! Single keys from the terminal, without Enter; Ctrl-C and Ctrl-Z stay what they are.

use std::io::IsTerminal;

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr,
};

use crate::world::Death;

/// What a key requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// The server dies.
    Die(Death),
    /// The server is revived from this death.
    Back(Death),
    /// The command ends.
    Quit,
}

impl Key {
    fn from_letter(letter: u8) -> Option<Key> {
        match letter.to_ascii_lowercase() {
            b'p' => Some(Key::Die(Death::PowerOff)),
            b'o' => Some(Key::Back(Death::PowerOff)),
            b'c' => Some(Key::Die(Death::Cut)),
            b'r' => Some(Key::Back(Death::Cut)),
            b'f' => Some(Key::Die(Death::Freeze)),
            b't' => Some(Key::Back(Death::Freeze)),
            b'q' => Some(Key::Quit),
            _ => None,
        }
    }
}

/// The terminal in a mode that delivers single keys. Dropping this restores the mode before.
pub(super) struct Keys {
    before: Termios,
}

impl Keys {
    /// Returns whether stdin is a terminal from which this program may read.
    pub(super) fn is_possible() -> bool {
        let stdin = std::io::stdin();
        // a program in the background that reads is stopped
        let group = tcgetpgrp(&stdin).ok();
        stdin.is_terminal() && group == Some(rustix::process::getpgrp())
    }

    /// Switches the terminal to single keys, or returns None if there is no terminal.
    pub(super) fn listen() -> std::io::Result<Option<Keys>> {
        if !Keys::is_possible() {
            return Ok(None);
        }
        let stdin = std::io::stdin();
        let before = tcgetattr(&stdin)?;
        let mut single = before.clone();
        single.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        // read() returns at once with what there is
        single.special_codes[SpecialCodeIndex::VMIN] = 0;
        single.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&stdin, OptionalActions::Now, &single)?;
        Ok(Some(Keys { before }))
    }

    /// Returns the keys that were pressed and have a meaning.
    pub(super) fn take(&mut self) -> Vec<Key> {
        let mut letters = [0; 64];
        let read = rustix::io::read(std::io::stdin(), &mut letters).unwrap_or(0);
        letters[..read]
            .iter()
            .filter_map(|l| Key::from_letter(*l))
            .collect()
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        // a terminal that is gone needs no care
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_of_the_help_is_a_key_and_others_are_not() {
        let keys: Vec<_> = b"pocrftq"
            .iter()
            .filter_map(|l| Key::from_letter(*l))
            .collect();
        assert_eq!(keys.len(), 7);
        assert_eq!(Key::from_letter(b'P'), Some(Key::Die(Death::PowerOff)));
        assert_eq!(Key::from_letter(b'x'), None);
    }
}
