//! smoltcp's sockets as released, doing the same: one data packet in, read, its ACK out.

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Loopback, Medium};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};

use super::{Clock, of_five};
use crate::measure::{Outcome, Settings};

/// Data of a packet, bytes.
const DATA: usize = 512;
const BUFFER: usize = 65_536;
/// Exchanges of a run: fewer where each takes long.
const WORK: u32 = 2_000_000;

fn socket(bytes: usize) -> tcp::Socket<'static> {
    let buffer = || tcp::SocketBuffer::new(vec![0; bytes]);
    let mut socket = tcp::Socket::new(buffer(), buffer());
    socket.set_ack_delay(None);
    socket.set_nagle_enabled(false);
    socket
}

struct Stock {
    device: Loopback,
    interface: Interface,
    sockets: SocketSet<'static>,
    client: SocketHandle,
    server: SocketHandle,
    now_us: i64,
}

impl Stock {
    /// Two connected sockets and idle ones that listen elsewhere.
    fn new(idle: u32) -> Outcome<Stock> {
        let mut device = Loopback::new(Medium::Ip);
        let config = Config::new(HardwareAddress::Ip);
        let mut interface = Interface::new(config, &mut device, Instant::ZERO);
        interface.update_ip_addrs(|addrs| {
            let _ = addrs.push(IpCidr::new(IpAddress::v4(127, 0, 0, 1), 8));
        });
        let mut sockets = SocketSet::new(Vec::new());
        let mut server = socket(BUFFER);
        server.listen(7_777)?;
        let mut client = socket(BUFFER);
        client.connect(
            interface.context(),
            (IpAddress::v4(127, 0, 0, 1), 7_777),
            40_000,
        )?;
        let (server, client) = (sockets.add(server), sockets.add(client));
        for _ in 0..idle {
            let mut waiting = socket(1);
            waiting.listen(1)?;
            sockets.add(waiting);
        }
        let mut stock = Stock {
            device,
            interface,
            sockets,
            client,
            server,
            now_us: 0,
        };
        for _ in 0..4 {
            stock.poll();
        }
        match stock.sockets.get::<tcp::Socket>(stock.client).may_send() {
            true => Ok(stock),
            false => Err("smoltcp did not connect".into()),
        }
    }

    fn poll(&mut self) {
        self.now_us += 10;
        let now = Instant::from_micros(self.now_us);
        self.interface
            .poll(now, &mut self.device, &mut self.sockets);
    }

    fn exchange(&mut self) -> Outcome<()> {
        let client = self.sockets.get_mut::<tcp::Socket>(self.client);
        client.send_slice(&[7; DATA])?;
        let mut buffer = [0; DATA];
        let mut read = 0;
        while read < DATA {
            self.poll();
            let server = self.sockets.get_mut::<tcp::Socket>(self.server);
            read += server.recv_slice(&mut buffer)?;
        }
        // the window update, the ACK
        while self.sockets.get::<tcp::Socket>(self.client).send_queue() > 0 {
            self.poll();
        }
        Ok(())
    }
}

/// Nanoseconds of a data packet, its reading and its ACK: both ends, so half of an exchange.
pub(super) fn data_in(settings: Settings, idle: u32) -> Outcome<f64> {
    let mut stock = Stock::new(idle)?;
    let exchanges = if settings.quick {
        10
    } else {
        (WORK / (idle + 20)).max(20)
    };
    of_five(settings, || {
        let began = Clock::now();
        for _ in 0..exchanges {
            stock.exchange()?;
        }
        Ok(began.elapsed().as_nanos() as f64 / f64::from(exchanges) / 2.0)
    })
}
