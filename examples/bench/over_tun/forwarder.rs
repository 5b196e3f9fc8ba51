//! The contender "two kernels": two namespaces joined by a bare forwarder, one thread that carries every packet from
//! one TUN to the other.

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use halfopen::os::Tun;

use super::kernel::{self, ENDPOINT, KERNEL};
use super::meter::{Meter, Phase, Usage};
use super::{Length, Outcome};

/// What the sender, the receiver and the forwarder did.
pub(crate) fn bulk(length: Length) -> Outcome<[Usage; 3]> {
    let mut near = kernel::namespace(KERNEL, super::PLAIN, 1)?;
    let mut far = kernel::namespace(ENDPOINT, super::PLAIN, 1)?;
    let (near_socket, far_socket) = (near.sockets.remove(0), far.sockets.remove(0));
    let listener = kernel::listen(far_socket, ENDPOINT)?;
    let phase = Phase::default();
    std::thread::scope(|scope| {
        let forwarder =
            scope.spawn(|| forward(&near.tun, &far.tun, &phase).map_err(|e| e.to_string()));
        let client = kernel::connect(near_socket, ENDPOINT)?;
        let server = kernel::prepared(listener.accept()?.0)?;
        let phase = &phase;
        let sender =
            scope.spawn(move || kernel::write_all(&client, phase).map_err(|e| e.to_string()));
        let receiver =
            scope.spawn(move || kernel::read_all(&server, phase).map_err(|e| e.to_string()));
        phase.drive(length.warm, length.measured);
        Ok([
            super::joined(sender)?,
            super::joined(receiver)?,
            super::joined(forwarder)?,
        ])
    })
}

fn forward(near: &Tun, far: &Tun, phase: &Phase) -> Outcome<Usage> {
    let mut meter = Meter::new(phase);
    let mut buffer = vec![0; 2048];
    let wait = Timespec {
        tv_sec: 0,
        tv_nsec: 100_000_000,
    };
    loop {
        let n = carry(near, far, &mut buffer)? + carry(far, near, &mut buffer)?;
        if !meter.tick(n) {
            return kernel::finished(&meter);
        }
        if n == 0 {
            let mut fds = [
                PollFd::new(near, PollFlags::IN),
                PollFd::new(far, PollFlags::IN),
            ];
            match rustix::event::poll(&mut fds, Some(&wait)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }
}

/// All that waits, at most 64 packets; how many bytes.
fn carry(from: &Tun, to: &Tun, buffer: &mut [u8]) -> Outcome<usize> {
    let mut carried = 0;
    for _ in 0..64 {
        match rustix::io::read(from, &mut *buffer) {
            Ok(len) => {
                to.write(&buffer[..len])?;
                carried += len;
            }
            Err(Errno::AGAIN) => break,
            Err(Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(carried)
}
