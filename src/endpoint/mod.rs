//! The operating system's side: TUN, namespaces, sysctl files, raw socket options, the real clock.
