//! The kernel's end of a run: blocking sockets of a private namespace (or of the loopback), 128 KiB at a time.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use halfopen::os::{Device, Namespace, Wanted, open};

use super::meter::{Meter, Phase, Usage};
use super::{Outcome, PORT};

/// The namespace's end of the wire.
pub(crate) const KERNEL: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// The other end.
pub(crate) const ENDPOINT: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
pub(crate) const PREFIX: u8 = 24;
pub(crate) const MTU: u32 = 1500;
/// Of every socket of the kernel: a machine may have another default.
pub(crate) const CONGESTION: &str = "cubic";
const CHUNK: usize = 128 * 1024;
/// A thread that waits for the other looks at the run's clock so often.
const PATIENCE: Duration = Duration::from_millis(200);

/// A private namespace with a TUN and so many sockets.
pub(crate) fn namespace(addr: Ipv4Addr, device: Device, sockets: usize) -> Outcome<Namespace> {
    Ok(open(&Wanted {
        addr,
        prefix: PREFIX,
        ipv6: None,
        ipv6_sockets: false,
        name: None,
        loopback: true,
        mtu: MTU,
        device,
        sysctl: Vec::new(),
        named: Vec::new(),
        congestion: CONGESTION.to_owned(),
        sockets,
    })?)
}

/// A blocking connection from this socket to the endpoint.
pub(crate) fn connect(socket: OwnedFd, to: Ipv4Addr) -> Outcome<TcpStream> {
    rustix::io::ioctl_fionbio(&socket, false)?;
    rustix::net::connect(&socket, &SocketAddrV4::new(to, PORT))?;
    prepared(TcpStream::from(socket))
}

/// A listener on this socket.
pub(crate) fn listen(socket: OwnedFd, addr: Ipv4Addr) -> Outcome<TcpListener> {
    rustix::io::ioctl_fionbio(&socket, false)?;
    rustix::net::bind(&socket, &SocketAddrV4::new(addr, PORT))?;
    rustix::net::listen(&socket, 64)?;
    Ok(TcpListener::from(socket))
}

/// With timeouts, so that its thread sees the end of the run.
pub(crate) fn prepared(stream: TcpStream) -> Outcome<TcpStream> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Writes until the run is over.
pub(crate) fn write_all(mut stream: &TcpStream, phase: &Phase) -> Outcome<Usage> {
    let mut meter = Meter::new(phase);
    let chunk = vec![b'x'; CHUNK];
    transfer(&mut meter, || stream.write(&chunk))
}

/// Reads until the run is over.
pub(crate) fn read_all(mut stream: &TcpStream, phase: &Phase) -> Outcome<Usage> {
    let mut meter = Meter::new(phase);
    let mut chunk = vec![0; CHUNK];
    transfer(&mut meter, || stream.read(&mut chunk))
}

fn transfer(meter: &mut Meter, mut once: impl FnMut() -> std::io::Result<usize>) -> Outcome<Usage> {
    loop {
        let n = match once() {
            Ok(0) => return finished(meter),
            Ok(n) => n,
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => 0,
            Err(e) => return Err(e.into()),
        };
        if !meter.tick(n) {
            return finished(meter);
        }
    }
}

/// What a thread did, or that it saw no end of the run.
pub(crate) fn finished(meter: &Meter) -> Outcome<Usage> {
    Ok(meter
        .usage()
        .ok_or("nothing moved in the time that counts")?)
}

/// Sends back what comes, a byte at a time, until the connection ends.
pub(crate) fn echo_server(mut stream: &TcpStream, phase: &Phase) -> Outcome<()> {
    let mut byte = [0; 1];
    while !phase.is_stopped() {
        match stream.read(&mut byte) {
            Ok(0) => break,
            Ok(_) => stream.write_all(&byte)?,
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}

/// So many round trips of one byte, the first tenth for warming up: the time of each of the others.
pub(crate) fn round_trips(mut stream: &TcpStream, count: usize) -> Outcome<Vec<Duration>> {
    let mut times = Vec::with_capacity(count);
    let mut byte = [b'x'; 1];
    for _ in 0..count + count / 10 {
        let start = Instant::now();
        stream.write_all(&byte)?;
        stream.read_exact(&mut byte)?;
        times.push(start.elapsed());
    }
    Ok(times.split_off(count / 10))
}
