//! Segments merged on the way in and cut on the way out, by us on a plain TUN, by the kernel with offload: every byte arrives
//! as it was sent, over both IP versions, and packet by packet where somebody counts them.

use std::io::{Read, Write};
use std::net::SocketAddr;

use halfopen::Endpoint;
use halfopen::world::{Death, Failure};

use crate::endpoint::{Echo, open};

const BYTES: usize = 4 << 20;

/// No two places of it look alike for long.
fn stream() -> Vec<u8> {
    (0..BYTES as u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect()
}

fn there_and_back(offload: bool, counted: bool, at: &str) {
    let Some((endpoint, inside)) = open(Endpoint::builder().offload(offload)) else {
        return;
    };
    let at: SocketAddr = at.parse().unwrap();
    endpoint.serve(at, Box::new(Echo::default())).unwrap();
    if counted {
        // a death that does not come: from now on each packet is seen by itself
        endpoint.failure(Failure::new(Death::Cut).die_after_packets(u64::MAX));
    }
    let (sent, mut got) = (stream(), vec![0; BYTES]);
    let mut kernel = inside.connect(at).unwrap();
    let mut writer = kernel.try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| writer.write_all(&sent).unwrap());
        kernel.read_exact(&mut got).unwrap();
    });
    let wrong = sent.iter().zip(&got).position(|(a, b)| a != b);
    assert_eq!(wrong, None, "offload {offload}, counted {counted}, {at}");
}

#[test]
fn on_a_plain_tun() {
    there_and_back(false, false, "10.77.0.2:7");
    there_and_back(false, false, "[fd77::2]:7");
}

#[test]
fn with_offload() {
    there_and_back(true, false, "10.77.0.2:7");
    there_and_back(true, false, "[fd77::2]:7");
}

#[test]
fn packet_by_packet() {
    there_and_back(false, true, "10.77.0.2:7");
    there_and_back(true, true, "10.77.0.2:7");
}
