//! The way back into a private namespace: for more sockets of it, and for programs that are to live in it.
//!
//! A child inherits the namespaces of the thread that starts it. Where the namespace was made by right, a thread enters
//! it and starts the program; in a user namespace, which only a process of one thread may enter, a helper process does,
//! and its child becomes ours when it ends (PR_SET_CHILD_SUBREAPER).

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::Command;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::program::Program;
use super::sys;

/// A namespace that can be entered as long as this lives.
#[derive(Debug)]
pub struct Entry {
    net: OwnedFd,
    /// The user namespace that owns it, where that is not the one of this process.
    user: Option<OwnedFd>,
}

impl Entry {
    /// The calling task's own namespaces; the user namespace counts where `with_user` says so.
    pub(super) fn of_this_task(with_user: bool) -> io::Result<Entry> {
        let open =
            |name: &str| File::open(format!("/proc/thread-self/ns/{name}")).map(OwnedFd::from);
        let user = if with_user { Some(open("user")?) } else { None };
        Ok(Entry {
            net: open("net")?,
            user,
        })
    }

    /// Runs `f` inside; what it opens belongs to the namespace. `f` must not change its thread's other namespaces.
    pub fn run<T: Send>(&self, f: impl FnOnce() -> T + Send) -> io::Result<T> {
        let enter = |kind, fd: &OwnedFd| move_into_link_name_space(fd.as_fd(), Some(kind));
        let inside = || -> io::Result<T> {
            if let Some(user) = &self.user {
                enter(LinkNameSpaceType::User, user)?;
            }
            enter(LinkNameSpaceType::Network, &self.net)?;
            Ok(f())
        };
        match &self.user {
            Some(_) => sys::in_helper_process(inside)?,
            None => std::thread::scope(|scope| match scope.spawn(inside).join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            }),
        }
    }

    /// Starts a program inside, by name or path, with this process's standard streams, folder and environment. From
    /// now on this process is the parent of what its programs leave behind.
    ///
    /// The error is that of execve(2): NotFound, PermissionDenied; or that of entering.
    pub fn start(&self, program: &OsStr, arguments: &[OsString]) -> io::Result<Program> {
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
        let mut command = Command::new(program);
        command.args(arguments);
        let child = self.run(|| command.spawn())??;
        Program::new(child)
    }

    /// A shell command's beginning that enters it from outside, as the same user: `nsenter --net=/proc/PID/fd/N`.
    pub fn nsenter(&self) -> String {
        let path = |fd: &OwnedFd| format!("/proc/{}/fd/{}", std::process::id(), fd.as_raw_fd());
        match &self.user {
            Some(user) => format!(
                "nsenter --preserve-credentials --user={} --net={}",
                path(user),
                path(&self.net)
            ),
            None => format!("nsenter --net={}", path(&self.net)),
        }
    }
}
