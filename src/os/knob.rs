//! One sysctl of a private namespace, set as its user wrote it: done, or an error that says why not.
//!
//! Linux counterpart: `register_net_sysctl()`. A namespace has files only for the knobs that belong to it; those of the
//! whole machine are not there, or may only be read.

use std::io;
use std::path::PathBuf;

use super::entry::Entry;

/// Why a knob was not set.
#[derive(Debug, thiserror::Error)]
pub enum KnobError {
    /// It is one for all namespaces.
    #[error(
        "{0} belongs to the whole machine: a private namespace has none of its own, and this program does not change the \
         machine's; as root: sysctl -w {0}=..."
    )]
    Global(String),
    /// This kernel has no such knob.
    #[error("this kernel has no {0} (ls /proc/sys/net/ipv4 shows what it has)")]
    Missing(String),
    /// The name is not one of the network's.
    #[error(
        "{0:?} is no knob of the network: one of net.ipv4, net.ipv6 or net.core is wanted, as tcp_retries2 or net.core.somaxconn"
    )]
    NotOfTheNetwork(String),
    /// The kernel does not take this value.
    #[error("{name}={value}: the kernel refuses it ({source}); it is {present}")]
    Refused {
        /// Full name.
        name: String,
        /// As written.
        value: String,
        /// The value in force.
        present: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The namespace could not be entered.
    #[error("entering the namespace: {0}")]
    Entering(#[from] io::Error),
}

/// `tcp_retries2`, `net.ipv4.tcp_retries2`: the full name and its file.
fn file(name: &str) -> Result<(String, PathBuf), KnobError> {
    let dotted = name.replace('/', ".");
    let full = if dotted.starts_with("net.") {
        dotted
    } else {
        format!("net.ipv4.{dotted}")
    };
    let parts: Vec<_> = full.split('.').collect();
    let of_the_network = matches!(parts.get(1), Some(&("ipv4" | "ipv6" | "core")));
    let plain = |part: &&str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
    };
    if !of_the_network || parts.len() < 3 || !parts.iter().all(plain) {
        return Err(KnobError::NotOfTheNetwork(name.to_owned()));
    }
    let path = PathBuf::from(format!("/proc/sys/{}", parts.join("/")));
    Ok((full, path))
}

impl Entry {
    /// Sets the knob `name` of this namespace: a name of `net.ipv4`, or a full one.
    pub fn set_knob(&self, name: &str, value: &str) -> Result<(), KnobError> {
        let (full, path) = file(name)?;
        let is_outside = path.exists();
        let read = || std::fs::read_to_string(&path).map(|t| t.trim().to_owned());
        self.run(|| {
            if !path.exists() {
                return Err(match is_outside {
                    true => KnobError::Global(full.clone()),
                    false => KnobError::Missing(full.clone()),
                });
            }
            std::fs::write(&path, value).map_err(|source| match source.kind() {
                io::ErrorKind::PermissionDenied => KnobError::Global(full.clone()),
                _ => KnobError::Refused {
                    name: full.clone(),
                    value: value.to_owned(),
                    present: read().unwrap_or_default(),
                    source,
                },
            })
        })?
    }

    /// The value of the knob `name` of this namespace, blanks made single; None where it has none.
    pub fn knob(&self, name: &str) -> Result<Option<String>, KnobError> {
        let (_, path) = file(name)?;
        let text = self.run(|| match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.split_whitespace().collect::<Vec<_>>().join(" "))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        })??;
        Ok(text)
    }
}

#[cfg(test)]
mod tests;
