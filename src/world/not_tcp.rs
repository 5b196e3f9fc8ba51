//! All that is not TCP: smoltcp's `Interface` answers echo requests, refuses UDP and unknown protocols by ICMP, and puts
//! IPv4 fragments together. Fragmented TCP comes back whole, through a raw socket of smoltcp's.
//!
//! Fragments of IPv6 are not put together (smoltcp does not); a TCP that discovers its path MTU sends none.

use std::net::IpAddr;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::socket::raw;
use smoltcp::wire::{HardwareAddress, IpCidr, IpProtocol, IpVersion};

use super::device::Device;
use crate::time::Instant;

/// Largest IP datagram, bytes.
const MAX_DATAGRAM: usize = 65_535;

/// Fragments of such a one at an MTU of 1280 bytes.
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
    /// For a host with these addresses (and the lengths of their prefixes) and this MTU in bytes.
    pub(crate) fn new(addrs: &[(IpAddr, u8)], mtu: usize, seed: u64) -> NotTcp {
        let mut device = Device::new(mtu);
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = seed;
        let mut interface = Interface::new(config, &mut device, smoltcp::time::Instant::ZERO);
        interface.update_ip_addrs(|own| {
            for (addr, prefix) in addrs {
                if own.push(IpCidr::new((*addr).into(), *prefix)).is_err() {
                    log::warn!("{addr} is one address too many for ping; TCP has it");
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

    /// A datagram that is not an unfragmented TCP segment.
    pub(crate) fn on_packet(&mut self, at: Instant, bytes: &[u8]) {
        self.device.arrived.push_back(bytes.to_vec());
        let now = smoltcp_time(at);
        // a long answer leaves as one fragment at a time
        for _ in 0..MOST_FRAGMENTS {
            self.interface
                .poll(now, &mut self.device, &mut self.sockets);
            let next = self.interface.poll_at(now, &self.sockets);
            if next.is_none_or(|next| next > now) {
                break;
            }
        }
    }

    /// The next datagram to send.
    pub(crate) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.device.sent.pop_front()
    }

    /// The next TCP segment put together from fragments, as a datagram.
    pub(crate) fn poll_reassembled(&mut self) -> Option<Vec<u8>> {
        let socket = self.sockets.get_mut::<raw::Socket>(self.reassembled);
        socket.recv().ok().map(<[u8]>::to_vec)
    }
}
