//! All IP traffic that is not TCP: smoltcp's `Interface` answers echo requests, refuses UDP and unknown protocols with
//! ICMP errors, and reassembles IPv4 fragments. Reassembled TCP segments come back through a raw socket of smoltcp.
//!
//! IPv6 fragments are not reassembled, because smoltcp does not do so. A TCP that uses path MTU discovery sends none.

use std::net::IpAddr;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::socket::raw;
use smoltcp::wire::{HardwareAddress, IpCidr, IpProtocol, IpVersion};

use super::device::Device;
use crate::time::Instant;

/// Largest IP datagram, bytes.
const MAX_DATAGRAM: usize = 65_535;

/// Number of fragments of the largest datagram at an MTU of 1280 bytes.
const MOST_FRAGMENTS: usize = MAX_DATAGRAM / 1256 + 1;

/// The IP layer without TCP.
pub(crate) struct NotTcp {
    interface: Interface,
    sockets: SocketSet<'static>,
    reassembled: SocketHandle,
    device: Device,
}

impl std::fmt::Debug for NotTcp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NotTcp({:?})", self.interface.ip_addrs())
    }
}

fn smoltcp_time(at: Instant) -> smoltcp::time::Instant {
    smoltcp::time::Instant::from_micros(at.us() as i64)
}

impl NotTcp {
    /// Creates it for a host with these addresses (and the lengths of their prefixes) and this MTU in bytes.
    pub(crate) fn new(addrs: &[(IpAddr, u8)], mtu: usize, seed: u64) -> NotTcp {
        let mut device = Device::new(mtu);
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = seed;
        let mut interface = Interface::new(config, &mut device, smoltcp::time::Instant::ZERO);
        interface.update_ip_addrs(|own| {
            for (addr, prefix) in addrs {
                if own.push(IpCidr::new((*addr).into(), *prefix)).is_err() {
                    log::warn!("smoltcp has no space for the address {addr}: TCP uses it, but it does not answer ping");
                }
            }
        });
        let buffer = || {
            raw::PacketBuffer::new(
                vec![raw::PacketMetadata::EMPTY; 8],
                vec![0; 2 * MAX_DATAGRAM],
            )
        };
        let whole = raw::Socket::new(
            Some(IpVersion::Ipv4),
            Some(IpProtocol::Tcp),
            buffer(),
            buffer(),
        );
        let mut sockets = SocketSet::new(Vec::new());
        let reassembled = sockets.add(whole);
        NotTcp {
            interface,
            sockets,
            reassembled,
            device,
        }
    }

    /// Takes a datagram that is not an unfragmented TCP segment.
    pub(crate) fn on_packet(&mut self, at: Instant, bytes: &[u8]) {
        self.device.arrived.push_back(bytes.to_vec());
        let now = smoltcp_time(at);
        // a long answer is sent one fragment at a time
        for _ in 0..MOST_FRAGMENTS {
            self.interface
                .poll(now, &mut self.device, &mut self.sockets);
            let next = self.interface.poll_at(now, &self.sockets);
            if next.is_none_or(|next| next > now) {
                break;
            }
        }
    }

    /// Returns the next datagram to send.
    pub(crate) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.device.sent.pop_front()
    }

    /// Returns the next TCP segment that was reassembled from fragments, as a datagram.
    pub(crate) fn poll_reassembled(&mut self) -> Option<Vec<u8>> {
        let socket = self.sockets.get_mut::<raw::Socket>(self.reassembled);
        socket.recv().ok().map(<[u8]>::to_vec)
    }
}
