//! A network device in memory for smoltcp's interface: two queues of IP datagrams.

use std::collections::VecDeque;

use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

/// The two queues of the device.
#[derive(Debug)]
pub(crate) struct Device {
    /// Datagrams for the interface, oldest first.
    pub(crate) arrived: VecDeque<Vec<u8>>,
    /// Datagrams from the interface, oldest first.
    pub(crate) sent: VecDeque<Vec<u8>>,
    mtu: usize,
}

impl Device {
    /// Creates a device with empty queues and this MTU in bytes.
    pub(crate) fn new(mtu: usize) -> Device {
        Device {
            arrived: VecDeque::new(),
            sent: VecDeque::new(),
            mtu,
        }
    }
}

/// One datagram for the interface.
pub(crate) struct Rx(Vec<u8>);

/// The permission to send one datagram from the interface.
pub(crate) struct Tx<'a>(&'a mut VecDeque<Vec<u8>>);

impl phy::RxToken for Rx {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl phy::TxToken for Tx<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut bytes = vec![0; len];
        let result = f(&mut bytes);
        self.0.push_back(bytes);
        result
    }
}

impl phy::Device for Device {
    type RxToken<'a> = Rx;
    type TxToken<'a> = Tx<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(Rx, Tx<'_>)> {
        let bytes = self.arrived.pop_front()?;
        Some((Rx(bytes), Tx(&mut self.sent)))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Tx<'_>> {
        Some(Tx(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu;
        capabilities
    }
}
