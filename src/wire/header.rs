//! What the headers of both IP versions say (RFC 791, RFC 8200).

use std::net::IpAddr;
use std::ops::Range;

use smoltcp::wire::IpProtocol;

/// The fields of a header that was read, and where in the bytes its payload stands.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    pub(super) ident: u16,
    pub(super) dont_frag: bool,
    pub(super) ttl: u8,
    pub(super) tos: u8,
    pub(super) flow_label: u32,
    pub(super) protocol: IpProtocol,
    pub(super) payload: Range<usize>,
}
