//! The command line: a file per subcommand.
//!
//! Results go to stdout, everything else to stderr. Exit codes: 0 as expected or the same, 1 different, 2 could
//! not run.

mod advise;
mod compare;
mod death;
mod doctor;
mod exec;
mod explain;
mod interrupt;
mod list;
mod messages;
mod out;
mod play;
mod progress;
mod record;
mod run;
mod scenarios;
mod serve;
mod signals;
mod sweep;
mod table;
mod terminal;
mod watch;

use std::process::ExitCode;

use clap::{ArgAction, Parser, Subcommand};

/// Shows what happens to a TCP connection when its peer dies. Runs a scenario on a userspace TCP, on stock smoltcp
/// and on the kernel of this machine, and compares them packet by packet.
#[derive(Debug, Parser)]
#[command(name = "halfopen", version, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 if the result is as expected or identical, 1 if it is different, 2 if the command could not run."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Prints more to stderr: -v events, -vv every timer, -vvv every packet (RUST_LOG gives finer control)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs a scenario on one target
    Run(run::Run),
    /// Compares targets, or recordings with the engine, packet by packet
    Compare(compare::Compare),
    /// Runs a program in a private network while its peer dies, and reports what happened to its connections
    Exec(exec::Exec),
    /// Runs a server, or a relay to a real server, that your programs connect to and that dies on demand
    Serve(serve::Serve),
    /// Shows the connections of this machine, their timers, and when each application will get an error
    Watch(watch::Watch),
    /// Shows when each retransmission, probe or SYN leaves, and how the connection ends
    Table(table::Table),
    /// Finds the smallest settings that detect a dead peer in a given time
    Advise(advise::Advise),
    /// Explains a capture: which connections are in trouble, why each packet was sent, what the applications get
    Explain(explain::Explain),
    /// Runs one scenario with every combination of many settings, in virtual time
    Sweep(sweep::Sweep),
    /// Lists the built-in scenarios
    List(list::List),
    /// Checks what this machine allows (TUN, namespaces, sysctls, ...) and says how to fix what is missing
    Doctor(doctor::Doctor),
}

/// The result of a command that could run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// The result is as expected, or identical.
    Same,
    /// The result is different.
    Different,
    /// Not all of what was asked for could be done; why has been said.
    Incomplete,
    /// The exit code of the program that was run.
    Code(u8),
}

/// The error message of a command that could not run.
#[derive(Debug)]
struct Failure(String);

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure(error.to_string())
    }
}

/// Runs the command given by the arguments.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return without_a_command(&error),
    };
    messages::show(cli.verbose);
    match dispatch(&cli) {
        Ok(Exit::Same) => ExitCode::SUCCESS,
        Ok(Exit::Different) => ExitCode::from(1),
        Ok(Exit::Incomplete) => ExitCode::from(2),
        Ok(Exit::Code(code)) => ExitCode::from(code),
        Err(Failure(why)) => {
            terminal::complain(&why);
            ExitCode::from(2)
        }
    }
}

/// The end where the arguments name no command: help and version are results, all else is an error.
fn without_a_command(error: &clap::Error) -> ExitCode {
    let text = |color: bool| match color {
        true => error.render().ansi().to_string(),
        false => error.render().to_string(),
    };
    if error.use_stderr() {
        terminal::tell(&text(terminal::error_color()));
        return ExitCode::from(could_not_run());
    }
    match terminal::print(&text(terminal::style().color)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            terminal::complain(&e.to_string());
            ExitCode::from(could_not_run())
        }
    }
}

/// The exit code of a command that could not run: that of `exec` is told apart from its program's.
fn could_not_run() -> u8 {
    let is_option = |word: &std::ffi::OsString| word.as_encoded_bytes().starts_with(b"-");
    let command = std::env::args_os().skip(1).find(|word| !is_option(word));
    match command.is_some_and(|word| word == "exec") {
        true => exec::COULD_NOT_RUN,
        false => 2,
    }
}

fn dispatch(cli: &Cli) -> Result<Exit, Failure> {
    match &cli.command {
        Command::Run(command) => command.run(),
        Command::Compare(command) => command.run(),
        Command::Exec(command) => command.run(),
        Command::Serve(command) => command.run(),
        Command::Watch(command) => command.run(),
        Command::Table(command) => command.run(),
        Command::Advise(command) => command.run(),
        Command::Explain(command) => command.run(),
        Command::Sweep(command) => command.run(),
        Command::List(command) => command.run(),
        Command::Doctor(command) => command.run(),
    }
}
