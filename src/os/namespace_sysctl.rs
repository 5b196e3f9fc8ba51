//! Sets a sysctl of a private network namespace, or says why it cannot be set.
//!
//! Linux counterpart: `register_net_sysctl()`. A network namespace has files only for the sysctls that belong to it. Those
//! of the whole machine do not exist there, or can only be read.

use std::io;
use std::path::PathBuf;

use super::entry::Entry;

/// Why a sysctl could not be set.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceSysctlError {
    /// The sysctl is shared by all network namespaces.
    #[error(
        "{0} belongs to the whole machine and not to a network namespace, and halfopen does not change settings of the \
         machine; to change it, run this as root: sysctl -w {0}=..."
    )]
    Global(String),
    /// This kernel has no such sysctl.
    #[error("this kernel has no sysctl {0}; ls /proc/sys/net/ipv4 shows those that it has")]
    Missing(String),
    /// The name is not that of a sysctl of the network.
    #[error(
        "{0:?} is not a sysctl of net.ipv4, net.ipv6 or net.core; examples are tcp_retries2 and net.core.somaxconn"
    )]
    NotOfTheNetwork(String),
    /// The kernel rejects the value.
    #[error("the kernel rejects {name}={value} ({source}); the value remains {present}")]
    Refused {
        /// Full name of the sysctl.
        name: String,
        /// The rejected value, as it was written.
        value: String,
        /// The value in force.
        present: String,
        /// The kernel's error.
        source: io::Error,
    },
    /// The namespace could not be entered.
    #[error("the network namespace cannot be entered: {0}")]
    Entering(#[from] io::Error),
}

/// Returns the full name and the file of a sysctl, given as `tcp_retries2` or `net.ipv4.tcp_retries2`.
fn file(name: &str) -> Result<(String, PathBuf), NamespaceSysctlError> {
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
        return Err(NamespaceSysctlError::NotOfTheNetwork(name.to_owned()));
    }
    let path = PathBuf::from(format!("/proc/sys/{}", parts.join("/")));
    Ok((full, path))
}

impl Entry {
    /// Sets the sysctl `name` of this namespace. The name is one of `net.ipv4`, or a full one.
    pub fn set_sysctl(&self, name: &str, value: &str) -> Result<(), NamespaceSysctlError> {
        let (full, path) = file(name)?;
        let is_outside = path.exists();
        let read = || std::fs::read_to_string(&path).map(|t| t.trim().to_owned());
        self.run(|| {
            if !path.exists() {
                return Err(match is_outside {
                    true => NamespaceSysctlError::Global(full.clone()),
                    false => NamespaceSysctlError::Missing(full.clone()),
                });
            }
            std::fs::write(&path, value).map_err(|source| match source.kind() {
                io::ErrorKind::PermissionDenied => NamespaceSysctlError::Global(full.clone()),
                _ => NamespaceSysctlError::Refused {
                    name: full.clone(),
                    value: value.to_owned(),
                    present: read().unwrap_or_default(),
                    source,
                },
            })
        })?
    }

    /// Returns the value of the sysctl `name` of this namespace, with single blanks, or None if it does not exist.
    pub fn sysctl(&self, name: &str) -> Result<Option<String>, NamespaceSysctlError> {
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
