//! JSON with the spacing of the recordings: `{"t": 0.000434, "who": "wire"}`. Times are in seconds without an exponent.

use std::io;

use serde_json::ser::{Formatter, Serializer};
use serde_json::{Map, Value};

use crate::time::Instant;

/// Returns an object with these members in their order.
pub(super) type Object = Map<String, Value>;

/// Returns an instant in seconds since the start of the run, exact to the nanosecond for the first 50 days.
pub(super) fn seconds(at: Instant) -> Value {
    Value::from(at.secs_f64())
}

/// Returns the instant of a number of seconds, to the nearest nanosecond.
pub(super) fn instant(value: &Value) -> Option<Instant> {
    let ns = (value.as_f64()? * 1e9).round();
    (0.0..18e18)
        .contains(&ns)
        .then(|| Instant::from_ns(ns as u64))
}

/// Returns the value on one line.
pub(super) fn line(value: &Value) -> String {
    let mut out = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut out, Spaced);
    match serde::Serialize::serialize(value, &mut serializer) {
        Ok(()) => String::from_utf8_lossy(&out).into_owned(),
        Err(_) => value.to_string(),
    }
}

/// Formats JSON with a blank after each comma and colon.
struct Spaced;

impl Formatter for Spaced {
    fn write_f64<W: ?Sized + io::Write>(&mut self, out: &mut W, value: f64) -> io::Result<()> {
        let digits = value.to_string();
        let point = if digits.contains('.') { "" } else { ".0" };
        write!(out, "{digits}{point}")
    }

    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> io::Result<()> {
        out.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> io::Result<()> {
        out.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }
}
