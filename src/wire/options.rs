//! TCP options, in the order and with the padding in which they stand in the header (RFC 9293 3.2).
//!
//! They are kept as bytes, inline and validated: a segment costs no allocation, and a value is read when asked for.

use std::fmt;
use std::ops::{Deref, DerefMut};

use super::{Seq, WireError};

/// Most bytes of options in a header.
const MAX_LEN: usize = 40;
/// Most SACK blocks in a header.
const MAX_BLOCKS: usize = 4;
/// NOP NOP and the timestamp option's kind and length: how nearly every segment begins (RFC 7323 appendix A).
const ALIGNED_TIMESTAMPS: [u8; 4] = [1, 1, 8, 10];
/// What the aligned timestamp option takes, bytes.
const ALIGNED_TIMESTAMPS_LEN: usize = 12;

/// The timestamp option's two values (RFC 7323 3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timestamps {
    /// TSval: the sender's clock.
    pub tsval: u32,
    /// TSecr: the value echoed.
    pub tsecr: u32,
}

/// SACK blocks, left and right edges: at most four, as more do not fit into a header.
#[derive(Clone, Copy, Default)]
pub struct SackBlocks {
    len: u8,
    blocks: [(Seq, Seq); MAX_BLOCKS],
}

impl Deref for SackBlocks {
    type Target = [(Seq, Seq)];
    fn deref(&self) -> &[(Seq, Seq)] {
        &self.blocks[..usize::from(self.len)]
    }
}

impl DerefMut for SackBlocks {
    fn deref_mut(&mut self) -> &mut [(Seq, Seq)] {
        &mut self.blocks[..usize::from(self.len)]
    }
}

/// The first four of them.
impl FromIterator<(Seq, Seq)> for SackBlocks {
    fn from_iter<I: IntoIterator<Item = (Seq, Seq)>>(blocks: I) -> SackBlocks {
        let mut all = SackBlocks::default();
        for (place, block) in all.blocks.iter_mut().zip(blocks) {
            *place = block;
            all.len += 1;
        }
        all
    }
}

impl IntoIterator for SackBlocks {
    type Item = (Seq, Seq);
    type IntoIter = std::iter::Take<std::array::IntoIter<(Seq, Seq), MAX_BLOCKS>>;
    fn into_iter(self) -> Self::IntoIter {
        self.blocks.into_iter().take(usize::from(self.len))
    }
}

impl PartialEq for SackBlocks {
    fn eq(&self, other: &SackBlocks) -> bool {
        **self == **other
    }
}

impl Eq for SackBlocks {}

impl fmt::Debug for SackBlocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// What an option that we do not know carries: at most 38 bytes.
#[derive(Clone, Copy)]
pub struct OptionBody {
    len: u8,
    bytes: [u8; MAX_LEN - 2],
}

/// The first 38 of these bytes.
impl From<&[u8]> for OptionBody {
    fn from(body: &[u8]) -> OptionBody {
        let len = body.len().min(MAX_LEN - 2);
        let mut bytes = [0; MAX_LEN - 2];
        bytes[..len].copy_from_slice(&body[..len]);
        OptionBody {
            len: len as u8,
            bytes,
        }
    }
}

impl Deref for OptionBody {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl PartialEq for OptionBody {
    fn eq(&self, other: &OptionBody) -> bool {
        **self == **other
    }
}

impl Eq for OptionBody {}

impl fmt::Debug for OptionBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x?}", &**self)
    }
}

/// One option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    Sack(SackBlocks),
    /// Kind 8.
    Timestamps(Timestamps),
    /// Any other, with its body.
    Unknown(u8, OptionBody),
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

    /// The first option of an area that is not empty, and how many bytes it takes.
    fn parse_one(area: &[u8]) -> Result<(TcpOption, usize), WireError> {
        match area {
            [0, ..] => return Ok((TcpOption::End, 1)),
            [1, ..] => return Ok((TcpOption::Nop, 1)),
            _ => {}
        }
        let &[kind, len, ..] = area else {
            return Err(WireError::Truncated("TCP option"));
        };
        let len = usize::from(len);
        if len < 2 || len > area.len() {
            return Err(WireError::Malformed("TCP option length"));
        }
        Ok((TcpOption::parse_body(kind, &area[2..len])?, len))
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
            _ => TcpOption::Unknown(kind, body.into()),
        })
    }

    /// Bytes that the option takes.
    fn len(&self) -> usize {
        match self {
            TcpOption::End | TcpOption::Nop => 1,
            TcpOption::SackPermitted => 2,
            TcpOption::WindowScale(_) => 3,
            TcpOption::Mss(_) => 4,
            TcpOption::Timestamps(_) => 10,
            TcpOption::Sack(blocks) => 2 + 8 * blocks.len(),
            TcpOption::Unknown(_, body) => 2 + body.len(),
        }
    }

    /// Writes the option to the start of `out`, which is long enough.
    fn emit(&self, out: &mut [u8]) {
        match self {
            TcpOption::End => out[0] = 0,
            TcpOption::Nop => out[0] = 1,
            TcpOption::Mss(mss) => {
                out[..2].copy_from_slice(&[2, 4]);
                out[2..4].copy_from_slice(&mss.to_be_bytes());
            }
            TcpOption::WindowScale(shift) => out[..3].copy_from_slice(&[3, 3, *shift]),
            TcpOption::SackPermitted => out[..2].copy_from_slice(&[4, 2]),
            TcpOption::Sack(blocks) => {
                out[..2].copy_from_slice(&[5, self.len() as u8]);
                for (out, (left, right)) in out[2..].chunks_exact_mut(8).zip(blocks.iter()) {
                    out[..4].copy_from_slice(&left.0.to_be_bytes());
                    out[4..].copy_from_slice(&right.0.to_be_bytes());
                }
            }
            TcpOption::Timestamps(ts) => {
                out[..2].copy_from_slice(&[8, 10]);
                out[2..6].copy_from_slice(&ts.tsval.to_be_bytes());
                out[6..10].copy_from_slice(&ts.tsecr.to_be_bytes());
            }
            TcpOption::Unknown(kind, body) => {
                out[..2].copy_from_slice(&[*kind, self.len() as u8]);
                out[2..self.len()].copy_from_slice(body);
            }
        }
    }
}

/// The options of a segment: at most 40 bytes, each option well-formed.
#[derive(Clone, Copy)]
pub struct Options {
    len: u8,
    bytes: [u8; MAX_LEN],
}

impl Options {
    /// No options.
    pub const fn new() -> Options {
        Options {
            len: 0,
            bytes: [0; MAX_LEN],
        }
    }

    /// NOP NOP and timestamps: what a segment of an open connection carries.
    pub fn aligned_timestamps(ts: Timestamps) -> Options {
        let mut options = Options::new();
        options.bytes[..4].copy_from_slice(&ALIGNED_TIMESTAMPS);
        options.bytes[4..8].copy_from_slice(&ts.tsval.to_be_bytes());
        options.bytes[8..12].copy_from_slice(&ts.tsecr.to_be_bytes());
        options.len = ALIGNED_TIMESTAMPS_LEN as u8;
        options
    }

    /// Reads an option area. What follows an end-of-list is dropped.
    pub fn parse(area: &[u8]) -> Result<Options, WireError> {
        if area.len() > MAX_LEN {
            return Err(WireError::Malformed("TCP option area"));
        }
        match well_formed(area) {
            (len, None) => Ok(Options::copied(&area[..len])),
            (_, Some(error)) => Err(error),
        }
    }

    /// Reads an option area as far as its options are whole and well-formed.
    pub fn parse_prefix(area: &[u8]) -> Options {
        let area = &area[..area.len().min(MAX_LEN)];
        Options::copied(&area[..well_formed(area).0])
    }

    fn copied(area: &[u8]) -> Options {
        let mut options = Options::new();
        options.bytes[..area.len()].copy_from_slice(area);
        options.len = area.len() as u8;
        options
    }

    /// Appends an option; one that no longer fits into 40 bytes is left out.
    pub fn push(&mut self, option: TcpOption) {
        let (len, more) = (usize::from(self.len), option.len());
        if len + more <= MAX_LEN {
            option.emit(&mut self.bytes[len..]);
            self.len += more as u8;
        }
    }

    /// Lets `change` change each option.
    pub fn for_each_mut(&mut self, mut change: impl FnMut(&mut TcpOption)) {
        let changed = self.iter().map(|mut option| {
            change(&mut option);
            option
        });
        *self = changed.collect();
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes, without the padding behind them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// The bytes as they stand in a header: padded with end-of-list to a multiple of four.
    pub fn padded(&self) -> &[u8] {
        // what lies behind `len` is zero
        &self.bytes[..usize::from(self.len).next_multiple_of(4)]
    }

    /// The options in their order.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.as_bytes())
    }

    fn area_of(&self, wanted: u8) -> Option<&[u8]> {
        let mut area = self.as_bytes();
        while let [kind, rest @ ..] = area {
            area = match (*kind, rest.first()) {
                (kind, Some(len)) if kind == wanted => {
                    return rest.get(1..usize::from(*len).checked_sub(1)?);
                }
                (0, _) => return None,
                (1, _) => rest,
                (_, Some(len)) => rest.get(usize::from(*len).checked_sub(1)?..)?,
                (_, None) => return None,
            };
        }
        None
    }

    /// The timestamp option, if there.
    #[inline]
    pub fn timestamps(&self) -> Option<Timestamps> {
        let body =
            if self.len >= ALIGNED_TIMESTAMPS_LEN as u8 && self.bytes[..4] == ALIGNED_TIMESTAMPS {
                &self.bytes[4..12]
            } else {
                self.area_of(8)?
            };
        Some(Timestamps {
            tsval: be32(body),
            tsecr: be32(&body[4..]),
        })
    }

    /// The timestamp option, if the options are NOP NOP and it, and no more.
    #[inline]
    pub fn only_aligned_timestamps(&self) -> Option<Timestamps> {
        let aligned =
            self.len == ALIGNED_TIMESTAMPS_LEN as u8 && self.bytes[..4] == ALIGNED_TIMESTAMPS;
        self.timestamps().filter(|_| aligned)
    }

    /// The MSS option, if there.
    pub fn mss(&self) -> Option<u16> {
        let body = self.area_of(2)?;
        Some(u16::from_be_bytes([body[0], body[1]]))
    }

    /// The window scale option, if there.
    pub fn window_scale(&self) -> Option<u8> {
        self.area_of(3)?.first().copied()
    }

    /// Whether SACK is permitted.
    pub fn sack_permitted(&self) -> bool {
        self.area_of(4).is_some()
    }

    /// The SACK blocks; none without the option.
    pub fn sack_blocks(&self) -> SackBlocks {
        if self.len <= ALIGNED_TIMESTAMPS_LEN as u8 && self.only_aligned_timestamps().is_some() {
            return SackBlocks::default();
        }
        let body = self.area_of(5).unwrap_or_default();
        body.chunks_exact(8)
            .map(|b| (Seq(be32(b)), Seq(be32(&b[4..]))))
            .collect()
    }
}

/// Returns how many bytes at the start of an area are options, up to and with an end-of-list, and what is wrong with the rest.
fn well_formed(area: &[u8]) -> (usize, Option<WireError>) {
    if area.len() == ALIGNED_TIMESTAMPS_LEN && area.starts_with(&ALIGNED_TIMESTAMPS) {
        return (area.len(), None);
    }
    let mut len = 0;
    while len < area.len() {
        match TcpOption::parse_one(&area[len..]) {
            Ok((TcpOption::End, taken)) => return (len + taken, None),
            Ok((_, taken)) => len += taken,
            Err(error) => return (len, Some(error)),
        }
    }
    (len, None)
}

impl Default for Options {
    fn default() -> Options {
        Options::new()
    }
}

impl PartialEq for Options {
    fn eq(&self, other: &Options) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Options {}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Extend<TcpOption> for Options {
    fn extend<I: IntoIterator<Item = TcpOption>>(&mut self, options: I) {
        options.into_iter().for_each(|o| self.push(o));
    }
}

impl FromIterator<TcpOption> for Options {
    fn from_iter<I: IntoIterator<Item = TcpOption>>(options: I) -> Options {
        let mut all = Options::new();
        all.extend(options);
        all
    }
}

impl<const N: usize> From<[TcpOption; N]> for Options {
    fn from(options: [TcpOption; N]) -> Options {
        options.into_iter().collect()
    }
}

impl From<Vec<TcpOption>> for Options {
    fn from(options: Vec<TcpOption>) -> Options {
        options.into_iter().collect()
    }
}

/// The options of an area, one after the other.
#[derive(Clone, Debug)]
pub struct Iter<'a>(&'a [u8]);

impl Iterator for Iter<'_> {
    type Item = TcpOption;

    fn next(&mut self) -> Option<TcpOption> {
        if self.0.is_empty() {
            return None;
        }
        // they were validated when they came in
        let (option, taken) = TcpOption::parse_one(self.0).ok()?;
        self.0 = &self.0[taken..];
        Some(option)
    }
}

impl<'a> IntoIterator for &'a Options {
    type Item = TcpOption;
    type IntoIter = Iter<'a>;
    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}
