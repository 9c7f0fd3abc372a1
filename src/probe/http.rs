//! The check `http`.

use std::time::{Duration, Instant};

use indexmap::IndexMap;
use reqwest::{
    Method, RequestBuilder, Response,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use tokio::time::timeout;

use crate::{
    expression::Value,
    probe::{
        Evidence, Observations, ProbeError, Resolve, Unit,
        client::{Route, cause, read_body},
        observation::{count, json, milliseconds, no_answer_within},
    },
    secret::Secret,
};

/// How much of a body is read: more is no answer to a check.
const MAX_BODY: usize = 1024 * 1024;

/// What the check `http` asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpQuestion {
    /// `http://…` or `https://…`.
    pub url: String,
    /// The method, `GET` say.
    pub method: String,
    /// Names and values; a value may be secret, so each is kept as one.
    pub headers: Vec<(String, Secret)>,
    /// The body, where one is sent.
    pub body: Option<String>,
}

/// Asks once, without following redirects. Observes `status`, `latency` (until the head of the answer), `header`
/// (names in lower case; values of a repeated one joined by `, `), `body` (its first mebibyte) and, where the whole
/// body is JSON, `json`; without an answer `error`.
///
/// # Errors
/// The URL, the method or a header is not well formed.
pub async fn ask_http(
    question: &HttpQuestion,
    resolve: &Resolve,
    limit: Duration,
) -> Result<Evidence, ProbeError> {
    let route = Route::find(&question.url, resolve)?;
    let request = build(question, &route)?;
    let failure = match timeout(limit, exchange(request)).await {
        Ok(Ok(evidence)) => return Ok(evidence),
        Ok(Err(error)) => cause(&error),
        Err(_) => no_answer_within(limit),
    };
    let mut observed = Observations::new();
    observed.add("error", failure.clone());
    Ok(Evidence {
        observed,
        holds: Err(format!("`{}` did not answer: {failure}", question.url)),
    })
}

fn build(question: &HttpQuestion, route: &Route) -> Result<RequestBuilder, ProbeError> {
    let malformed = |part: String| ProbeError::Request { part };
    let method = Method::from_bytes(question.method.as_bytes())
        .map_err(|_| malformed(format!("method `{}`", question.method)))?;
    let mut headers = HeaderMap::new();
    for (name, value) in &question.headers {
        let part = || malformed(format!("header `{name}`"));
        let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| part())?;
        let mut value = HeaderValue::from_str(value.expose()).map_err(|_| part())?;
        value.set_sensitive(true);
        headers.append(parsed, value);
    }
    // After the route's own: a header of the plan takes the place of one that we would have set.
    let request = route.request(method).headers(headers);
    Ok(match &question.body {
        Some(body) => request.body(body.clone()),
        None => request,
    })
}

async fn exchange(request: RequestBuilder) -> Result<Evidence, reqwest::Error> {
    let begun = Instant::now();
    let mut response = request.send().await?;
    let latency = begun.elapsed();
    let status = response.status();
    let mut observed = Observations::new();
    observed.add("status", count(status.as_u16().into()));
    observed.add_in("latency", milliseconds(latency), Unit::Milliseconds);
    observed.add("header", headers(&response));
    let body = read_body(&mut response, MAX_BODY).await?;
    let text = String::from_utf8_lossy(&body.bytes).into_owned();
    if body.whole
        && let Some(value) = json(&text)
    {
        observed.add("json", value);
    }
    observed.add("body", text);
    let holds = if status.is_success() {
        Ok(())
    } else {
        Err(format!(
            "the status is {}; expected 200 to 299",
            status.as_u16()
        ))
    };
    Ok(Evidence { observed, holds })
}

fn headers(response: &Response) -> Value {
    let mut seen: IndexMap<String, Value> = IndexMap::new();
    for name in response.headers().keys() {
        let values: Vec<String> = response
            .headers()
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect();
        seen.insert(name.as_str().to_owned(), Value::Text(values.join(", ")));
    }
    Value::Map(seen)
}

#[cfg(test)]
mod tests {
    use axum::{
        Router,
        http::{HeaderMap, StatusCode},
        routing::{any, get},
    };
    use tokio::net::TcpListener;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    /// A server, to which `relay.example:8088` leads.
    async fn serve(router: Router) -> (Resolve, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let mut resolve = Resolve::new();
        let to = listener.local_addr().expect("its address");
        resolve.lead("relay.example", 8088, to);
        resolve.lead("203.0.113.7", 80, to);
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("a server");
        });
        (resolve, server)
    }

    fn question(url: &str) -> HttpQuestion {
        HttpQuestion {
            url: url.to_owned(),
            method: "GET".to_owned(),
            headers: Vec::new(),
            body: None,
        }
    }

    async fn ask(question: &HttpQuestion, resolve: &Resolve) -> Evidence {
        ask_http(question, resolve, LIMIT).await.expect("an answer")
    }

    fn value<'e>(evidence: &'e Evidence, name: &str) -> &'e Value {
        &evidence.observed.get(name).expect("an observation").value
    }

    #[tokio::test]
    async fn an_answer_is_observed_in_all_its_parts() {
        let health = get(|| async { ([("X-Version", "1.4.0")], r#"{"ok":true,"items":[1]}"#) });
        let (resolve, _server) = serve(Router::new().route("/health", health)).await;
        let evidence = ask(&question("http://relay.example:8088/health"), &resolve).await;
        assert_eq!(evidence.holds, Ok(()));
        assert_eq!(*value(&evidence, "status"), Value::Number(200.0));
        assert_eq!(
            value(&evidence, "json").get("ok"),
            Some(&Value::Boolean(true))
        );
        assert_eq!(
            value(&evidence, "header").get("x-version"),
            Some(&Value::from("1.4.0"))
        );
        assert_eq!(
            *value(&evidence, "body"),
            Value::from(r#"{"ok":true,"items":[1]}"#)
        );
        let latency = evidence.observed.get("latency").expect("a latency");
        assert_eq!(latency.unit, Unit::Milliseconds);
    }

    #[tokio::test]
    async fn the_host_that_was_asked_for_stays_the_host() {
        let host = any(|headers: HeaderMap| async move {
            headers["host"].to_str().expect("a text").to_owned()
        });
        let (resolve, _server) = serve(Router::new().fallback(host)).await;
        let evidence = ask(&question("http://relay.example:8088/"), &resolve).await;
        assert_eq!(*value(&evidence, "body"), Value::from("relay.example:8088"));
        let evidence = ask(&question("http://203.0.113.7/"), &resolve).await;
        assert_eq!(*value(&evidence, "body"), Value::from("203.0.113.7"));
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_not_followed() {
        let moved = get(|| async { (StatusCode::FOUND, [("location", "/there")]) });
        let (resolve, _server) = serve(Router::new().route("/", moved)).await;
        let evidence = ask(&question("http://relay.example:8088/"), &resolve).await;
        assert_eq!(
            evidence.holds,
            Err("the status is 302; expected 200 to 299".to_owned())
        );
        assert_eq!(
            value(&evidence, "header").get("location"),
            Some(&Value::from("/there"))
        );
    }

    #[tokio::test]
    async fn method_headers_and_body_arrive() {
        let echo = any(
            |method: Method, headers: HeaderMap, body: String| async move {
                format!(
                    "{method} {} {body}",
                    headers["authorization"].to_str().expect("a text")
                )
            },
        );
        let (resolve, _server) = serve(Router::new().fallback(echo)).await;
        let asked = HttpQuestion {
            method: "PUT".to_owned(),
            headers: vec![("Authorization".to_owned(), Secret::new("Bearer x"))],
            body: Some("payload".to_owned()),
            ..question("http://relay.example:8088/")
        };
        let evidence = ask(&asked, &resolve).await;
        assert_eq!(
            *value(&evidence, "body"),
            Value::from("PUT Bearer x payload")
        );
    }

    #[tokio::test]
    async fn a_body_without_end_is_cut() {
        let large = get(|| async { "9".repeat(3 * MAX_BODY) });
        let (resolve, _server) = serve(Router::new().route("/", large)).await;
        let evidence = ask(&question("http://relay.example:8088/"), &resolve).await;
        let Value::Text(body) = value(&evidence, "body") else {
            panic!("a text");
        };
        assert_eq!(body.len(), MAX_BODY);
        assert_eq!(evidence.observed.get("json"), None);
    }

    #[tokio::test]
    async fn a_service_that_is_not_there_is_an_observation() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        drop(listener);
        let evidence = ask(&question(&format!("http://{address}/")), &Resolve::new()).await;
        let reason = evidence.holds.clone().expect_err("nothing listens");
        assert!(reason.contains("Connection refused"), "{reason}");
        assert_eq!(evidence.observed.get("status"), None);
        assert!(matches!(value(&evidence, "error"), Value::Text(_)));
    }

    #[tokio::test]
    async fn a_service_that_does_not_answer_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let asked = question(&format!("http://{address}/"));
        let evidence = ask_http(&asked, &Resolve::new(), Duration::from_millis(50)).await;
        let reason = evidence.expect("an answer").holds.expect_err("silence");
        assert!(reason.ends_with("no answer within 50 ms"), "{reason}");
    }

    #[tokio::test]
    async fn a_header_that_is_none_is_named_without_its_value() {
        let asked = HttpQuestion {
            headers: vec![("X-Token".to_owned(), Secret::new("se\ncret"))],
            ..question("http://127.0.0.1:1/")
        };
        let error = ask_http(&asked, &Resolve::new(), LIMIT)
            .await
            .expect_err("no header");
        assert_eq!(error.to_string(), "header `X-Token` is not well formed");
    }
}
