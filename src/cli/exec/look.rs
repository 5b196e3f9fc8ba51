//! Looks at the program's sockets, again and again: sock_diag, and the options that it has set.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::os::processes::{self, Holder};
use crate::os::{Diagnosed, SockDiag};
use crate::postmortem::Sighting;
use crate::sockopt::SockOpt;
use crate::time::Instant;

/// How often a socket's options are asked for; a program sets them at any time.
const OPTIONS_EVERY: Duration = Duration::from_millis(200);

/// What is known of a socket's owner.
#[derive(Debug, Default)]
struct Owned {
    holder: Option<Holder>,
    options: Option<Vec<SockOpt>>,
    asked: Option<Instant>,
}

/// Looks at the sockets of one namespace.
#[derive(Debug)]
pub(super) struct Looker {
    diag: SockDiag,
    owned: BTreeMap<u32, Owned>,
}

impl Looker {
    pub(super) fn new(diag: SockDiag) -> Looker {
        Looker {
            diag,
            owned: BTreeMap::new(),
        }
    }

    /// Every connection that there is.
    pub(super) fn look(&mut self, now: impl Fn() -> Instant) -> std::io::Result<Vec<Sighting>> {
        let all = self.diag.all(&now)?;
        let present: BTreeSet<u32> = all.iter().map(|d| d.inode).filter(|i| *i != 0).collect();
        self.owned.retain(|inode, _| present.contains(inode));
        let at = now();
        self.find_holders(&present, at);
        Ok(all.into_iter().map(|d| self.sighting(d, at)).collect())
    }

    /// Looks for the holders of new sockets, and again for those that were not found.
    fn find_holders(&mut self, present: &BTreeSet<u32>, at: Instant) {
        let is_due =
            |owned: Option<&Owned>| owned.is_none_or(|o| o.holder.is_none() && o.is_due(at));
        let wanted: BTreeSet<u32> = present
            .iter()
            .filter(|i| is_due(self.owned.get(i)))
            .copied()
            .collect();
        let found = processes::holders(&wanted);
        for inode in wanted {
            let holder = found
                .get(&inode)
                .and_then(|holders| holders.first())
                .cloned();
            let owned = self.owned.entry(inode).or_default();
            owned.asked = holder.is_none().then_some(at);
            owned.holder = holder;
        }
    }

    fn sighting(&mut self, diagnosed: Diagnosed, at: Instant) -> Sighting {
        let mut seen = diagnosed.seen;
        if let Some(owned) = self.owned.get_mut(&diagnosed.inode) {
            if owned.is_due(at)
                && let Some(holder) = &owned.holder
            {
                owned.asked = Some(at);
                match processes::options(holder, diagnosed.inode) {
                    Some(options) => owned.options = Some(options),
                    // its holder may be another one by now; what it has set stays
                    None => owned.holder = None,
                }
            }
            seen.options = owned.options.clone();
        }
        Sighting {
            local: diagnosed.local,
            remote: diagnosed.remote,
            seen,
        }
    }
}

impl Owned {
    fn is_due(&self, at: Instant) -> bool {
        self.asked
            .is_none_or(|asked| at.since(asked) >= OPTIONS_EVERY)
    }
}
