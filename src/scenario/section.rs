//! A table of the file with its known keys: unknown ones are faults, values come out typed.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::duration;
use super::error::Faults;
use crate::sysctl::nearest;

/// One table of the file.
#[derive(Clone, Copy)]
pub(super) struct Section<'a> {
    /// How messages call it: `[survivor]`, or `a scenario` for the top level.
    pub(super) name: &'static str,
    /// Its keys and values.
    pub(super) table: &'a DeTable<'a>,
    /// Its header, or the whole inline table.
    pub(super) start: usize,
    /// End of that.
    pub(super) end: usize,
    /// The file, for the text of a value.
    pub(super) text: &'a str,
}

/// A value and its place.
pub(super) type Placed<T> = (T, Range<usize>);

impl<'a> Section<'a> {
    /// The section, after noting each key that is not one of `keys`.
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

    /// Where the section begins.
    pub(super) fn place(&self) -> Range<usize> {
        self.start..self.end
    }

    /// The value of `key`, if it is there.
    pub(super) fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.get(key)
    }

    /// The same; its absence is a fault.
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

    /// The table `key`, which messages call `name` and which takes `keys`, if it is there and a table.
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
                self.wrong_kind(key, &format!("a table, {name}"), value, faults);
                None
            }
        }
    }

    /// A string.
    pub(super) fn string(&self, key: &str, faults: &mut Faults) -> Option<Placed<&'a str>> {
        let value = self.get(key)?;
        match value.get_ref().as_str() {
            Some(text) => Some((text, value.span())),
            None => {
                self.wrong_kind(key, "a string in quotes", value, faults);
                None
            }
        }
    }

    /// true or false.
    pub(super) fn boolean(&self, key: &str, faults: &mut Faults) -> Option<bool> {
        let value = self.get(key)?;
        let found = value.get_ref().as_bool();
        if found.is_none() {
            self.wrong_kind(key, "true or false", value, faults);
        }
        found
    }

    /// A whole number from `min` to `max`.
    pub(super) fn integer(
        &self,
        key: &str,
        min: i64,
        max: i64,
        faults: &mut Faults,
    ) -> Option<Placed<i64>> {
        let value = self.get(key)?;
        let wants = format!("a whole number from {min} to {max}");
        if value.get_ref().as_integer().is_none() {
            self.wrong_kind(key, &wants, value, faults);
            return None;
        }
        let number = whole_number(value.get_ref()).filter(|n| (min..=max).contains(n));
        if number.is_none() {
            let what = format!("{key} is out of range");
            faults.add(&value.span(), what, format!("{key} takes {wants}"));
        }
        number.map(|n| (n, value.span()))
    }

    /// A duration in ns.
    pub(super) fn duration_ns(&self, key: &str, faults: &mut Faults) -> Option<Placed<u64>> {
        let value = self.get(key)?;
        let Some(text) = value.get_ref().as_str() else {
            let wants = "a duration in quotes, as in \"1500ms\"";
            self.wrong_kind(key, wants, value, faults);
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
        value: &Spanned<DeValue<'_>>,
        faults: &mut Faults,
    ) {
        let what = format!("{key} is {}", kind(value.get_ref()));
        faults.add(&value.span(), what, format!("{key} takes {wants}"));
    }
}

/// An integer's value, if it fits.
pub(super) fn whole_number(value: &DeValue<'_>) -> Option<i64> {
    let integer = value.as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// A value's kind in words.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(true) => "true",
        DeValue::Boolean(false) => "false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// The place in the file of `part` of the string `value`, which stands at `span` in its quotes; the whole of `span`
/// where escapes keep them from agreeing.
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
