//! GitHub's own description of its API, as far as we call it, and what breaks it.
//!
//! The description lies beside this crate as `github-api.json`; `cargo xtask schema github` writes it from npm's registry.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use jsonschema::Validator;
use serde_json::{Value, json};

/// The slice of the description.
const DESCRIPTION: &str = include_str!("../github-api.json");

/// What may come back from any operation, whether or not it is listed there: GitHub documents these once for all, under "Troubleshooting
/// the REST API" and "Rate limits for the REST API".
const FROM_ANYWHERE: [u16; 6] = [400, 401, 403, 404, 422, 429];

/// A request, and what was answered.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'e> {
    /// `GET`, `POST`, …
    pub method: &'e str,
    /// The path below the API's address, as it was sent.
    pub path: &'e str,
    /// The query without its question mark; empty where there is none.
    pub query: &'e str,
    /// The body of the request; empty where there is none.
    pub body: &'e str,
    /// The status of the answer.
    pub status: u16,
    /// The body of the answer; empty where there is none.
    pub answer: &'e str,
}

/// Whose requests are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// Our client: each request has to be right, however it was answered.
    Client,
    /// A test that sends wrong ones on purpose: those have to be refused.
    Adversary,
}

impl Exchange<'_> {
    /// Returns what in this exchange breaks the description, in words; empty where nothing does.
    pub fn problems(&self, asker: Asker) -> Vec<String> {
        let mut problems = self.answer_problems();
        if asker == Asker::Client || self.status < 400 {
            problems.extend(self.request_problems());
        }
        let Self {
            method,
            path,
            status,
            ..
        } = self;
        let named = |problem| format!("{method} {path}, answered {status}: {problem}");
        problems.into_iter().map(named).collect()
    }

    /// Returns what is wrong with the request alone.
    pub fn request_problems(&self) -> Vec<String> {
        let Some(operation) = Operation::of(self) else {
            return vec!["GitHub has no such operation among those that we call".to_owned()];
        };
        let mut problems = operation.path_problems();
        problems.extend(operation.query_problems(self.query));
        problems.extend(operation.body_problems(self.body));
        problems
    }

    fn answer_problems(&self) -> Vec<String> {
        let operation = Operation::of(self);
        let documented =
            operation.and_then(|operation| operation.answer(self.status).map(|_| operation));
        match (documented, self.status) {
            // A server in trouble answers by its proxy, with a page or with nothing.
            (_, 500..) => Vec::new(),
            (_, 304) if self.answer.is_empty() => Vec::new(),
            // Of some refusals it is documented that they come, not what they say: then it is what others say.
            (Some(operation), status) if !operation.answer(status).is_some_and(Value::is_null) => {
                let place = format!("{} {status}", operation.name);
                let schema = operation.answer(status).unwrap_or(&Value::Null);
                invalid("the answer", &place, schema, self.answer)
            }
            (Some(_), 200..300) if self.answer.is_empty() => Vec::new(),
            (_, status) if FROM_ANYWHERE.contains(&status) => {
                let error = json!({"$ref": "#/$defs/basic-error"});
                invalid("the answer", "basic-error", &error, self.answer)
            }
            (_, status) => vec![format!("the status {status} is not documented")],
        }
    }
}

/// Returns what breaks the description in a recording GitHub's log of requests: a JSON object a line.
///
/// # Panics
///
/// The log cannot be read.
pub fn problems_of_log(log: &Path, asker: Asker) -> Vec<String> {
    let text = fs::read_to_string(log).expect("a recording GitHub keeps a log");
    let lines = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line of the log is JSON"));
    lines
        .flat_map(|line: Value| {
            let text = |field: &str| line[field].as_str().unwrap_or_default();
            let exchange = Exchange {
                method: text("method"),
                path: text("path"),
                query: text("query"),
                body: text("body"),
                status: u16::try_from(line["status"].as_u64().unwrap_or_default()).unwrap_or(0),
                answer: text("answer"),
            };
            exchange.problems(asker)
        })
        .collect()
}

/// One operation of the description, and the texts that stand for the variables of its path.
struct Operation<'e> {
    name: &'static str,
    described: &'static Value,
    path: BTreeMap<&'static str, &'e str>,
}

impl<'e> Operation<'e> {
    fn of(exchange: &Exchange<'e>) -> Option<Self> {
        // GitHub takes POST for PATCH, for clients that cannot send PATCH, and does not describe it.
        let methods = match exchange.method {
            "POST" => &["POST", "PATCH"][..],
            _ => &[exchange.method][..],
        };
        let path = exchange.path;
        methods.iter().find_map(|method| Self::with(method, path))
    }

    fn with(method: &str, path: &'e str) -> Option<Self> {
        let operations = description()["operations"].as_object()?;
        let matching = operations.iter().filter_map(|(name, described)| {
            let (found, template) = name.split_once(' ')?;
            let path = variables(template, path).filter(|_| found == method)?;
            Some(Self {
                name,
                described,
                path,
            })
        });
        // The more of it stands there literally, the better it fits.
        matching.min_by_key(|operation| operation.path.len())
    }

    fn parameters(&self, place: &str) -> impl Iterator<Item = &'static Value> {
        let parameters = self.described["parameters"].as_array();
        parameters
            .into_iter()
            .flatten()
            .filter(move |parameter| parameter["in"] == place)
    }

    fn path_problems(&self) -> Vec<String> {
        self.parameters("path")
            .flat_map(|parameter| {
                let name = parameter["name"].as_str().unwrap_or_default();
                let text = self.path.get(name).copied().unwrap_or_default();
                self.parameter_problems(parameter, text)
            })
            .collect()
    }

    fn query_problems(&self, query: &str) -> Vec<String> {
        let given: BTreeMap<&str, &str> = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .collect();
        let mut problems = Vec::new();
        let mut known = Vec::new();
        for parameter in self.parameters("query") {
            let name = parameter["name"].as_str().unwrap_or_default();
            known.push(name);
            match given.get(name) {
                Some(text) => problems.extend(self.parameter_problems(parameter, text)),
                None if parameter["required"] == true => {
                    problems.push(format!("the parameter `{name}` is missing"));
                }
                None => {}
            }
        }
        let unknown = given.keys().filter(|name| !known.contains(name));
        problems.extend(unknown.map(|name| format!("there is no parameter `{name}`")));
        problems
    }

    fn parameter_problems(&self, parameter: &Value, text: &str) -> Vec<String> {
        let name = parameter["name"].as_str().unwrap_or_default();
        let place = format!("{} ?{name}", self.name);
        // An address holds texts only; a number is one when it reads as one.
        let value = match serde_json::from_str::<Value>(text) {
            Ok(value @ (Value::Number(_) | Value::Bool(_)))
                if parameter["schema"]["type"] != "string" =>
            {
                value
            }
            _ => json!(text),
        };
        let value = value.to_string();
        invalid(
            &format!("the parameter `{name}`"),
            &place,
            &parameter["schema"],
            &value,
        )
    }

    fn body_problems(&self, body: &str) -> Vec<String> {
        let Some(schema) = self.described.get("body") else {
            return match body {
                "" => Vec::new(),
                _ => vec!["it takes no body".to_owned()],
            };
        };
        if body.is_empty() && self.described["bodyRequired"] == false {
            return Vec::new();
        }
        let mut problems = invalid("the body", &format!("{} body", self.name), schema, body);
        // GitHub leaves alone what it does not know: a misspelt field would go unnoticed.
        if let Ok(Value::Object(fields)) = serde_json::from_str(body)
            && let Some(known) = schema["properties"].as_object()
        {
            let unknown = fields.keys().filter(|name| !known.contains_key(*name));
            problems.extend(unknown.map(|name| format!("the body has no field `{name}`")));
        }
        problems
    }

    /// Returns the schema of an answer with this status, null where it has no body.
    fn answer(&self, status: u16) -> Option<&'static Value> {
        self.described["answers"].get(status.to_string())
    }
}

fn description() -> &'static Value {
    static DESCRIBED: LazyLock<Value> =
        LazyLock::new(|| serde_json::from_str(DESCRIPTION).expect("the description is JSON"));
    &DESCRIBED
}

/// Returns what stands for the variables of a template, where a path has its form.
fn variables<'e>(template: &'static str, path: &'e str) -> Option<BTreeMap<&'static str, &'e str>> {
    let mut variables = BTreeMap::new();
    let mut rest = path.strip_prefix('/')?;
    let mut parts = template.strip_prefix('/')?.split('/').peekable();
    while let Some(part) = parts.next() {
        let variable = part
            .strip_prefix('{')
            .and_then(|part| part.strip_suffix('}'));
        let (segment, behind) = match (variable, parts.peek()) {
            // The name of a ref has segments of its own.
            (Some("ref"), None) => (rest, ""),
            (_, None) if rest.contains('/') => return None,
            (_, None) => (rest, ""),
            (_, Some(_)) => rest.split_once('/')?,
        };
        match variable {
            Some(_) if segment.is_empty() => return None,
            Some(name) => drop(variables.insert(name, segment)),
            None if part != segment => return None,
            None => {}
        }
        rest = behind;
    }
    Some(variables)
}

/// Returns where a JSON text breaks a schema of the description. `place` names the schema.
fn invalid(what: &str, place: &str, schema: &Value, text: &str) -> Vec<String> {
    let value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => return vec![format!("{what} is no JSON: {error}")],
    };
    let validator = validator(place, schema);
    let errors = validator.iter_errors(&value);
    errors
        .map(|error| {
            let mut words = error.to_string();
            if let Some((end, _)) = words.char_indices().nth(300) {
                words.truncate(end);
            }
            format!("{what} at `{}`: {words}", error.instance_path())
        })
        .collect()
}

/// Makes a schema ready once.
fn validator(place: &str, schema: &Value) -> Arc<Validator> {
    static MADE: Mutex<BTreeMap<String, Arc<Validator>>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(validator) = made.get(place) {
        return Arc::clone(validator);
    }
    let whole = json!({"allOf": [schema], "$defs": description()["$defs"]});
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&whole)
        .expect("the description holds schemas");
    let validator = Arc::new(validator);
    made.insert(place.to_owned(), Arc::clone(&validator));
    validator
}

#[cfg(test)]
mod tests {
    use super::*;

    const ERROR: &str = r#"{"message": "Not Found", "documentation_url": "https://docs.github.com/rest", "status": "404"}"#;

    fn exchange<'e>(method: &'e str, path: &'e str, status: u16, answer: &'e str) -> Exchange<'e> {
        Exchange {
            method,
            path,
            query: "",
            body: "",
            status,
            answer,
        }
    }

    #[track_caller]
    fn check(exchange: Exchange, expected: &[&str]) {
        assert_eq!(exchange.request_problems(), expected);
    }

    #[test]
    fn a_request_is_held_against_path_parameters_and_body() {
        let comments = "/repos/acme/api/issues/1/comments";
        let list = exchange("GET", comments, 200, "[]");
        check(list, &[]);
        let query = "per_page=100&page=2";
        check(Exchange { query, ..list }, &[]);
        let query = "per_page=all&size=3";
        let expected = [
            "the parameter `per_page` at ``: \"all\" is not of type \"integer\"",
            "there is no parameter `size`",
        ];
        check(Exchange { query, ..list }, &expected);
        check(
            exchange("GET", "/repos/acme/api/issues/x/comments", 200, "[]"),
            &["the parameter `issue_number` at ``: \"x\" is not of type \"integer\""],
        );
        let create = exchange("POST", comments, 201, "");
        let body = r#"{"body": "words"}"#;
        check(Exchange { body, ..create }, &[]);
        let body = r#"{"text": "words"}"#;
        let expected = [
            "the body at ``: \"body\" is a required property",
            "the body has no field `text`",
        ];
        check(Exchange { body, ..create }, &expected);
        check(
            exchange("PUT", comments, 200, "[]"),
            &["GitHub has no such operation among those that we call"],
        );
    }

    #[test]
    fn a_ref_has_segments_and_the_id_of_a_comment_is_no_issue() {
        let with = |path| Operation::with("GET", path).map(|operation| operation.name);
        assert_eq!(
            with("/repos/acme/api/git/ref/heads/a/b"),
            Some("GET /repos/{owner}/{repo}/git/ref/{ref}")
        );
        assert_eq!(
            with("/repos/acme/api/issues/comments/9"),
            Some("GET /repos/{owner}/{repo}/issues/comments/{comment_id}")
        );
        assert_eq!(with("/repos/acme"), None);
        assert_eq!(with("/repos/acme/api/issues//comments"), None);
    }

    #[test]
    fn an_answer_is_held_against_status_and_schema() {
        let comments = "/repos/acme/api/issues/1/comments";
        let problems = |exchange: Exchange| exchange.problems(Asker::Client);
        assert_eq!(problems(exchange("GET", comments, 404, ERROR)), [""; 0]);
        assert_eq!(problems(exchange("GET", comments, 502, "<html>")), [""; 0]);
        assert_eq!(
            problems(exchange("GET", comments, 202, "[]")),
            [format!(
                "GET {comments}, answered 202: the status 202 is not documented"
            )]
        );
        let thin = problems(exchange("GET", comments, 200, r#"[{"id": 1}]"#));
        let missing = "the answer at `/0`: \"node_id\" is a required property";
        assert!(
            thin.iter().any(|problem| problem.ends_with(missing)),
            "{thin:?}"
        );
        let removed = exchange("DELETE", "/repos/acme/api/issues/comments/9", 204, "");
        assert_eq!(problems(removed), [""; 0]);
    }

    #[test]
    fn a_wrong_request_of_an_adversary_has_to_be_refused() {
        let unknown = exchange("GET", "/nonsense", 404, ERROR);
        assert_eq!(unknown.problems(Asker::Adversary), [""; 0]);
        assert_eq!(unknown.problems(Asker::Client).len(), 1);
        let accepted = Exchange {
            query: "size=3",
            ..exchange("GET", "/repos/acme/api/issues/1/comments", 200, "[]")
        };
        assert_eq!(accepted.problems(Asker::Adversary).len(), 1);
    }
}
