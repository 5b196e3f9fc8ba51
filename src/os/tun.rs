//! The TUN, a network interface whose packets this program reads and writes. It is created with the `tun-tap` crate (with
//! offload: by hand) and configured over rtnetlink.
//!
//! It is not persistent: it disappears when its descriptor is closed, however the process ends.

use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use libc::{IFA_ADDRESS, IFA_LOCAL, IFLA_MTU, IFLA_TXQLEN, RTM_NEWADDR, RTM_NEWLINK};
use tun_tap::{Iface, Mode};

use super::netlink::{ACK, CREATE, Netlink, REQUEST, push_attribute};

const AF_INET: u8 = libc::AF_INET as u8;
const AF_INET6: u8 = libc::AF_INET6 as u8;
const IFA_F_NODAD: u8 = libc::IFA_F_NODAD as u8;
const IFF_UP: u32 = libc::IFF_UP as u32;
/// The loopback device of every namespace has this index.
const LOOPBACK: u32 = 1;

/// The properties of a TUN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// Each datagram begins with a `struct virtio_net_hdr` of [`Device::HEADER_LEN`] bytes, and the kernel leaves work to
    /// the reader: checksums, and the segmentation of pieces of up to 64 KB of one connection (IFF_VNET_HDR, TUN_F_CSUM,
    /// TUN_F_TSO4, TUN_F_TSO6).
    pub offload: bool,
    /// How many packets may wait to be read; further ones are lost. None means the kernel's default of 500.
    pub queue_len: Option<u32>,
}

impl Device {
    /// Length of `struct virtio_net_hdr`, bytes.
    pub const HEADER_LEN: usize = 10;
}

/// A TUN, which belongs to the network namespace in which it was opened.
#[derive(Debug)]
pub struct Tun {
    fd: OwnedFd,
    name: String,
    mtu: u32,
    device: Device,
}

impl Tun {
    /// Creates a TUN with this name in the network namespace of the calling thread: nonblocking, without packet
    /// information.
    pub(super) fn open(name: &str, device: Device) -> io::Result<Tun> {
        let (fd, name) = if device.offload {
            // tun-tap knows neither IFF_VNET_HDR nor TUNSETOFFLOAD
            let (fd, name) = super::sys::open_tun(name, libc::IFF_VNET_HDR)?;
            let features = libc::TUN_F_CSUM | libc::TUN_F_TSO4 | libc::TUN_F_TSO6;
            super::sys::set_tun_offload(fd.as_fd(), features)?;
            (fd, name)
        } else {
            let iface = Iface::without_packet_info(name, Mode::Tun)?;
            let name = iface.name().to_owned();
            (super::sys::into_descriptor(iface), name)
        };
        rustix::io::ioctl_fionbio(&fd, true)?;
        // a program that is started must not inherit the TUN
        rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC)?;
        Ok(Tun {
            fd,
            name,
            mtu: 1500,
            device,
        })
    }

    /// Assigns an address with a connected route. For an IPv6 address there is no duplicate address detection.
    pub(super) fn add_address(&self, addr: IpAddr, prefix: u8) -> io::Result<()> {
        let (family, octets, flags) = match addr {
            IpAddr::V4(v4) => (AF_INET, v4.octets().to_vec(), 0),
            IpAddr::V6(v6) => (AF_INET6, v6.octets().to_vec(), IFA_F_NODAD),
        };
        let mut address = vec![family, prefix, flags, 0];
        address.extend(self.index()?.to_ne_bytes());
        push_attribute(&mut address, IFA_LOCAL, &octets);
        push_attribute(&mut address, IFA_ADDRESS, &octets);
        Netlink::open(None)?.ask(RTM_NEWADDR, REQUEST | ACK | CREATE, &address)?;
        Ok(())
    }

    /// Brings the interface up, with an MTU in bytes.
    pub(super) fn set_up(&mut self, mtu: u32) -> io::Result<()> {
        let mut link = up(self.index()?);
        push_attribute(&mut link, IFLA_MTU, &mtu.to_ne_bytes());
        if let Some(len) = self.device.queue_len {
            push_attribute(&mut link, IFLA_TXQLEN, &len.to_ne_bytes());
        }
        Netlink::open(None)?.ask(RTM_NEWLINK, REQUEST | ACK, &link)?;
        self.mtu = mtu;
        Ok(())
    }

    fn index(&self) -> io::Result<u32> {
        let any = rustix::net::socket(
            rustix::net::AddressFamily::INET,
            rustix::net::SocketType::DGRAM,
            None,
        )?;
        Ok(rustix::net::netdevice::name_to_index(&any, &self.name)?)
    }

    /// Returns its properties.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Returns the name of the interface.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the next datagram that the kernel sent, or None if there is none.
    pub fn read(&self) -> io::Result<Option<Vec<u8>>> {
        let mut buffer = vec![0; self.mtu as usize + 64];
        let len = self.read_into(&mut buffer)?;
        Ok(len.map(|len| {
            buffer.truncate(len);
            buffer
        }))
    }

    /// Reads the next datagram that the kernel sent into `buffer` and returns its length in bytes, or None if there is
    /// none. A datagram that does not fit is truncated.
    pub fn read_into(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match rustix::io::read(&self.fd, &mut *buffer) {
                Ok(len) => return Ok(Some(len)),
                Err(rustix::io::Errno::AGAIN) => return Ok(None),
                Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }

    /// Reads the next datagram like [`read_into`](Tun::read_into), into the spare capacity of `buffer`.
    pub fn read_appending(&self, buffer: &mut Vec<u8>) -> io::Result<Option<usize>> {
        loop {
            match rustix::io::read(&self.fd, rustix::buffer::spare_capacity(&mut *buffer)) {
                Ok(len) => return Ok(Some(len)),
                Err(rustix::io::Errno::AGAIN) => return Ok(None),
                Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }

    /// Writes a datagram like [`write`](Tun::write), given in several pieces.
    pub fn write_split(&self, pieces: &[IoSlice<'_>]) -> io::Result<()> {
        rustix::io::writev(&self.fd, pieces)?;
        Ok(())
    }

    /// Passes a datagram to the kernel, whose TCP has processed it when this returns.
    pub fn write(&self, datagram: &[u8]) -> io::Result<()> {
        rustix::io::write(&self.fd, datagram)?;
        Ok(())
    }
}

/// Brings up the loopback device of the network namespace of the calling thread.
pub(super) fn set_loopback_up() -> io::Result<()> {
    Netlink::open(None)?.ask(RTM_NEWLINK, REQUEST | ACK, &up(LOOPBACK))?;
    Ok(())
}

/// The body of an RTM_NEWLINK that brings a device up.
fn up(index: u32) -> Vec<u8> {
    // ifi_family, padding and ifi_type are zero
    let mut link = vec![0; 4];
    link.extend(index.to_ne_bytes());
    link.extend(IFF_UP.to_ne_bytes());
    link.extend(IFF_UP.to_ne_bytes());
    link
}

impl AsFd for Tun {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
