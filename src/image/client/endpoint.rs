//! Where a registry is reached, and where it may lead.

use std::{collections::BTreeMap, net::IpAddr};

use url::{Host, Url};

/// Base addresses of registries by the host that references name: a rehearsal leads `ghcr.io` to a registry of its own while every
/// reference keeps saying `ghcr.io`.
#[derive(Debug, Clone, Default)]
pub struct Endpoints(BTreeMap<String, Url>);

impl Endpoints {
    /// Leads `registry` to `base`, such as `http://127.0.0.1:5000`.
    #[must_use]
    pub fn lead(mut self, registry: impl Into<String>, base: Url) -> Self {
        self.0.insert(registry.into(), base);
        self
    }

    /// Returns the base address: the given one; plain HTTP for a loopback host; HTTPS for all others.
    pub(super) fn base(&self, registry: &str) -> Result<Url, url::ParseError> {
        if let Some(base) = self.0.get(registry) {
            return Ok(base.clone());
        }
        let host = match registry {
            "docker.io" => "registry-1.docker.io",
            other => other,
        };
        let plain = Url::parse(&format!("http://{host}"))?;
        match is_inside(&plain) {
            Nearness::Loopback => Ok(plain),
            Nearness::Private | Nearness::Public => Url::parse(&format!("https://{host}")),
        }
    }
}

/// How near a host is, as far as its address tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Nearness {
    Public,
    Private,
    Loopback,
}

fn is_inside(url: &Url) -> Nearness {
    let address = match url.host() {
        Some(Host::Domain(name)) if name == "localhost" || name.ends_with(".localhost") => {
            return Nearness::Loopback;
        }
        Some(Host::Domain(_)) | None => return Nearness::Public,
        Some(Host::Ipv4(address)) => IpAddr::V4(address),
        Some(Host::Ipv6(address)) => address.to_canonical(),
    };
    let private = match address {
        IpAddr::V4(address) => {
            address.is_private() || address.is_link_local() || address.is_unspecified()
        }
        IpAddr::V6(address) => {
            address.is_unique_local() || address.is_unicast_link_local() || address.is_unspecified()
        }
    };
    match (address.is_loopback(), private) {
        (true, _) => Nearness::Loopback,
        (false, true) => Nearness::Private,
        (false, false) => Nearness::Public,
    }
}

fn is_link_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_link_local(),
        Some(Host::Ipv6(address)) => match address.to_canonical() {
            IpAddr::V4(address) => address.is_link_local(),
            IpAddr::V6(address) => address.is_unicast_link_local(),
        },
        Some(Host::Domain(_)) | None => false,
    }
}

/// Says why a registry may not lead to `target`: a token service, an upload or a blob elsewhere.
///
/// A registry on the internet has no reason to send us into our own network, where metadata services answer anybody.
pub(super) fn check_leads(base: &Url, target: &Url) -> Result<(), String> {
    match target.scheme() {
        "https" => {}
        "http" if base.scheme() == "http" => {}
        _ => return Err(format!("it leads to `{}`, expected https", redact(target))),
    }
    // Nothing that a registry needs has such an address, and what a machine's owner may ask for there is a credential.
    if is_link_local(target) && target.host() != base.host() {
        return Err(format!(
            "it leads to `{}`, where metadata services answer",
            redact(target)
        ));
    }
    if is_inside(target) > Nearness::Public
        && is_inside(base) == Nearness::Public
        && target.host() != base.host()
    {
        return Err(format!(
            "it leads to `{}`, which is inside of this network",
            redact(target)
        ));
    }
    Ok(())
}

/// Queries of upload and blob addresses are credentials of their own.
fn redact(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().expect("an address")
    }

    #[test]
    fn a_registry_is_reached_by_https_unless_it_is_on_this_machine_or_led_elsewhere() {
        let endpoints = Endpoints::default().lead("ghcr.io", url("http://127.0.0.1:5001"));
        for (registry, base) in [
            ("ghcr.io", "http://127.0.0.1:5001/"),
            ("docker.io", "https://registry-1.docker.io/"),
            ("localhost:5000", "http://localhost:5000/"),
            ("[::1]:5000", "http://[::1]:5000/"),
            ("10.0.0.1:5000", "https://10.0.0.1:5000/"),
            ("127.0.0.1.example.com", "https://127.0.0.1.example.com/"),
        ] {
            assert_eq!(endpoints.base(registry).expect("an address").as_str(), base);
        }
    }

    #[test]
    fn a_registry_on_the_internet_leads_nobody_inside() {
        let public = url("https://ghcr.io");
        for bad in [
            "http://ghcr.io/token",
            "http://169.254.169.254/token",
            "https://169.254.169.254/token",
            "https://10.1.2.3/",
            "https://127.0.0.1/",
            "https://localhost/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[fe80::1]/",
            "ftp://ghcr.io/",
        ] {
            assert!(check_leads(&public, &url(bad)).is_err(), "{bad}");
        }
        for good in [
            "https://ghcr.io/x",
            "https://pkg.example.com/blob?x=1",
            "https://8.8.8.8/",
        ] {
            assert_eq!(check_leads(&public, &url(good)), Ok(()));
        }
        // Not even a registry on this machine leads to where a cloud's credentials are.
        for (base, bad) in [
            ("http://127.0.0.1:1", "http://169.254.169.254/latest"),
            ("https://10.0.0.5", "https://[fe80::1]/"),
            ("http://127.0.0.1:1", "http://[::ffff:169.254.169.254]/"),
        ] {
            assert!(check_leads(&url(base), &url(bad)).is_err(), "{bad}");
        }
        assert_eq!(
            check_leads(&url("http://127.0.0.1:1"), &url("http://localhost:2/")),
            Ok(())
        );
        assert_eq!(
            check_leads(&url("https://10.0.0.5"), &url("https://10.0.0.6/")),
            Ok(())
        );
    }
}
