//! Ranges of ports as the kernel's files write them.

use super::{SysctlError, quoted};

/// Most ranges of reserved ports; the kernel takes any number.
pub(super) const RANGES: usize = 16;

/// First and last port: `32768 60999`; the second is kept where only the first is given, as in the kernel.
pub(super) fn range(old: [u16; 2], text: &str) -> Result<[u16; 2], SysctlError> {
    let words: Option<Vec<u16>> = text.split_whitespace().map(|w| w.parse().ok()).collect();
    let (low, high) = match words.as_deref() {
        Some([low, high]) => (*low, *high),
        Some([low]) => (*low, old[1]),
        _ => (0, 0),
    };
    // a process without rights could not bind to the ports below
    if (1024..=high).contains(&low) {
        return Ok([low, high]);
    }
    Err(SysctlError::Value {
        name: "ip_local_port_range",
        wants: "two numbers from 1024 to 65535, the first not above the second".to_owned(),
        got: quoted(text),
    })
}

/// Ports and ranges of them: `8080,9148-9150`; empty for none. In order, and joined where they touch.
pub(super) fn ranges(text: &str) -> Result<[[u16; 2]; RANGES], SysctlError> {
    let refused = || SysctlError::Value {
        name: "ip_local_reserved_ports",
        wants: format!("at most {RANGES} ports and ranges of ports with commas between them"),
        got: quoted(text),
    };
    let mut ranges = Vec::new();
    for part in text.trim().split(',').filter(|p| !p.is_empty()) {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        let parsed = (low.parse::<u16>(), high.parse::<u16>());
        match parsed {
            (Ok(low), Ok(high)) if low <= high => ranges.push([low, high]),
            _ => return Err(refused()),
        }
    }
    ranges.sort_unstable();
    let mut merged: Vec<[u16; 2]> = Vec::new();
    for [low, high] in ranges {
        match merged
            .last_mut()
            .filter(|last| low <= last[1].saturating_add(1))
        {
            Some(last) => last[1] = last[1].max(high),
            None => merged.push([low, high]),
        }
    }
    if merged.len() > RANGES {
        return Err(refused());
    }
    merged.resize(RANGES, [0; 2]);
    merged.try_into().map_err(|_| refused())
}

/// The same as text.
pub(super) fn text(ranges: &[[u16; 2]]) -> String {
    let one = |[low, high]: &[u16; 2]| match low == high {
        true => low.to_string(),
        false => format!("{low}-{high}"),
    };
    let used = ranges.iter().filter(|r| r[1] > 0);
    used.map(one).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_come_back_from_their_text() {
        for (text_in, parsed) in [
            ("", ""),
            ("8080", "8080"),
            ("8080,9148-9150", "8080,9148-9150"),
            ("10,9,8,7", "7-10"),
            ("1-3,3-6", "1-6"),
        ] {
            let ranges = ranges(text_in).expect("ranges");
            assert_eq!(text(&ranges), parsed);
        }
        let many: Vec<String> = (0..17).map(|n| (2 * n + 1).to_string()).collect();
        assert!(ranges(&many.join(",")).is_err());
        for wrong in ["x", "2-1", "1-", "65536"] {
            assert!(ranges(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_range_is_two_ports_in_order() {
        let old = [32_768, 60_999];
        assert_eq!(range(old, "1024\t65535"), Ok([1024, 65_535]));
        assert_eq!(range(old, "2000"), Ok([2000, 60_999]));
        for wrong in ["", "2000 1999", "80 90", "1 2 3", "1024 65536", "61000"] {
            assert!(range(old, wrong).is_err(), "{wrong}");
        }
    }
}
