//! The `halfopen` command; everything is in [`halfopen::cli`].

fn main() -> std::process::ExitCode {
    halfopen::cli::main()
}
