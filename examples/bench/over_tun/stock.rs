//! The contender "stock smoltcp": `smoltcp::socket::tcp` on `smoltcp::iface::Interface`, as released, on a TUN.
//!
//! Its best reasonable settings: buffers of 4 MiB for the connection that works (4 KiB for idle ones), data written and read
//! in place, a device that reuses its buffers.

use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};

use halfopen::os::Tun;

use super::kernel::{self, ENDPOINT, KERNEL, MTU, PREFIX};
use super::meter::{Meter, Phase, Usage};
use super::{Length, Outcome, PORT, Way};

const BULK_BUFFER: usize = 4 << 20;
const IDLE_BUFFER: usize = 4 << 10;

struct Wire<'a> {
    tun: &'a Tun,
    rx: Vec<u8>,
    tx: Vec<u8>,
}

struct Rx<'a>(&'a [u8]);

struct Tx<'a> {
    tun: &'a Tun,
    buffer: &'a mut Vec<u8>,
}

impl phy::RxToken for Rx<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

impl phy::TxToken for Tx<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        self.buffer.resize(len, 0);
        let result = f(self.buffer);
        if let Err(e) = self.tun.write(self.buffer) {
            eprintln!("the TUN took no packet of {len} bytes: {e}");
        }
        result
    }
}

impl<'t> Device for Wire<'t> {
    type RxToken<'a>
        = Rx<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = Tx<'a>
    where
        Self: 'a;

    fn receive(&mut self, _: Instant) -> Option<(Rx<'_>, Tx<'_>)> {
        let len = rustix::io::read(self.tun, &mut self.rx[..]).ok()?;
        let tx = Tx {
            tun: self.tun,
            buffer: &mut self.tx,
        };
        Some((Rx(&self.rx[..len]), tx))
    }

    fn transmit(&mut self, _: Instant) -> Option<Tx<'_>> {
        Some(Tx {
            tun: self.tun,
            buffer: &mut self.tx,
        })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = MTU as usize;
        capabilities
    }
}

/// A host with one address.
struct Host<'a> {
    wire: Wire<'a>,
    interface: Interface,
    sockets: SocketSet<'static>,
    start: std::time::Instant,
}

impl<'a> Host<'a> {
    fn new(tun: &'a Tun) -> Self {
        let mut wire = Wire {
            tun,
            rx: vec![0; 2048],
            tx: Vec::with_capacity(2048),
        };
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = 7;
        let mut interface = Interface::new(config, &mut wire, Instant::ZERO);
        interface.update_ip_addrs(|addrs| {
            let own = IpCidr::new(IpAddress::Ipv4(ENDPOINT), PREFIX);
            addrs.push(own).expect("the list was empty");
        });
        Host {
            wire,
            interface,
            sockets: SocketSet::new(Vec::new()),
            start: std::time::Instant::now(),
        }
    }

    fn listen(&mut self, buffer: usize) -> Outcome<SocketHandle> {
        let new = || tcp::SocketBuffer::new(vec![0; buffer]);
        let mut socket = tcp::Socket::new(new(), new());
        socket.set_nagle_enabled(false);
        socket.set_congestion_control(tcp::CongestionControl::Cubic);
        socket.listen(PORT)?;
        Ok(self.sockets.add(socket))
    }

    /// Lets the interface work, then waits for a packet or its next deadline where nothing was to do.
    fn turn(&mut self, progress: bool) -> Outcome<()> {
        let now = Instant::from_micros(self.start.elapsed().as_micros() as i64);
        if !progress {
            let longest = smoltcp::time::Duration::from_millis(100);
            let delay = self.interface.poll_delay(now, &self.sockets);
            wait(self.wire.tun, delay.unwrap_or(longest).min(longest).into())?;
        }
        let now = Instant::from_micros(self.start.elapsed().as_micros() as i64);
        self.interface.poll(now, &mut self.wire, &mut self.sockets);
        Ok(())
    }
}

fn wait(tun: &Tun, at_most: Duration) -> Outcome<()> {
    let timeout = Timespec {
        tv_sec: at_most.as_secs() as i64,
        tv_nsec: at_most.subsec_nanos().into(),
    };
    let mut fds = [PollFd::new(tun, PollFlags::IN)];
    match rustix::event::poll(&mut fds, Some(&timeout)) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

/// Bulk: what the endpoint and the kernel did.
pub(crate) fn bulk(way: Way, length: Length) -> Outcome<[Usage; 2]> {
    let mut namespace = kernel::namespace(KERNEL, super::PLAIN, 1)?;
    let socket = namespace.sockets.remove(0);
    let (tun, phase) = (&namespace.tun, &Phase::default());
    std::thread::scope(|scope| {
        let endpoint = scope.spawn(move || serve_bulk(tun, way, phase).map_err(|e| e.to_string()));
        let stream = kernel::connect(socket, ENDPOINT)?;
        let other = scope.spawn(move || way.kernel_side(&stream, phase).map_err(|e| e.to_string()));
        phase.drive(length.warm, length.measured);
        Ok([super::joined(endpoint)?, super::joined(other)?])
    })
}

fn serve_bulk(tun: &Tun, way: Way, phase: &Phase) -> Outcome<Usage> {
    let mut host = Host::new(tun);
    let handle = host.listen(BULK_BUFFER)?;
    let mut meter = Meter::new(phase);
    let mut n = 0;
    loop {
        host.turn(n > 0)?;
        let socket = host.sockets.get_mut::<tcp::Socket>(handle);
        n = match way {
            Way::In if socket.can_recv() => socket.recv(|data| (data.len(), data.len()))?,
            // what the buffer held when it was made is as good as anything
            Way::Out if socket.can_send() => socket.send(|room| (room.len(), room.len()))?,
            _ => 0,
        };
        if !meter.tick(n) {
            return kernel::finished(&meter);
        }
    }
}

/// Round trips of one byte beside so many idle connections.
pub(crate) fn echo(count: usize, idle: usize) -> Outcome<Vec<Duration>> {
    let mut namespace = kernel::namespace(KERNEL, super::PLAIN, 1 + idle)?;
    let sockets = std::mem::take(&mut namespace.sockets);
    let (tun, phase) = (&namespace.tun, &Phase::default());
    std::thread::scope(|scope| {
        let endpoint = scope.spawn(move || serve_echo(tun, phase).map_err(|e| e.to_string()));
        let times = super::echo_client(sockets, count);
        phase.stop();
        super::joined(endpoint)?;
        times
    })
}

fn serve_echo(tun: &Tun, phase: &Phase) -> Outcome<()> {
    let mut host = Host::new(tun);
    let mut newest = host.listen(IDLE_BUFFER)?;
    let mut work = newest;
    while !phase.is_stopped() {
        host.turn(false)?;
        if host.sockets.get::<tcp::Socket>(newest).is_active() {
            work = newest;
            newest = host.listen(IDLE_BUFFER)?;
        }
        // only the connection that was made last works
        let socket = host.sockets.get_mut::<tcp::Socket>(work);
        if socket.can_recv() {
            let mut byte = [0; 64];
            let n = socket.recv_slice(&mut byte)?;
            socket.send_slice(&byte[..n])?;
            host.turn(true)?;
        }
    }
    Ok(())
}
