//! The check `tcp`: does something accept connections.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::probe::{
    Evidence, Observations, ProbeError, Resolve, Unit,
    observation::{milliseconds, no_answer_within},
    resolve::Address,
};

/// What the check `tcp` asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcpQuestion {
    /// `HOST:PORT`.
    pub address: String,
}

/// Opens one connection and closes it. Observes `open`, `latency` (of the connection) and, when it is not open,
/// `error`.
///
/// # Errors
/// The address is none.
pub async fn ask_tcp(
    question: &TcpQuestion,
    resolve: &Resolve,
    limit: Duration,
) -> Result<Evidence, ProbeError> {
    let address = Address::read(&question.address)?;
    let mut observed = Observations::new();
    let begun = Instant::now();
    let failure = match timeout(limit, address.connect(resolve)).await {
        Ok(Ok(_)) => {
            observed.add("open", true);
            observed.add_in("latency", milliseconds(begun.elapsed()), Unit::Milliseconds);
            return Ok(Evidence {
                observed,
                holds: Ok(()),
            });
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => no_answer_within(limit),
    };
    observed.add("open", false);
    observed.add("error", failure.clone());
    Ok(Evidence {
        observed,
        holds: Err(format!("`{address}` is not open: {failure}")),
    })
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::expression::Value;

    const LIMIT: Duration = Duration::from_secs(10);

    async fn ask(address: &str, resolve: &Resolve) -> Evidence {
        let question = TcpQuestion {
            address: address.to_owned(),
        };
        ask_tcp(&question, resolve, LIMIT).await.expect("an answer")
    }

    #[tokio::test]
    async fn an_open_port_is_seen_where_its_address_leads() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let mut resolve = Resolve::new();
        resolve.lead(
            "Database",
            5432,
            listener.local_addr().expect("its address"),
        );
        let evidence = ask("database:5432", &resolve).await;
        assert_eq!(evidence.holds, Ok(()));
        let latency = evidence.observed.get("latency").expect("a latency");
        assert_eq!(latency.unit, Unit::Milliseconds);
        assert!(matches!(latency.value, Value::Number(time) if time > 0.0));
    }

    #[tokio::test]
    async fn a_closed_port_is_an_observation() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address").to_string();
        drop(listener);
        let evidence = ask(&address, &Resolve::new()).await;
        let open = evidence.observed.get("open").expect("it was observed");
        assert_eq!(open.value, Value::Boolean(false));
        let reason = evidence.holds.expect_err("nothing listens");
        assert!(
            reason.contains("is not open: Connection refused"),
            "{reason}"
        );
    }
}
