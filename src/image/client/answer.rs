//! What a registry's answer says when it refuses.

use std::time::Duration;

use reqwest::{Response, header::RETRY_AFTER};
use serde::Deserialize;

use crate::image::ImageError;

const LARGEST_REFUSAL: usize = 64 << 10;
const LONGEST_MESSAGE: usize = 500;

#[derive(Deserialize)]
struct Problems {
    errors: Vec<Problem>,
}

#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// Makes an error of an answer that is none of the hoped for.
pub(super) async fn refusal(registry: &str, doing: &str, answer: Response) -> ImageError {
    let status = answer.status().as_u16();
    let retry_after = answer
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.trim().parse().ok())
        .map(Duration::from_secs);
    // A body that does not come makes the refusal no smaller: its status is what counts.
    let body = body_at_most(registry, doing, answer, LARGEST_REFUSAL)
        .await
        .unwrap_or_default();
    ImageError::Refused {
        registry: registry.to_owned(),
        doing: doing.to_owned(),
        status,
        message: message(&body),
        retry_after,
    }
}

/// Takes the specification's form of errors; a page for browsers says nothing that the status does not.
fn message(body: &[u8]) -> String {
    let text = match serde_json::from_slice::<Problems>(body) {
        Ok(Problems { errors }) => {
            let lines: Vec<_> = errors
                .iter()
                .map(
                    |problem| match (problem.code.as_str(), problem.message.as_str()) {
                        ("", message) => message.to_owned(),
                        (code, "") => code.to_owned(),
                        (code, message) => format!("{code}: {message}"),
                    },
                )
                .collect();
            lines.join("; ")
        }
        Err(_) => match std::str::from_utf8(body) {
            Ok(text) if !text.trim_start().starts_with('<') => text.trim().to_owned(),
            _ => String::new(),
        },
    };
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    one_line
        .chars()
        .filter(|c| !c.is_control())
        .take(LONGEST_MESSAGE)
        .collect()
}

/// Reads a body that must be small.
pub(super) async fn body_at_most(
    registry: &str,
    doing: &str,
    mut answer: Response,
    limit: usize,
) -> Result<Vec<u8>, ImageError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer
        .chunk()
        .await
        .map_err(|source| ImageError::Unreachable {
            registry: registry.to_owned(),
            doing: doing.to_owned(),
            source,
        })?
    {
        if body.len() + chunk.len() > limit {
            return Err(ImageError::Protocol {
                registry: registry.to_owned(),
                doing: doing.to_owned(),
                because: format!("its answer has more than {limit} bytes"),
            });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::message;

    #[test]
    fn a_refusal_says_the_registrys_words_on_one_line() {
        for (body, expected) in [
            (
                r#"{"errors":[{"code":"DENIED","message":"no\nway","detail":{"x":1}},{"code":"X"}]}"#,
                "DENIED: no way; X",
            ),
            ("<html>Bad Gateway</html>", ""),
            ("slow down\u{1b}[31m", "slow down[31m"),
            ("", ""),
        ] {
            assert_eq!(message(body.as_bytes()), expected);
        }
        assert_eq!(message(&[0xff, 0xfe]), "");
        assert_eq!(message("x".repeat(9000).as_bytes()).len(), 500);
    }
}
