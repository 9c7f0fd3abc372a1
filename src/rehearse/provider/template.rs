//! Templates of rules: texts with `{…}` in them, whose values follow from what is known and from nothing else.
//!
//! `{self.name}` is an attribute of the object, `{config.project}` one of the provider's configuration, `{given.kubeconfig}`
//! what the rehearsal gives; `{a|b|'text'}` is the first of them that is there. `{hash}`, `{hash:8}`, `{uuid}`, `{digits}`,
//! `{ip:10.20}` and `{time}` are made from the object, `{n}` says which of several equal ones it is. `{{` and `}}` are braces. A
//! text that is nothing but `{self.labels}` is the value of that attribute, of whatever type.

use serde_json::{Map, Value as Json};
use sha2::{Digest as _, Sha256};

use super::{json::to_json, value::Value};

/// Seconds of the first day of the stand-in's clock, which stands.
const DAY: u32 = 86_400;

/// What a template may speak of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'s> {
    /// The attributes of the object, as far as they are known.
    pub(super) object: &'s Value,
    /// The provider's configuration.
    pub(super) config: &'s Value,
    /// What the rehearsal gives.
    pub(super) given: &'s Map<String, Json>,
    /// What the object is made from: equal objects have equal values.
    pub(super) seed: &'s str,
    /// Which of the equal objects it is, from 0.
    pub(super) n_alike: usize,
}

/// A template that cannot be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{{{0}}}` is not known")]
pub struct TemplateError(pub(super) String);

impl Scope<'_> {
    /// Fills in the texts in a tree.
    ///
    /// # Errors
    ///
    /// A text speaks of what is not there.
    pub(super) fn fill(&self, json: &Json, place: &str) -> Result<Json, TemplateError> {
        Ok(match json {
            Json::String(text) => match self.whole(text) {
                Some(value) => to_json(value),
                None => Json::String(self.fill_text(text, place)?),
            },
            Json::Array(elements) => {
                let elements = elements.iter().enumerate();
                elements
                    .map(|(index, element)| self.fill(element, &format!("{place}.{index}")))
                    .collect::<Result<_, _>>()?
            }
            Json::Object(members) => Json::Object(
                members
                    .iter()
                    .map(|(name, member)| {
                        Ok((name.clone(), self.fill(member, &format!("{place}.{name}"))?))
                    })
                    .collect::<Result<_, _>>()?,
            ),
            Json::Null | Json::Bool(_) | Json::Number(_) => json.clone(),
        })
    }

    /// Fills in a text. `place` tells equal words at different places of an object apart.
    ///
    /// # Errors
    ///
    /// It speaks of what is not there.
    pub(super) fn fill_text(&self, text: &str, place: &str) -> Result<String, TemplateError> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            filled.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(behind) = rest.strip_prefix(brace) {
                filled.push_str(brace);
                rest = behind;
            } else {
                let (words, behind) = rest
                    .split_once('}')
                    .filter(|_| brace == "{")
                    .ok_or_else(|| TemplateError(text.to_owned()))?;
                filled.push_str(&self.first_of(words, place)?);
                rest = behind;
            }
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// Returns the attribute that is all of a text.
    fn whole(&self, text: &str) -> Option<&Value> {
        let path = text.strip_prefix("{self.")?.strip_suffix('}')?;
        at(self.object, path).filter(|value| !value.is_unknown() && value.as_text().is_none())
    }

    fn first_of(&self, words: &str, place: &str) -> Result<String, TemplateError> {
        words
            .split('|')
            .find_map(|word| self.word(word.trim(), place))
            .ok_or_else(|| TemplateError(words.to_owned()))
    }

    fn word(&self, word: &str, place: &str) -> Option<String> {
        let (name, argument) = word.split_once(':').unwrap_or((word, ""));
        match name {
            "hash" => {
                let length = argument.parse().unwrap_or(20);
                self.hash(place).get(..length).map(str::to_owned)
            }
            "n" => Some((self.n_alike + 1).to_string()),
            "uuid" => Some(self.uuid(place)),
            "digits" => Some(self.digits(place)),
            "ip" => {
                let [a, b, ..] = self.digest(place);
                Some(format!("{argument}.{a}.{}", b.clamp(2, 254)))
            }
            "time" => Some(self.time(place)),
            _ => self.known(word),
        }
    }

    fn known(&self, word: &str) -> Option<String> {
        if let Some(literal) = word.strip_prefix('\'') {
            return literal.strip_suffix('\'').map(str::to_owned);
        }
        let (scope, path) = word.split_once('.')?;
        match scope {
            "self" => at(self.object, path)?.as_text(),
            "config" => at(self.config, path)?.as_text(),
            "given" => self.given.get(path)?.as_str().map(str::to_owned),
            _ => None,
        }
    }

    /// 64 hexadecimal digits.
    fn hash(&self, place: &str) -> String {
        hex::encode(self.digest(place))
    }

    fn uuid(&self, place: &str) -> String {
        let hash = self.hash(place);
        let parts = [
            &hash[..8],
            &hash[8..12],
            &hash[13..16],
            &hash[17..20],
            &hash[20..32],
        ];
        let [first, second, third, fourth, last] = parts;
        format!("{first}-{second}-4{third}-8{fourth}-{last}")
    }

    /// Twelve digits, the first of which is no 0.
    fn digits(&self, place: &str) -> String {
        let digest = self.digest(place);
        let (bytes, _rest) = digest.split_first_chunk().expect("a digest has 32 bytes");
        format!(
            "{}",
            100_000_000_000 + u64::from_be_bytes(*bytes) % 900_000_000_000
        )
    }

    fn time(&self, place: &str) -> String {
        let digest = self.digest(place);
        let (bytes, _rest) = digest.split_first_chunk().expect("a digest has 32 bytes");
        let second = u32::from_be_bytes(*bytes) % DAY;
        format!(
            "2025-01-01T{:02}:{:02}:{:02}Z",
            second / 3600,
            second / 60 % 60,
            second % 60
        )
    }

    fn digest(&self, place: &str) -> [u8; 32] {
        Sha256::new()
            .chain_update(self.seed)
            .chain_update([0])
            .chain_update(place)
            .chain_update(self.n_alike.to_be_bytes())
            .finalize()
            .into()
    }
}

/// Finds what stands at a path of names and indices; `a.b` goes through a list of one, as most blocks of one are.
pub(super) fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(value, |value, step| match value {
        Value::Members(members) => members.get(step),
        Value::Elements(elements) => match step.parse::<usize>() {
            Ok(index) => elements.get(index),
            Err(_name) => match elements.first()? {
                Value::Members(members) => members.get(step),
                _ => None,
            },
        },
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rehearse::provider::{json::of_json, value::Type};

    fn filled_by(seed: &str, n_alike: usize, text: &str) -> Result<String, TemplateError> {
        let object = json!({ "name": "relay", "ports": [80, 443], "none": null });
        let object = of_json(&object, &Type::Dynamic, "").expect("a value");
        let Value::Dynamic { value, .. } = object else {
            panic!("it is dynamic");
        };
        let mut given = Map::new();
        given.insert("kubeconfig".to_owned(), "of a cluster".into());
        let scope = Scope {
            object: &value,
            config: &Value::Null,
            given: &given,
            seed,
            n_alike,
        };
        scope.fill_text(text, "place")
    }

    fn filled(text: &str) -> String {
        filled_by("seed", 0, text).expect("it is known")
    }

    #[test]
    fn what_is_known_is_put_in() {
        for (text, expected) in [
            ("plain", "plain"),
            ("{self.name}-{self.ports.1}", "relay-443"),
            ("{given.kubeconfig}", "of a cluster"),
            ("{self.none|config.project|'rehearsal'}", "rehearsal"),
            ("{{{self.name}}}", "{relay}"),
            ("{n}", "1"),
        ] {
            assert_eq!(filled(text), expected);
        }
    }

    #[test]
    fn what_is_made_up_looks_like_what_it_is() {
        for (text, pattern) in [
            ("{hash}", "^[0-9a-f]{20}$"),
            ("{hash:8}", "^[0-9a-f]{8}$"),
            (
                "{uuid}",
                "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$",
            ),
            ("{digits}", "^[1-9][0-9]{11}$"),
            ("{ip:10.20}", r"^10\.20\.[0-9]{1,3}\.[0-9]{1,3}$"),
            ("{time}", r"^2025-01-01T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z$"),
        ] {
            let filled = filled(text);
            let pattern = regex::Regex::new(pattern).expect("a pattern");
            assert!(pattern.is_match(&filled), "{text}: {filled}");
        }
    }

    #[test]
    fn what_is_made_up_follows_from_the_object_and_its_number() {
        let made = [("seed", 0), ("seed", 1), ("other", 0)]
            .map(|(seed, n_alike)| filled_by(seed, n_alike, "{uuid}").expect("it is known"));
        assert_eq!(filled("{uuid}"), made[0]);
        assert_ne!(made[0], made[1]);
        assert_ne!(made[0], made[2]);
    }

    #[test]
    fn what_is_not_known_is_told() {
        for text in [
            "{self.nmae}",
            "{self.none}",
            "{given.token}",
            "{",
            "}",
            "{wrong}",
        ] {
            assert!(filled_by("seed", 0, text).is_err(), "{text}");
        }
    }
}
