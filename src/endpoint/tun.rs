//! The TUN: the wire's end in a namespace, made with the `tun-tap` crate, configured over rtnetlink.
//!
//! It is not persistent: it is gone when its descriptor is closed, however the process ends.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use tun_tap::{Iface, Mode};

use super::netlink::{ACK, CREATE, Netlink, REQUEST, push_attribute};

const RTM_NEWLINK: u16 = 16;
const RTM_NEWADDR: u16 = 20;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const IFLA_MTU: u16 = 4;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
/// IFA_F_NODAD: nobody is asked whether the address is taken.
const NODAD: u8 = 2;
/// The loopback interface is the first of every namespace.
const LOOPBACK: u32 = 1;
const IFF_UP: u32 = 1;

/// A TUN of the namespace that it was opened in.
#[derive(Debug)]
pub struct Tun {
    fd: OwnedFd,
    name: String,
    mtu: u32,
}

impl Tun {
    /// Makes a TUN of this name in the calling thread's namespace; nonblocking, without packet information.
    pub(super) fn open(name: &str) -> io::Result<Tun> {
        let iface = Iface::without_packet_info(name, Mode::Tun)?;
        let name = iface.name().to_owned();
        let fd = super::sys::into_descriptor(iface);
        rustix::io::ioctl_fionbio(&fd, true)?;
        Ok(Tun {
            fd,
            name,
            mtu: 1500,
        })
    }

    /// Gives it an address with a connected route, an MTU in bytes, and sets it up.
    pub(super) fn configure(&mut self, addr: Ipv4Addr, prefix: u8, mtu: u32) -> io::Result<()> {
        let mut route = Netlink::open(None)?;
        let index = self.index()?;
        let mut address = vec![AF_INET, prefix, 0, 0];
        address.extend(index.to_ne_bytes());
        push_attribute(&mut address, IFA_LOCAL, &addr.octets());
        push_attribute(&mut address, IFA_ADDRESS, &addr.octets());
        route.ask(RTM_NEWADDR, REQUEST | ACK | CREATE, &address)?;

        let mut link = up(index);
        push_attribute(&mut link, IFLA_MTU, &mtu.to_ne_bytes());
        route.ask(RTM_NEWLINK, REQUEST | ACK, &link)?;
        self.mtu = mtu;
        Ok(())
    }

    /// Gives it an IPv6 address with a connected route, usable at once.
    pub(super) fn add_ipv6(&self, addr: Ipv6Addr, prefix: u8) -> io::Result<()> {
        let mut address = vec![AF_INET6, prefix, NODAD, 0];
        address.extend(self.index()?.to_ne_bytes());
        push_attribute(&mut address, IFA_LOCAL, &addr.octets());
        push_attribute(&mut address, IFA_ADDRESS, &addr.octets());
        Netlink::open(None)?.ask(RTM_NEWADDR, REQUEST | ACK | CREATE, &address)?;
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

    /// The interface's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The next datagram that the namespace sent; none where none waits.
    pub fn read(&self) -> io::Result<Option<Vec<u8>>> {
        let mut buffer = vec![0; self.mtu as usize + 64];
        loop {
            match rustix::io::read(&self.fd, &mut buffer) {
                Ok(len) => {
                    buffer.truncate(len);
                    return Ok(Some(buffer));
                }
                Err(rustix::io::Errno::AGAIN) => return Ok(None),
                Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }

    /// Hands a datagram to the namespace; its TCP has dealt with it when this returns.
    pub fn write(&self, datagram: &[u8]) -> io::Result<()> {
        rustix::io::write(&self.fd, datagram)?;
        Ok(())
    }
}

/// An `ifinfomsg` that sets an interface up; ifi_family, padding and ifi_type are zero.
fn up(index: u32) -> Vec<u8> {
    let mut link = vec![0; 4];
    link.extend(index.to_ne_bytes());
    link.extend(IFF_UP.to_ne_bytes());
    link.extend(IFF_UP.to_ne_bytes());
    link
}

/// Sets the loopback interface of the calling thread's namespace up.
pub(super) fn loopback_up() -> io::Result<()> {
    Netlink::open(None)?.ask(RTM_NEWLINK, REQUEST | ACK, &up(LOOPBACK))?;
    Ok(())
}

impl AsFd for Tun {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
