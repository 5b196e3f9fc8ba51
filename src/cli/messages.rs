//! Log messages as a person reads them: `warning: the clock jumped`, without the name of a module.
//!
//! Whoever filters by module (RUST_LOG) is shown the modules' names.

use std::io::Write;

use env_logger::fmt::Formatter;
use log::{Level, Record};

use super::terminal;

/// Shows messages on stderr from now on, the more the larger `verbose` is.
pub(super) fn show(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let with_module = std::env::var_os("RUST_LOG").is_some();
    let filter = env_logger::Env::default().default_filter_or(level);
    // env_logger drops what stderr does not take
    env_logger::Builder::from_env(filter)
        .format(move |to, record| write(to, record, with_module))
        .init();
}

fn write(to: &mut Formatter, record: &Record<'_>, with_module: bool) -> std::io::Result<()> {
    let style = style(record.level());
    let word = word(record.level());
    write!(to, "{style}{word}:{style:#} ")?;
    if with_module {
        write!(to, "[{}] ", record.target())?;
    }
    let text = record.args().to_string();
    writeln!(to, "{}", terminal::safe(&text, false))
}

fn style(level: Level) -> anstyle::Style {
    match level {
        Level::Error => terminal::ERROR,
        Level::Warn => terminal::WARNING,
        Level::Info | Level::Debug | Level::Trace => anstyle::Style::new().dimmed(),
    }
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warning",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    }
}
