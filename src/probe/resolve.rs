//! Where addresses of a plan lead: a rehearsal's stand-ins, a container's ports.

use std::{collections::BTreeMap, fmt, net::SocketAddr};

use url::Host;

use crate::probe::ProbeError;

/// The host by which the checks of a `container` reach it (plan format, "Checks").
const CONTAINER: &str = "container";

/// Addresses that lead somewhere else. What is not in it is resolved by the system.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resolve(BTreeMap<(String, u16), SocketAddr>);

impl Resolve {
    /// Leads nothing anywhere else.
    pub fn new() -> Self {
        Self::default()
    }

    /// Leads `host:port` to `to`.
    pub fn lead(&mut self, host: &str, port: u16, to: SocketAddr) {
        self.0.insert((host.to_ascii_lowercase(), port), to);
    }

    /// Leads the host `container` to where the ports of a started container are reached.
    pub fn lead_container(&mut self, ports: &BTreeMap<u16, SocketAddr>) {
        for (port, to) in ports {
            self.lead(CONTAINER, *port, *to);
        }
    }

    pub(in crate::probe) fn find(&self, host: &str, port: u16) -> Option<SocketAddr> {
        self.0.get(&(host.to_ascii_lowercase(), port)).copied()
    }
}

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::probe) struct Address {
    pub host: String,
    pub port: u16,
}

impl Address {
    /// Reads `HOST:PORT`, where a host of colons stands in brackets.
    pub(in crate::probe) fn read(text: &str) -> Result<Self, ProbeError> {
        let invalid = || ProbeError::Address {
            address: text.to_owned(),
        };
        let (host, port) = text.rsplit_once(':').ok_or_else(invalid)?;
        let port = port.parse().map_err(|_| invalid())?;
        let host = match Host::parse(host).map_err(|_| invalid())? {
            Host::Domain(name) => name,
            Host::Ipv4(ip) => ip.to_string(),
            Host::Ipv6(ip) => ip.to_string(),
        };
        Ok(Self { host, port })
    }

    /// Connects, to where `resolve` leads.
    pub(in crate::probe) async fn connect(
        &self,
        resolve: &Resolve,
    ) -> std::io::Result<tokio::net::TcpStream> {
        match resolve.find(&self.host, self.port) {
            Some(to) => tokio::net::TcpStream::connect(to).await,
            None => tokio::net::TcpStream::connect((self.host.as_str(), self.port)).await,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(formatter, "[{}]:{}", self.host, self.port)
        } else {
            write!(formatter, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_with_its_host_and_port() {
        for text in ["relay.example:9418", "10.0.0.1:80", "[::1]:443"] {
            assert_eq!(Address::read(text).expect("an address").to_string(), text);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "relay.example",
            ":80",
            "host:",
            "host:70000",
            "http://host:80",
            "a b:1",
        ] {
            assert!(Address::read(text).is_err(), "{text}");
        }
    }
}
