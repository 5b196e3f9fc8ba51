//! A server loses power. Which error does its client get, and when? First the client is a socket of the kernel. Then it
//! is a socket of the engine whose host loses its cable, which looks the same to it.
//!
//! `cargo run --example server_loses_power`

use std::io::{Read, Write};
use std::net::SocketAddr;

use halfopen::service::Echo;
use halfopen::sysctl::Sysctl;
use halfopen::{Endpoint, TcpStream};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // by default (tcp_retries2 = 15) this would take a quarter of an hour
    let mut sysctl = Sysctl::default();
    sysctl.set("tcp_retries2", "4")?;
    let builder = Endpoint::builder()
        .kernel_sysctl("tcp_retries2", "4")
        .sysctl(sysctl);
    let (endpoint, namespace) = match builder.open_private() {
        Ok(opened) => opened,
        Err(why) => {
            println!("skipped: {why}");
            return Ok(());
        }
    };

    let server: SocketAddr = "10.77.0.2:7".parse()?;
    endpoint.serve(server, Box::new(Echo::default()))?;
    let mut client = namespace.connect(server)?;
    let mut bystander = namespace.connect(server)?;
    endpoint.power_off();
    let since = endpoint.now();
    client.write_all(b"anybody there?")?; // succeeds: the bytes are in the send buffer
    let error = client.read(&mut [0]).expect_err("nobody answers");
    let after = endpoint.now().since(since);
    println!(
        "the kernel's client got its error after {:.1} s (measured): {error}",
        after.as_secs_f64()
    );

    // the server is back and does not know its old connections
    endpoint.power_on();
    bystander.write_all(b"still there?")?;
    let error = bystander.read(&mut [0]).expect_err("a reset");
    println!("a client that wrote after the reboot got its error at once: {error}");

    let listener = namespace.listen("10.77.0.1:80".parse()?)?;
    let mut ours = TcpStream::connect(&endpoint, "10.77.0.1:80")?;
    let (_theirs, _) = listener.accept()?;
    endpoint.cut();
    let since = endpoint.now();
    ours.write_all(b"anybody there?")?;
    let error = ours.read(&mut [0]).expect_err("nobody answers");
    let after = endpoint.now().since(since);
    println!(
        "the engine's client got its error after {:.1} s (measured): {error}",
        after.as_secs_f64()
    );
    Ok(())
}
