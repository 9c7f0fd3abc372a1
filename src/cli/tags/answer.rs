//! The answer, in its forms: for people, for programs, for the steps that follow.

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Map, Value, json};

use super::known::Left;
use crate::{
    cli::{CliError, Environment, Exit},
    github::{Nonce, file::append_outputs},
    image::{Labels, TagNames},
    workflow::action,
};

/// Tags, labels and annotations.
pub(super) struct Answer {
    /// What they are of, in words.
    pub(super) about: String,
    /// Whether tags stand without an image.
    pub(super) bare: bool,
    pub(super) images: Vec<String>,
    pub(super) names: TagNames,
    pub(super) left: Left,
    pub(super) labels: Labels,
    /// With their levels.
    pub(super) annotations: Vec<String>,
    pub(super) warnings: Vec<String>,
    pub(super) bake_target: String,
    /// Between tags, labels and annotations.
    pub(super) separators: [String; 3],
}

impl Answer {
    /// Every image with every tag that moves there.
    fn tags(&self) -> Vec<String> {
        let names = self.names.all();
        if self.bare {
            return names.iter().map(|name| (*name).to_owned()).collect();
        }
        let of_image = |image: &String| {
            let moving = names.iter().filter(|name| !self.left.holds(image, name));
            let tags: Vec<String> = moving.map(|name| format!("{image}:{name}")).collect();
            tags
        };
        self.images.iter().flat_map(of_image).collect()
    }

    /// The tags that move in some image.
    fn tag_names(&self) -> Vec<&str> {
        let moves = |name: &&str| {
            self.images.is_empty()
                || self
                    .images
                    .iter()
                    .any(|image| !self.left.holds(image, name))
        };
        self.names.all().into_iter().filter(moves).collect()
    }

    fn version(&self) -> &str {
        self.names.main.as_deref().unwrap_or_default()
    }

    /// The tags, as `--sep-tags` says; nothing where there are none.
    pub(super) fn to_text(&self) -> String {
        let tags = self.tags();
        match tags.is_empty() {
            true => String::new(),
            false => format!("{}\n", tags.join(&self.separators[0])),
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let mut target = self.bake_tags();
        target.insert("labels".to_owned(), self.labels_json());
        target.insert("annotations".to_owned(), json!(self.annotations));
        let moved = self.tag_names();
        let moves_latest = self.names.moves_latest
            && self
                .names
                .latest
                .as_ref()
                .is_none_or(|latest| moved.contains(&latest.as_str()));
        json!({
            "version": {
                "main": self.names.main,
                "partial": self.names.partial.iter().filter(|name| moved.contains(&name.as_str())).collect::<Vec<_>>(),
                "latest": moves_latest,
            },
            "tags": self.tags(),
            "tag-names": moved,
            "labels": self.labels_json(),
            "annotations": self.annotations,
            "bake": self.bake(target),
            "warnings": self.warnings,
        })
    }

    fn labels_json(&self) -> Value {
        let pairs = self.labels.pairs().iter();
        let pairs = pairs.map(|(name, value)| (name.clone(), json!(value)));
        Value::Object(pairs.collect())
    }

    fn bake(&self, target: Map<String, Value>) -> Value {
        json!({ "target": { &self.bake_target: target } })
    }

    /// What the bake file says of tags; it names no version where there is none.
    fn bake_tags(&self) -> Map<String, Value> {
        let mut args = Map::new();
        args.insert(
            "DOCKER_META_IMAGES".to_owned(),
            json!(self.images.join(",")),
        );
        if let Some(version) = &self.names.main {
            args.insert("DOCKER_META_VERSION".to_owned(), json!(version));
        }
        Map::from_iter([
            ("tags".to_owned(), json!(self.tags())),
            ("args".to_owned(), Value::Object(args)),
        ])
    }

    /// Why each tag is there, or not.
    pub(super) fn explanation(&self) -> String {
        let mut text = format!("{}\n", self.about);
        for step in &self.names.steps {
            text.push_str(&format!("  {step}\n"));
        }
        let latest = match &self.names.latest {
            Some(latest) => format!("`{latest}`"),
            None if self.names.moves_latest => "`latest`, which a rule made".to_owned(),
            None => "not moved".to_owned(),
        };
        text.push_str(&format!(
            "  latest: {latest}: {}\n",
            self.names.latest_because
        ));
        for warning in &self.left.warnings {
            text.push_str(&format!("  {warning}\n"));
        }
        let tags = self.tags();
        if !tags.is_empty() {
            text.push_str(&format!("tags: {}\n", tags.join(" ")));
        }
        text
    }

    /// Hands the answer to the steps that follow, under the names that docker/metadata-action gives its outputs.
    pub(super) fn write_outputs(
        &self,
        path: &Utf8Path,
        environment: &Environment,
    ) -> Result<(), CliError> {
        let [tags, labels, annotations] = &self.separators;
        let json = json!({
            "tags": self.tags(),
            "tag-names": self.tag_names(),
            "labels": self.labels_json(),
            "annotations": self.annotations,
        });
        let [bake_tags, bake_labels, bake_annotations, bake] =
            self.write_bake_files(environment)?;
        let values = [
            self.version().to_owned(),
            self.tags().join(tags),
            self.tag_names().join(tags),
            self.labels.lines().join(labels),
            self.annotations.join(annotations),
            json.to_string(),
            bake_tags.into_string(),
            bake_labels.into_string(),
            bake_annotations.into_string(),
            bake.into_string(),
        ];
        let outputs: Vec<(&str, &str)> = action::OUTPUTS_OF_TAGS
            .into_iter()
            .zip(values.iter().map(String::as_str))
            .collect();
        let nonce = Nonce::random().map_err(|error| CliError::from_error(Exit::Bug, &error))?;
        append_outputs(path, &outputs, &nonce)
            .map_err(|error| CliError::from_error(Exit::Failed, &error))
    }

    /// Writes the bake files of tags, of labels, of annotations, and of tags and labels together into a folder of their own, which
    /// stays for the steps that follow.
    fn write_bake_files(&self, environment: &Environment) -> Result<[Utf8PathBuf; 4], CliError> {
        let temporary = environment
            .get("RUNNER_TEMP")
            .map_or_else(std::env::temp_dir, std::path::PathBuf::from);
        let cannot =
            |error: &std::io::Error| CliError::file("write in", temporary.display(), error);
        let folder = tempfile::Builder::new()
            .prefix("docker-metadata-action-")
            .tempdir_in(&temporary)
            .map_err(|error| cannot(&error))?
            .keep();
        let folder = Utf8PathBuf::from_path_buf(folder).map_err(|folder| {
            CliError::new(
                Exit::Usage,
                format!("the folder `{}` is not named in UTF-8", folder.display()),
            )
        })?;
        let labels = ("labels".to_owned(), self.labels_json());
        let annotations = ("annotations".to_owned(), json!(self.annotations));
        let mut both = self.bake_tags();
        both.extend([labels.clone()]);
        let write = |kind: &str, target: Map<String, Value>| {
            let path = folder.join(format!("docker-metadata-action-bake{kind}.json"));
            std::fs::write(&path, format!("{:#}", self.bake(target)))
                .map(|()| path)
                .map_err(|error| cannot(&error))
        };
        Ok([
            write("-tags", self.bake_tags())?,
            write("-labels", Map::from_iter([labels]))?,
            write("-annotations", Map::from_iter([annotations]))?,
            write("", both)?,
        ])
    }
}
