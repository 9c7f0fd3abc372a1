//! The HTTP client of the checks `http` and `git`.

use std::{error::Error, net::IpAddr};

use reqwest::{Client, Response, header, redirect};
use url::{Host, Url};

use crate::{
    http,
    probe::{ProbeError, Resolve},
};

/// A client for one URL, and that URL as it has to be asked.
pub(in crate::probe) struct Route {
    pub client: Client,
    pub url: Url,
    /// The `Host` header, where the URL no longer says it.
    pub host: Option<String>,
}

impl Route {
    /// Finds the way to `url`, through `resolve`.
    pub(in crate::probe) fn find(url: &str, resolve: &Resolve) -> Result<Self, ProbeError> {
        let mut target = read_url(url)?;
        let Some(host) = target.host().map(|host| host.to_owned()) else {
            return Err(invalid(url, "it has no host"));
        };
        let Some(port) = target.port_or_known_default() else {
            return Err(invalid(url, "it has no port"));
        };
        let mut builder = http::builder()?
            .redirect(redirect::Policy::none())
            .user_agent(concat!("deploy-action/", env!("CARGO_PKG_VERSION")));
        let name = match &host {
            Host::Domain(name) => name.clone(),
            Host::Ipv4(ip) => ip.to_string(),
            Host::Ipv6(ip) => ip.to_string(),
        };
        let led = resolve.find(&name, port);
        if led.is_some() || is_loopback(&host) {
            builder = builder.no_proxy();
        }
        let mut host_header = None;
        if let Some(to) = led {
            host_header = Some(authority(&target));
            let changed = target.set_port(Some(to.port())).is_ok()
                && match host {
                    // The name stays, so that a certificate is still asked for it.
                    Host::Domain(name) => {
                        builder = builder.resolve(&name, to);
                        true
                    }
                    Host::Ipv4(_) | Host::Ipv6(_) => target.set_ip_host(to.ip()).is_ok(),
                };
            if !changed {
                return Err(invalid(url, "its address cannot be led elsewhere"));
            }
        }
        Ok(Self {
            client: builder.build().map_err(http::HttpError::from)?,
            url: target,
            host: host_header,
        })
    }

    /// Starts a request.
    pub(in crate::probe) fn request(&self, method: reqwest::Method) -> reqwest::RequestBuilder {
        let request = self.client.request(method, self.url.clone());
        match &self.host {
            Some(host) => request.header(header::HOST, host),
            None => request,
        }
    }
}

/// The beginning of a body.
pub(in crate::probe) struct Body {
    pub bytes: Vec<u8>,
    /// Whether that is all of it.
    pub whole: bool,
}

/// Reads a body up to `limit` bytes.
pub(in crate::probe) async fn read_body(
    response: &mut Response,
    limit: usize,
) -> Result<Body, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = limit - bytes.len();
        if chunk.len() > room {
            bytes.extend_from_slice(&chunk[..room]);
            return Ok(Body {
                bytes,
                whole: false,
            });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Body { bytes, whole: true })
}

/// Says in the words of the innermost cause what went wrong; the outer ones say only that a request failed.
pub(in crate::probe) fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn read_url(text: &str) -> Result<Url, ProbeError> {
    let url = Url::parse(text).map_err(|error| invalid(text, &error.to_string()))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(invalid(
            text,
            &format!("its scheme is `{other}`; expected http or https"),
        )),
    }
}

fn invalid(url: &str, reason: &str) -> ProbeError {
    ProbeError::Url {
        url: url.to_owned(),
        reason: reason.to_owned(),
    }
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

fn is_loopback(host: &Host<String>) -> bool {
    match host {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(ip) => IpAddr::from(*ip).is_loopback(),
        Host::Ipv6(ip) => IpAddr::from(*ip).is_loopback(),
    }
}
