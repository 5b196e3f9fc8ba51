//! A table of the file. Unknown keys are errors, and values are read with their types.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::duration;
use super::error::Faults;
use crate::sysctl::nearest;

/// One table of the file.
#[derive(Clone, Copy)]
pub(super) struct Section<'a> {
    /// Its name in messages: `[survivor]`, or `a scenario` for the top level.
    pub(super) name: &'static str,
    /// Its keys and values.
    pub(super) table: &'a DeTable<'a>,
    /// Start of its header, or of the whole inline table.
    pub(super) start: usize,
    /// End of its header, or of the whole inline table.
    pub(super) end: usize,
    /// The text of the file.
    pub(super) text: &'a str,
}

/// A value and its place in the file.
pub(super) type Placed<T> = (T, Range<usize>);

impl<'a> Section<'a> {
    /// Opens a section, and reports each key that is not one of `keys`.
    pub(super) fn open(
        name: &'static str,
        table: &'a DeTable<'a>,
        place: Range<usize>,
        text: &'a str,
        keys: &[&'static str],
        faults: &mut Faults,
    ) -> Section<'a> {
        for key in table.keys() {
            let bare = key.get_ref().as_ref();
            if keys.contains(&bare) {
                continue;
            }
            let help = match nearest(bare, keys.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("{name} takes {}", keys.join(", ")),
            };
            let what = format!("unknown key {bare}");
            faults.add(&key.span(), what, help);
        }
        Section {
            name,
            table,
            start: place.start,
            end: place.end,
            text,
        }
    }

    /// Returns the place where the section begins.
    pub(super) fn place(&self) -> Range<usize> {
        self.start..self.end
    }

    /// Returns the value of `key`, if it is present.
    pub(super) fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.get(key)
    }

    /// Returns the value of `key`, and reports an error if it is missing.
    pub(super) fn need(
        &self,
        key: &str,
        help: &str,
        faults: &mut Faults,
    ) -> Option<&'a Spanned<DeValue<'a>>> {
        let value = self.get(key);
        if value.is_none() {
            let what = format!("{} lacks {key}", self.name);
            faults.add(&self.place(), what, help);
        }
        value
    }

    /// Opens the table `key`, which messages call `name` and which may have `keys`, if it is present and a table.
    pub(super) fn table(
        &self,
        key: &str,
        name: &'static str,
        keys: &[&'static str],
        faults: &mut Faults,
    ) -> Option<Section<'a>> {
        let value = self.get(key)?;
        match value.get_ref().as_table() {
            Some(table) => Some(Section::open(
                name,
                table,
                value.span(),
                self.text,
                keys,
                faults,
            )),
            None => {
                let help = format!("write the header {name} with its keys below it");
                self.wrong_kind(key, "a table", help, value, faults);
                None
            }
        }
    }

    /// Reads a string.
    pub(super) fn string(&self, key: &str, faults: &mut Faults) -> Option<Placed<&'a str>> {
        let value = self.get(key)?;
        match value.get_ref().as_str() {
            Some(text) => Some((text, value.span())),
            None => {
                self.wrong_kind(key, "a string", "write the value in quotes", value, faults);
                None
            }
        }
    }

    /// Reads a boolean.
    pub(super) fn boolean(&self, key: &str, faults: &mut Faults) -> Option<bool> {
        let value = self.get(key)?;
        let found = value.get_ref().as_bool();
        if found.is_none() {
            let help = "write true or false without quotes";
            self.wrong_kind(key, "true or false", help, value, faults);
        }
        found
    }

    /// Reads an integer from `min` to `max`.
    pub(super) fn integer(
        &self,
        key: &str,
        min: i64,
        max: i64,
        faults: &mut Faults,
    ) -> Option<Placed<i64>> {
        let value = self.get(key)?;
        let wants = format!("an integer from {min} to {max}");
        if value.get_ref().as_integer().is_none() {
            let help = "write a number without quotes and without a fraction";
            self.wrong_kind(key, &wants, help, value, faults);
            return None;
        }
        let number = whole_number(value.get_ref()).filter(|n| (min..=max).contains(n));
        if number.is_none() {
            let what = format!("{key} is out of range");
            faults.add(&value.span(), what, format!("{key} must be {wants}"));
        }
        number.map(|n| (n, value.span()))
    }

    /// Reads a duration in ns.
    pub(super) fn duration_ns(&self, key: &str, faults: &mut Faults) -> Option<Placed<u64>> {
        let value = self.get(key)?;
        let Some(text) = value.get_ref().as_str() else {
            let wants = "a duration such as \"1500ms\"";
            let help = "write a number and a unit (us, ms, s, min or h) in quotes";
            self.wrong_kind(key, wants, help, value, faults);
            return None;
        };
        match duration::parse_ns(text) {
            Ok(ns) => Some((ns, value.span())),
            Err(fault) => {
                let place = inside(self.text, value.span(), text, &fault.span);
                faults.add(&place, fault.what, fault.help);
                None
            }
        }
    }

    fn wrong_kind(
        &self,
        key: &str,
        wants: &str,
        help: impl Into<String>,
        value: &Spanned<DeValue<'_>>,
        faults: &mut Faults,
    ) {
        let what = format!("{key} must be {wants}, not {}", kind(value.get_ref()));
        faults.add(&value.span(), what, help);
    }
}

/// Returns the value of an integer, if it fits.
pub(super) fn whole_number(value: &DeValue<'_>) -> Option<i64> {
    let integer = value.as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// Returns the name of the type of a value.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Returns the place in the file of `part` of the string `value`, whose quoted form is at `span`. If the string has escapes,
/// this is the whole of `span`.
pub(super) fn inside(
    text: &str,
    span: Range<usize>,
    value: &str,
    part: &Range<usize>,
) -> Range<usize> {
    let first = span.start + 1;
    let is_plain = text.get(first..first + value.len()) == Some(value);
    if is_plain && !part.is_empty() {
        first + part.start..first + part.end
    } else {
        span
    }
}
