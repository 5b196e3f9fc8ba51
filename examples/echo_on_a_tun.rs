//! An echo server on a TUN, in its own network namespace: an ordinary socket of the kernel talks to the engine.
//!
//! `cargo run --example echo_on_a_tun`

use std::io::{Read, Write};

use halfopen::Endpoint;
use halfopen::service::Echo;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // a private namespace: the kernel's end of the TUN is 10.77.0.1, the endpoint is 10.77.0.2. In the namespace of all
    // other programs, which takes CAP_NET_ADMIN, it would be .open_here()
    let (endpoint, namespace) = match Endpoint::builder().open_private() {
        Ok(opened) => opened,
        Err(why) => {
            println!("skipped: {why}");
            return Ok(());
        }
    };
    let addr = "10.77.0.2:7".parse()?;
    endpoint.serve(addr, Box::new(Echo::default()))?;
    println!(
        "an echo server listens at {addr}, behind the interface {}",
        endpoint.name()
    );

    // a socket of the kernel, made inside the namespace
    let mut client = namespace.connect(addr)?;
    client.write_all(b"hello, userspace")?;
    let mut answer = [0; 16];
    client.read_exact(&mut answer)?;
    println!(
        "the kernel's socket got back: {}",
        String::from_utf8_lossy(&answer)
    );

    for connection in endpoint.connections() {
        println!(
            "our side of it: {} -> {}, {}, RTT {} us (measured)",
            connection.local,
            connection.remote,
            connection.info.state.name(),
            connection.info.rtt_us,
        );
    }
    Ok(())
}
