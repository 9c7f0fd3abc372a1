//! Which proxy stands before which address, by the environment.

use reqwest::{NoProxy, Proxy};

use super::HttpError;

/// This machine, which no proxy reaches.
const HERE: &str = "localhost,127.0.0.0/8,::1";

/// Names in the order in which they are read: curl's own spelling first.
const HTTPS: [&str; 2] = ["https_proxy", "HTTPS_PROXY"];
const HTTP: [&str; 2] = ["http_proxy", "HTTP_PROXY"];
const ALL: [&str; 2] = ["all_proxy", "ALL_PROXY"];
const NONE: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// The proxies that the environment names, with the variable that does.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Proxies {
    https: Option<(&'static str, String)>,
    http: Option<(&'static str, String)>,
    none: String,
}

impl Proxies {
    /// Reads the environment; `None` where it names no proxy, and the system's own settings count.
    pub(super) fn read(get: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let first = |names: [&'static str; 2]| {
            let mut names = names.into_iter();
            names.find_map(|name| Some((name, get(name)?)))
        };
        let all = first(ALL);
        // A web server hands a header of its guests on as HTTP_PROXY.
        let is_served = get("REQUEST_METHOD").is_some();
        let http = first(HTTP).filter(|(name, _)| !is_served || *name == HTTP[0]);
        let https = first(HTTPS).or_else(|| all.clone());
        let http = http.or(all);
        if https.is_none() && http.is_none() {
            return None;
        }
        let none = first(NONE).map(|(_, value)| value);
        Some(Self {
            https,
            http,
            none: none.map_or_else(|| HERE.to_owned(), |none| format!("{none},{HERE}")),
        })
    }

    pub(super) fn build(self) -> Result<Vec<Proxy>, HttpError> {
        let none = NoProxy::from_string(&self.none);
        let build = |named: Option<(&'static str, String)>, make: fn(String) -> _| {
            let Some((variable, address)) = named else {
                return Ok(None);
            };
            let made: Result<Proxy, reqwest::Error> = make(address);
            match made {
                Ok(proxy) => Ok(Some(proxy.no_proxy(none.clone()))),
                Err(source) => Err(HttpError::Proxy {
                    variable,
                    source: source.without_url(),
                }),
            }
        };
        let https = build(self.https, Proxy::https)?;
        let http = build(self.http, Proxy::http)?;
        Ok(https.into_iter().chain(http).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Option<Proxies> {
        Proxies::read(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn variables_are_read_in_curls_order_and_this_machine_needs_no_proxy() {
        assert_eq!(read(&[("NO_PROXY", "a.example")]), None);
        let found = read(&[
            ("HTTPS_PROXY", "http://upper"),
            ("https_proxy", "http://lower"),
            ("ALL_PROXY", "http://all"),
            ("NO_PROXY", "a.example,.b.example"),
        ]);
        let found = found.expect("there are some");
        assert_eq!(
            found.https,
            Some(("https_proxy", "http://lower".to_owned()))
        );
        assert_eq!(found.http, Some(("ALL_PROXY", "http://all".to_owned())));
        assert_eq!(found.none, "a.example,.b.example,localhost,127.0.0.0/8,::1");
        let guest = read(&[("HTTP_PROXY", "http://evil"), ("REQUEST_METHOD", "GET")]);
        assert_eq!(guest, None);
    }

    /// A server that answers everything with its own name.
    async fn named(name: &'static str) -> std::net::SocketAddr {
        let router = axum::Router::new().fallback(move || async move { name });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    #[tokio::test]
    async fn a_proxy_is_asked_besides_what_no_proxy_names() {
        drop(rustls::crypto::ring::default_provider().install_default());
        let (proxy, server) = (named("proxy").await, named("server").await);
        let proxy = format!("http://{proxy}");
        for (none, expected) in [
            ("", "proxy"),
            ("other.example", "proxy"),
            ("acme.example", "server"),
            ("other.example, .acme.example", "server"),
            ("*", "server"),
        ] {
            let found = read(&[("HTTP_PROXY", &proxy), ("NO_PROXY", none)]);
            let proxies = found
                .expect("there is one")
                .build()
                .expect("it can be used");
            let builder = reqwest::Client::builder().no_proxy();
            let builder = proxies
                .into_iter()
                .fold(builder, |builder, proxy| builder.proxy(proxy));
            let client = builder.resolve("registry.acme.example", server).build();
            let address = format!("http://registry.acme.example:{}/", server.port());
            let answer = client.expect("a client").get(address).send().await;
            let text = answer.expect("an answer").text().await;
            assert_eq!(text.ok().as_deref(), Some(expected), "{none}");
        }
    }

    #[test]
    fn a_proxy_that_is_none_is_told_by_its_variable_alone() {
        let wrong = read(&[("HTTPS_PROXY", "http://user:hunter2@:x/")]);
        let problem = wrong.expect("it is named").build().expect_err("no address");
        let words = format!("{problem:?} {problem}");
        assert!(problem.to_string().contains("HTTPS_PROXY"), "{words}");
        assert!(!words.contains("hunter2"), "{words}");
    }
}
