//! How an endpoint is made: its addresses, its sysctls, and the network namespace of its interface.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Deref;
use std::sync::Arc;

use super::control;
use super::shared::Shared;
use super::stack::Stack;
use crate::engine::Config;
use crate::os::{Device, EndpointError, Entry, Isolation, SockDiag, Tun, Wanted};
use crate::sysctl::Sysctl;
use crate::world::endpoint::{Endpoint, Guard};
use crate::world::host::Host;
use crate::world::machine::Parts;

/// The settings of an endpoint that is to be made. The defaults are 10.77.0.2/24 and fd77::2/64, the sysctls of Linux
/// 6.18, an MTU of 1500 bytes and the interface name `halfopen0`.
#[derive(Clone, Debug)]
pub struct Builder {
    addrs: Vec<(IpAddr, u8)>,
    wrong: Option<String>,
    sysctl: Sysctl,
    mtu: u32,
    device: Device,
    seed: Option<u64>,
    name: String,
    kernel_sysctl: Vec<(String, String)>,
}

/// A private network namespace with the kernel's end of the TUN, and what is needed to use it.
///
/// The namespace lives as long as this value, the endpoint or one of its sockets.
#[derive(Debug)]
pub struct Private {
    /// Opens sockets and starts programs in the namespace.
    pub entry: Entry,
    /// The kernel's addresses on the TUN.
    pub kernel: Vec<IpAddr>,
    /// Lists the kernel's connections in the namespace.
    pub diag: SockDiag,
    /// How the namespace was made.
    pub isolation: Isolation,
    /// What could not be set up as requested, one line each.
    pub notes: Vec<String>,
}

impl Deref for Private {
    type Target = Entry;
    fn deref(&self) -> &Entry {
        &self.entry
    }
}

impl Default for Builder {
    fn default() -> Self {
        Builder {
            addrs: Vec::new(),
            wrong: None,
            sysctl: Sysctl::default(),
            mtu: 1500,
            device: Device::default(),
            seed: None,
            name: "halfopen0".to_owned(),
            kernel_sysctl: Vec::new(),
        }
    }
}

/// An address with the length of its prefix, such as `10.77.0.2/24`.
fn parse(text: &str) -> Option<(IpAddr, u8)> {
    let (addr, prefix) = text.split_once('/')?;
    let (addr, prefix): (IpAddr, u8) = (addr.parse().ok()?, prefix.parse().ok()?);
    let most = if addr.is_ipv4() { 30 } else { 126 };
    (prefix <= most).then_some((addr, prefix))
}

/// Returns the first address of the network that is not `addr`.
fn other_end((addr, prefix): (IpAddr, u8)) -> IpAddr {
    match addr {
        IpAddr::V4(own) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            let first = (own.to_bits() & mask) + 1;
            Ipv4Addr::from_bits(if first == own.to_bits() {
                first + 1
            } else {
                first
            })
            .into()
        }
        IpAddr::V6(own) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            let first = (own.to_bits() & mask) + 1;
            Ipv6Addr::from_bits(if first == own.to_bits() {
                first + 1
            } else {
                first
            })
            .into()
        }
    }
}

impl Builder {
    /// Adds an address with the length of its network's prefix, such as `10.77.0.2/24` or `fd77::2/64`. The kernel's end
    /// gets the first other address of that network.
    pub fn addr(mut self, addr: &str) -> Self {
        match parse(addr) {
            Some(addr) => self.addrs.push(addr),
            None => {
                self.wrong.get_or_insert(format!(
                    "{addr:?} must be an address with a prefix length, such as 10.77.0.2/24 (at most /30) or fd77::2/64 (at most /126)"
                ));
            }
        }
        self
    }

    /// Sets the sysctls of the endpoint itself.
    pub fn sysctl(mut self, sysctl: Sysctl) -> Self {
        self.sysctl = sysctl;
        self
    }

    /// Sets a sysctl of the kernel in the private namespace, such as `("tcp_retries2", "5")`.
    pub fn kernel_sysctl(mut self, name: &str, value: &str) -> Self {
        self.kernel_sysctl.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the interface's MTU in bytes.
    pub fn mtu(mut self, mtu: u32) -> Self {
        self.mtu = mtu;
        self
    }

    /// Sets a bulk mode: the TUN accepts and delivers the segments of one connection in pieces of up to 64 KB, without
    /// checksums (IFF_VNET_HDR and TSO). This is faster, but a datagram on the TUN then no longer is one packet.
    pub fn offload(mut self, offload: bool) -> Self {
        self.device.offload = offload;
        self
    }

    /// Sets the seed of what the endpoint draws (sequence numbers, ports). The default is a different seed each time.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Sets the interface's name, of at most 15 bytes.
    pub fn name(mut self, name: &str) -> Self {
        self.name = name.to_owned();
        self
    }

    fn parts(&mut self) -> Result<Parts, EndpointError> {
        if let Some(wrong) = self.wrong.take() {
            return Err(EndpointError::Unavailable(wrong));
        }
        let bad = |c: char| c.is_whitespace() || c == '/' || c == '%' || c == ':' || c == '\0';
        if !(1..=15).contains(&self.name.len()) || self.name.contains(bad) || self.name == "." {
            return Err(EndpointError::Unavailable(format!(
                "{:?} is not a valid interface name: a name has at most 15 bytes, no blank, slash, colon or percent sign",
                self.name
            )));
        }
        if !(1280..=65_535).contains(&self.mtu) {
            let text = format!(
                "the MTU must be 1280 to 65535 bytes, but it is {}",
                self.mtu
            );
            return Err(EndpointError::Unavailable(text));
        }
        if self.addrs.is_empty() {
            self.addrs = vec![
                (Ipv4Addr::new(10, 77, 0, 2).into(), 24),
                (Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 2).into(), 64),
            ];
        }
        let mut engine = Config::new(self.addrs[0].0);
        engine.addrs = self.addrs.iter().map(|(addr, _)| *addr).collect();
        engine.mtu = self.mtu;
        // the device below cuts bursts, or the kernel does
        engine.gso = true;
        engine.sysctl = self.sysctl.clone();
        engine.seed = self.seed.unwrap_or_else(drawn_seed);
        Ok(Parts {
            engine,
            addrs: self.addrs.clone(),
            mtu: self.mtu as usize,
        })
    }

    /// Makes a stack without threads in the network namespace of this program. This requires CAP_NET_ADMIN.
    ///
    /// # Errors
    /// [`EndpointError::Unavailable`] says what to do.
    pub fn stack_here(mut self) -> Result<Stack, EndpointError> {
        let parts = self.parts()?;
        let tun = crate::os::open_tun(&self.name, &self.kernel_ends(), self.mtu, self.device)?;
        stack(parts, tun)
    }

    /// Makes a stack without threads in a private network namespace, without root where possible, and returns access to
    /// that namespace.
    ///
    /// # Errors
    /// [`EndpointError::Unavailable`] says what to do.
    pub fn stack_private(mut self) -> Result<(Stack, Private), EndpointError> {
        let parts = self.parts()?;
        let kernel = self.kernel_ends();
        let v4 = kernel.iter().find_map(|(addr, prefix)| match addr {
            IpAddr::V4(v4) => Some((*v4, *prefix)),
            IpAddr::V6(_) => None,
        });
        let (addr, prefix) = v4.unwrap_or((Ipv4Addr::UNSPECIFIED, 32));
        let ipv6 = kernel.iter().find_map(|(addr, prefix)| match addr {
            IpAddr::V6(v6) => Some((*v6, *prefix)),
            IpAddr::V4(_) => None,
        });
        let wanted = Wanted {
            addr,
            prefix,
            ipv6,
            ipv6_sockets: false,
            name: Some(self.name.clone()),
            loopback: true,
            mtu: self.mtu,
            device: self.device,
            named: self.kernel_sysctl.iter().map(|k| k.0.clone()).collect(),
            sysctl: self.kernel_sysctl,
            congestion: "cubic".to_owned(),
            sockets: 0,
        };
        let namespace = crate::os::open(&wanted)?;
        let private = Private {
            entry: namespace.entry,
            kernel: kernel.into_iter().map(|k| k.0).collect(),
            diag: namespace.diag,
            isolation: namespace.isolation,
            notes: namespace.notes,
        };
        Ok((stack(parts, namespace.tun)?, private))
    }

    fn kernel_ends(&self) -> Vec<(IpAddr, u8)> {
        let ends = self.addrs.iter().map(|a| (other_end(*a), a.1));
        ends.collect()
    }

    /// Opens an endpoint in the network namespace of this program, so that every program there can talk to it. This
    /// requires CAP_NET_ADMIN. The interface disappears with the last handle, or when the process ends for any reason.
    ///
    /// # Errors
    /// [`EndpointError::Unavailable`] says what to do.
    pub fn open_here(self) -> Result<Endpoint, EndpointError> {
        start(self.stack_here()?)
    }

    /// Opens an endpoint in a private network namespace, without root where possible, and returns access to that
    /// namespace.
    ///
    /// # Errors
    /// [`EndpointError::Unavailable`] says what to do.
    pub fn open_private(self) -> Result<(Endpoint, Private), EndpointError> {
        let (stack, private) = self.stack_private()?;
        Ok((start(stack)?, private))
    }
}

fn failed(what: &str) -> impl FnOnce(std::io::Error) -> EndpointError {
    let what = what.to_owned();
    move |source| EndpointError::Os { what, source }
}

fn stack(parts: Parts, tun: Tun) -> Result<Stack, EndpointError> {
    Stack::new(parts, tun).map_err(failed("making the descriptors of the loop"))
}

/// Returns a seed that differs from run to run.
fn drawn_seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    let state = std::collections::hash_map::RandomState::new();
    state.build_hasher().finish()
}

/// Starts the loop thread.
fn start(mut stack: Stack) -> Result<Endpoint, EndpointError> {
    let name = stack.name().into();
    let addrs = stack.machine().addrs().collect();
    let shared = Arc::new(Shared::new(stack));
    let runner = shared.clone();
    let thread = std::thread::Builder::new()
        .name("halfopen".to_owned())
        .spawn(move || runner.run())
        .map_err(failed("starting the loop thread"))?;
    let stopped = shared.clone();
    let end = move || {
        stopped.stop();
        // the last handle may be dropped in the loop thread itself, inside a service
        if thread.thread().id() != std::thread::current().id() {
            let _ = thread.join();
        }
    };
    let host: Arc<dyn Host> = shared;
    control::register(&host);
    Ok(Endpoint {
        host,
        name,
        addrs,
        _guard: Arc::new(Guard(Some(Box::new(end)))),
    })
}

impl Endpoint {
    /// Returns the settings with which an endpoint is made.
    pub fn builder() -> Builder {
        Builder::default()
    }
}
