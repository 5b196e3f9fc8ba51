//! This crate's endpoint on a TUN: a service in its loop thread.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use halfopen::Endpoint;
use halfopen::call::{Readiness, SocketId};
use halfopen::live::Private;
use halfopen::os::Device;
use halfopen::world::{Net, Service};

use super::kernel::{self, ENDPOINT};
use super::meter::{Meter, Phase, Usage};
use super::{Length, Outcome, PLAIN, PORT, Way};

/// At most so many bytes a call.
const CHUNK: usize = 128 * 1024;

fn open(device: Device, service: Box<dyn Service>) -> Outcome<(Endpoint, Private)> {
    let (endpoint, private) = Endpoint::builder()
        .addr("10.77.0.2/24")
        .seed(7)
        .offload(device.offload)
        .kernel_sysctl("tcp_congestion_control", kernel::CONGESTION)
        .open_private()?;
    endpoint.serve(at(), service)?;
    Ok((endpoint, private))
}

fn at() -> SocketAddr {
    (ENDPOINT, PORT).into()
}

/// Takes or gives as much as it can.
struct Bulk {
    way: Way,
    meter: Meter,
    buffer: Vec<u8>,
    pieces: Vec<Bytes>,
    done: Arc<Mutex<Option<Usage>>>,
}

impl Service for Bulk {
    fn accepted(&mut self, _: &mut Net<'_>, _: SocketId) {}

    fn ready(&mut self, net: &mut Net<'_>, socket: SocketId, _: Readiness) {
        loop {
            let moved = match self.way {
                Way::In => {
                    self.pieces.clear();
                    net.read_bytes(socket, CHUNK, &mut self.pieces)
                }
                Way::Out => net.write(socket, &self.buffer),
            };
            match moved {
                Ok(n) if n > 0 => {
                    self.meter.tick(n);
                    if let Some(usage) = self.meter.usage() {
                        *self.done.lock().expect("nobody panicked") = Some(usage);
                    }
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                _ => return net.close(socket),
            }
        }
    }
}

/// Bulk: what the endpoint and the kernel did.
pub(crate) fn bulk(way: Way, device: Device, length: Length) -> Outcome<[Usage; 2]> {
    let phase = Phase::default();
    let done = Arc::new(Mutex::new(None));
    let (_endpoint, private) = open(
        device,
        Box::new(Bulk {
            way,
            meter: Meter::new(&phase),
            buffer: vec![b'x'; CHUNK],
            pieces: Vec::new(),
            done: done.clone(),
        }),
    )?;
    let stream = kernel::prepared(private.connect(at())?)?;
    let kernel = std::thread::scope(|scope| {
        let phase = &phase;
        let other = scope.spawn(move || way.kernel_side(&stream, phase).map_err(|e| e.to_string()));
        phase.drive(length.warm, length.measured);
        super::joined(other)
    })?;
    let endpoint = *done.lock().map_err(|_| "the loop thread panicked")?;
    Ok([
        endpoint.ok_or("nothing moved in the time that counts")?,
        kernel,
    ])
}

/// Sends back what comes.
struct Echo;

impl Service for Echo {
    fn accepted(&mut self, net: &mut Net<'_>, socket: SocketId) {
        let _ = (net, socket);
    }

    fn ready(&mut self, net: &mut Net<'_>, socket: SocketId, _: Readiness) {
        let mut buffer = [0; 64];
        loop {
            match net.read(socket, &mut buffer) {
                Ok(n) if n > 0 => {
                    if net.write(socket, &buffer[..n]).is_err() {
                        return net.close(socket);
                    }
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                _ => return net.close(socket),
            }
        }
    }
}

/// Round trips of one byte beside so many idle connections.
pub(crate) fn echo(count: usize, idle: usize) -> Outcome<Vec<Duration>> {
    let (_endpoint, private) = open(PLAIN, Box::new(Echo))?;
    let connected = |_| kernel::prepared(private.connect(at())?);
    let streams: Vec<TcpStream> = (0..=idle).map(connected).collect::<Outcome<_>>()?;
    kernel::round_trips(&streams[idle], count)
}
