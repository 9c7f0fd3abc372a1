//! The check `image`: what is known of a published image, as observations. The caller fetches it.

use std::collections::BTreeMap;

use crate::{
    digest::Digest,
    expression::{Map, Value},
    probe::{
        Evidence, Observations, Unit,
        observation::{count, texts},
    },
};

/// What a registry said of an image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageFacts {
    /// The reference that was asked for, for the reason when it does not exist.
    pub reference: String,
    /// Whether the registry has it.
    pub exists: bool,
    /// Digest of the manifest or index.
    pub digest: Option<Digest>,
    /// `linux/amd64`, …
    pub platforms: Vec<String>,
    /// Exposed ports.
    pub ports: Vec<u16>,
    /// `USER` as the image says it; none and empty are root.
    pub user: Option<String>,
    /// Paths of its files, each with `/` at the beginning.
    pub files: Vec<String>,
    /// Compressed size of all layers, in bytes.
    pub size: Option<u64>,
    /// Its variables.
    pub env: BTreeMap<String, String>,
    /// Whether it is among the owner's packages; `None` where that was not asked.
    pub listed: Option<bool>,
}

/// Turns facts into observations: `exists`, `digest`, `platforms`, `ports`, `user` (`root` for user 0), `files`,
/// `size`, `env`, `listed`. Holds when it exists.
pub fn observe_image(facts: &ImageFacts) -> Evidence {
    let mut observed = Observations::new();
    observed.add("exists", facts.exists);
    if facts.exists {
        observe_existing(facts, &mut observed);
    }
    if let Some(listed) = facts.listed {
        observed.add("listed", listed);
    }
    let holds = if facts.exists {
        Ok(())
    } else {
        Err(format!("`{}` does not exist", facts.reference))
    };
    Evidence { observed, holds }
}

fn observe_existing(facts: &ImageFacts, observed: &mut Observations) {
    if let Some(digest) = facts.digest {
        observed.add("digest", digest.to_string());
    }
    observed.add("platforms", texts(facts.platforms.iter().cloned()));
    let ports = facts.ports.iter().map(|port| count(u64::from(*port)));
    observed.add("ports", Value::List(ports.collect()));
    observed.add("user", user(facts.user.as_deref().unwrap_or_default()));
    observed.add("files", texts(facts.files.iter().cloned()));
    if let Some(size) = facts.size {
        observed.add_in("size", count(size), Unit::Bytes);
    }
    let env: Map = facts
        .env
        .iter()
        .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
        .collect();
    observed.add("env", Value::Map(env));
}

/// Says `root` for every way to write user 0, so that `user: "!= root"` means what it says.
fn user(user: &str) -> &str {
    match user.split(':').next().unwrap_or_default() {
        "" | "root" => "root",
        number if number.parse() == Ok(0_u32) => "root",
        _ => user,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_be_root_is_root() {
        for root in ["", "0", "root", "0:0", "root:staff", ":5", "00"] {
            assert_eq!(user(root), "root", "{root}");
        }
        for other in ["65532", "app", "1000:0", "rooted"] {
            assert_eq!(user(other), other);
        }
    }

    #[test]
    fn an_image_shows_what_the_registry_said() {
        let facts = ImageFacts {
            exists: true,
            digest: Some(Digest::of("manifest")),
            ports: vec![8088, 9418],
            size: Some(7_000_000),
            env: BTreeMap::from([("MODE".to_owned(), "production".to_owned())]),
            listed: Some(true),
            ..ImageFacts::default()
        };
        let evidence = observe_image(&facts);
        assert_eq!(evidence.holds, Ok(()));
        let json = serde_json::to_string(&evidence.observed.values()).expect("JSON");
        let digest = Digest::of("manifest");
        assert_eq!(
            json,
            format!(
                r#"{{"digest":"{digest}","env":{{"MODE":"production"}},"exists":true,"files":[],"listed":true,"platforms":[],"ports":[8088,9418],"size":7000000,"user":"root"}}"#
            )
        );
        assert_eq!(
            evidence.observed.get("size").expect("a size").unit,
            Unit::Bytes
        );
    }

    #[test]
    fn an_image_that_does_not_exist_has_no_user() {
        let facts = ImageFacts {
            reference: "ghcr.io/o/r:1".to_owned(),
            ..ImageFacts::default()
        };
        let evidence = observe_image(&facts);
        assert_eq!(
            evidence.holds,
            Err("`ghcr.io/o/r:1` does not exist".to_owned())
        );
        assert_eq!(evidence.observed.get("user"), None);
    }
}
