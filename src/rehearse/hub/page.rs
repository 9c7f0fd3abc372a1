//! Lists in pages (docs.github.com, "Using pagination in the REST API").

use axum::http::header;
use serde_json::Value;

use super::{answer::Answer, api::Call};

const DEFAULT_SIZE: usize = 30;
const LARGEST_SIZE: usize = 100;

/// Which page a request asks for.
struct Asked {
    number: usize,
    size: usize,
}

impl Asked {
    fn read(call: &Call) -> Self {
        let number = |name| {
            let value = call.parameter(name)?.parse::<usize>().ok()?;
            (value > 0).then_some(value)
        };
        Self {
            number: number("page").unwrap_or(1),
            size: number("per_page").unwrap_or(DEFAULT_SIZE).min(LARGEST_SIZE),
        }
    }
}

/// Answers with one page of a list; `wrap` makes the body of it (some lists stand in an object with their count).
pub(super) fn list(call: &Call, items: Vec<Value>, wrap: impl Fn(Vec<Value>) -> Value) -> Answer {
    let asked = Asked::read(call);
    let last = items.len().div_ceil(asked.size).max(1);
    let first_item = (asked.number - 1).saturating_mul(asked.size);
    let page = items
        .into_iter()
        .skip(first_item)
        .take(asked.size)
        .collect();
    let answer = Answer::ok(wrap(page));
    let links = links(call, asked.number, last);
    if links.is_empty() {
        answer
    } else {
        answer.header(header::LINK, links.join(", "))
    }
}

/// Writes the links to the other pages, in GitHub's order.
fn links(call: &Call, number: usize, last: usize) -> Vec<String> {
    let link = |page: usize, relation: &str| {
        let mut query: Vec<String> = call
            .query
            .iter()
            .filter(|(name, _)| name != "page")
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        query.push(format!("page={page}"));
        let address = format!("{}{}?{}", call.base, call.path, query.join("&"));
        format!("<{address}>; rel=\"{relation}\"")
    };
    let mut links = Vec::new();
    if number > 1 {
        links.push(link((number - 1).min(last), "prev"));
    }
    if number < last {
        links.push(link(number + 1, "next"));
        links.push(link(last, "last"));
    }
    if number > 1 {
        links.push(link(1, "first"));
    }
    links
}

fn encoded(value: &str) -> String {
    url::form_urlencoded::byte_serialize(value.as_bytes()).collect()
}
