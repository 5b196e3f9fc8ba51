//! Two idle connections to a peer that has died. Only the one with keepalive ever gets an error.
//!
//! `cargo run --example keepalive_dead_peer`

use std::io::Read;
use std::net::SocketAddr;
use std::time::Duration;

use halfopen::Endpoint;
use halfopen::service::Discard;
use socket2::{SockRef, TcpKeepalive};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (endpoint, namespace) = match Endpoint::builder().open_private() {
        Ok(opened) => opened,
        Err(why) => {
            println!("skipped: {why}");
            return Ok(());
        }
    };
    let peer: SocketAddr = "10.77.0.2:9".parse()?;
    endpoint.serve(peer, Box::new(Discard::default()))?;
    let mut with = namespace.connect(peer)?;
    let mut without = namespace.connect(peer)?;
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(1)) // idle for so long: the first probe
        .with_interval(Duration::from_secs(1)) // between probes
        .with_retries(2); // unanswered probes till the end
    SockRef::from(&with).set_tcp_keepalive(&keepalive)?;

    endpoint.power_off();
    let since = endpoint.now();
    let error = with
        .read(&mut [0])
        .expect_err("the probes are not answered");
    let after = endpoint.now().since(since);
    println!(
        "with keepalive: the error came after {:.1} s (measured): {error}",
        after.as_secs_f64()
    );

    without.set_read_timeout(Some(Duration::from_secs(1)))?;
    let error = without
        .read(&mut [0])
        .expect_err("a timeout of the read, not of the connection");
    println!("without: after another second of waiting the connection still seems fine: {error}");
    Ok(())
}
