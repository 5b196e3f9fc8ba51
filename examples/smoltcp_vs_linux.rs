//! How smoltcp as released differs from Linux, in Markdown:
//! `cargo run --release --example smoltcp_vs_linux > docs/smoltcp-vs-linux.md`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    print!("{}", halfopen::report::smoltcp::smoltcp_vs_linux()?);
    Ok(())
}
