//! What can be set from outside, read once from the environment.

use std::{
    fmt,
    net::SocketAddr,
    num::{NonZeroU32, NonZeroUsize},
    str::FromStr,
    time::Duration,
};

/// Where the server listens and how much it bears.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// `RELAY_HTTP`: address for HTTP, `0.0.0.0:8088` by default.
    pub http: SocketAddr,
    /// `RELAY_GIT`: address for the git protocol, `0.0.0.0:9418` by default.
    pub git: SocketAddr,
    /// `RELAY_CONNECTIONS`: connections served at once on each port, 256 by default; further ones wait their turn.
    pub connections: NonZeroUsize,
    /// `RELAY_TIMEOUT`: whole seconds that one connection may take from first to last byte, 30 by default.
    pub timeout: Duration,
}

impl Settings {
    /// Reads the settings; `variable` answers with the value of an environment variable.
    ///
    /// # Errors
    ///
    /// The first variable whose value cannot be read.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidSetting> {
        let value = |name, default: &str| variable(name).unwrap_or_else(|| default.to_owned());
        Ok(Self {
            http: parse(
                "RELAY_HTTP",
                "an address such as 0.0.0.0:8088",
                &value("RELAY_HTTP", "0.0.0.0:8088"),
            )?,
            git: parse(
                "RELAY_GIT",
                "an address such as 0.0.0.0:9418",
                &value("RELAY_GIT", "0.0.0.0:9418"),
            )?,
            connections: parse(
                "RELAY_CONNECTIONS",
                "a number above 0",
                &value("RELAY_CONNECTIONS", "256"),
            )?,
            timeout: Duration::from_secs(
                parse::<NonZeroU32>(
                    "RELAY_TIMEOUT",
                    "whole seconds above 0",
                    &value("RELAY_TIMEOUT", "30"),
                )?
                .get()
                .into(),
            ),
        })
    }
}

fn parse<T: FromStr>(
    name: &'static str,
    expected: &'static str,
    found: &str,
) -> Result<T, InvalidSetting> {
    found.parse().map_err(|_| InvalidSetting {
        name,
        found: found.to_owned(),
        expected,
    })
}

/// An environment variable whose value cannot be read.
#[derive(Debug, Eq, PartialEq)]
pub struct InvalidSetting {
    name: &'static str,
    found: String,
    expected: &'static str,
}

impl fmt::Display for InvalidSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is `{}`, expected {}",
            self.name, self.found, self.expected
        )
    }
}

impl std::error::Error for InvalidSetting {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_variables_the_ports_are_those_of_the_plan() {
        let settings = Settings::read(|_| None).expect("defaults are valid");
        assert_eq!((settings.http.port(), settings.git.port()), (8088, 9418));
    }

    #[test]
    fn a_limit_of_no_connections_is_refused_by_name() {
        let refused = Settings::read(|name| (name == "RELAY_CONNECTIONS").then(|| "0".to_owned()));
        let refused = refused.expect_err("0 serves nobody");
        assert_eq!(
            refused.to_string(),
            "RELAY_CONNECTIONS is `0`, expected a number above 0"
        );
    }
}
