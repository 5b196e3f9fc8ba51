//! The counters of a network namespace: `Tcp` of /proc/net/snmp and `TcpExt` of /proc/net/netstat.

use std::io;

/// Reads all counters of this thread's network namespace, in the order of the files: group, name, value. Most values are
/// counts; a few are settings or current amounts (RtoMin, CurrEstab).
pub fn here() -> io::Result<Vec<(String, String, i64)>> {
    let mut all = Vec::new();
    for file in ["snmp", "netstat"] {
        let text = std::fs::read_to_string(format!("/proc/thread-self/net/{file}"))?;
        all.extend(parse(&text));
    }
    Ok(all)
}

/// Parses pairs of lines. Each line begins with its group; the first has the names, the second the values.
fn parse(text: &str) -> Vec<(String, String, i64)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut all = Vec::new();
    for pair in lines.chunks_exact(2) {
        let (mut names, mut values) = (pair[0].split_whitespace(), pair[1].split_whitespace());
        let group = names.next().and_then(|g| g.strip_suffix(':'));
        values.next();
        let Some(group) = group.filter(|g| matches!(*g, "Tcp" | "TcpExt")) else {
            continue;
        };
        let row = names.zip(values);
        all.extend(row.filter_map(|(name, value)| {
            Some((group.to_owned(), name.to_owned(), value.parse().ok()?))
        }));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_stand_in_two_lines() {
        let text = "Ip: Forwarding\nIp: 1\nTcp: MaxConn InSegs\nTcp: -1 7\nTcpExt: TW\nTcpExt: x\n";
        let row = |name: &str, value| ("Tcp".to_owned(), name.to_owned(), value);
        assert_eq!(parse(text), [row("MaxConn", -1), row("InSegs", 7)]);
        assert!(here().is_ok_and(|all| all.len() > 80));
    }
}
