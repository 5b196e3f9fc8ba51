//! TCP options, in the order and with the padding in which they stand in the header.

use super::{Seq, WireError};

/// The timestamp option's two values (RFC 7323 3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timestamps {
    /// TSval: the sender's clock.
    pub tsval: u32,
    /// TSecr: the value echoed.
    pub tsecr: u32,
}

/// One option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TcpOption {
    /// Kind 0; what follows it is padding.
    End,
    /// Kind 1.
    Nop,
    /// Kind 2: maximum segment size, bytes.
    Mss(u16),
    /// Kind 3: window shift.
    WindowScale(u8),
    /// Kind 4.
    SackPermitted,
    /// Kind 5: left and right edges.
    Sack(Vec<(Seq, Seq)>),
    /// Kind 8.
    Timestamps(Timestamps),
    /// Any other, with its body.
    Unknown(u8, Vec<u8>),
}

fn be32(b: &[u8]) -> u32 {
    u32::from_be_bytes([b[0], b[1], b[2], b[3]])
}

impl TcpOption {
    /// The recordings' word for it.
    pub const fn name(&self) -> &'static str {
        match self {
            TcpOption::End => "eol",
            TcpOption::Nop => "nop",
            TcpOption::Mss(_) => "mss",
            TcpOption::WindowScale(_) => "wscale",
            TcpOption::SackPermitted => "sackok",
            TcpOption::Sack(_) => "sack",
            TcpOption::Timestamps(_) => "ts",
            TcpOption::Unknown(..) => "unknown",
        }
    }

    /// Reads an option area. What follows an end-of-list is dropped.
    pub fn parse_all(mut area: &[u8]) -> Result<Vec<TcpOption>, WireError> {
        let mut options = Vec::new();
        while let Some((&kind, rest)) = area.split_first() {
            match kind {
                0 => {
                    options.push(TcpOption::End);
                    break;
                }
                1 => {
                    options.push(TcpOption::Nop);
                    area = rest;
                    continue;
                }
                _ => {}
            }
            let len = usize::from(*rest.first().ok_or(WireError::Truncated("TCP option"))?);
            if len < 2 || len > area.len() {
                return Err(WireError::Malformed("TCP option length"));
            }
            options.push(TcpOption::parse_body(kind, &area[2..len])?);
            area = &area[len..];
        }
        Ok(options)
    }

    fn parse_body(kind: u8, body: &[u8]) -> Result<TcpOption, WireError> {
        Ok(match (kind, body.len()) {
            (2, 2) => TcpOption::Mss(u16::from_be_bytes([body[0], body[1]])),
            (3, 1) => TcpOption::WindowScale(body[0]),
            (4, 0) => TcpOption::SackPermitted,
            (5, n) if n > 0 && n % 8 == 0 => TcpOption::Sack(
                body.chunks_exact(8)
                    .map(|b| (Seq(be32(b)), Seq(be32(&b[4..]))))
                    .collect(),
            ),
            (8, 8) => TcpOption::Timestamps(Timestamps {
                tsval: be32(body),
                tsecr: be32(&body[4..]),
            }),
            (2..=5 | 8, _) => return Err(WireError::Malformed("TCP option length")),
            _ => TcpOption::Unknown(kind, body.to_vec()),
        })
    }

    /// Appends the option's bytes.
    pub fn emit(&self, out: &mut Vec<u8>) {
        match self {
            TcpOption::End => out.push(0),
            TcpOption::Nop => out.push(1),
            TcpOption::Mss(mss) => {
                out.extend([2, 4]);
                out.extend(mss.to_be_bytes());
            }
            TcpOption::WindowScale(shift) => out.extend([3, 3, *shift]),
            TcpOption::SackPermitted => out.extend([4, 2]),
            TcpOption::Sack(blocks) => {
                out.extend([5, 2 + 8 * blocks.len() as u8]);
                for (left, right) in blocks {
                    out.extend(left.0.to_be_bytes());
                    out.extend(right.0.to_be_bytes());
                }
            }
            TcpOption::Timestamps(ts) => {
                out.extend([8, 10]);
                out.extend(ts.tsval.to_be_bytes());
                out.extend(ts.tsecr.to_be_bytes());
            }
            TcpOption::Unknown(kind, body) => {
                out.extend([*kind, 2 + body.len() as u8]);
                out.extend(body);
            }
        }
    }
}
