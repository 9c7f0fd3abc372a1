//! What a root module declares, as far as it has to be known before terraform runs.

use std::{collections::BTreeMap, sync::Arc};

use camino::Utf8Path;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::hcl::{self, Attribute};
use crate::diagnostic::{SourceFile, Span};

/// The declarations of a root module. Of files that cannot be read whole, what could be made of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Module {
    /// Its variables, by name.
    pub variables: BTreeMap<String, Variable>,
    /// Where its state is kept; `None`: in its folder.
    pub backend: Option<Backend>,
    /// What it requires of terraform's version, all of which has to hold.
    pub required_versions: Vec<(String, Declared)>,
}

/// A declared variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Whether it stays out of plan and state.
    pub ephemeral: bool,
    /// Whether terraform does not show it.
    pub sensitive: bool,
    /// Whether it has a default.
    pub has_default: bool,
    /// Where it is declared.
    pub declared: Declared,
}

/// A declared backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// Its type: `s3`; `cloud` for HCP Terraform.
    pub kind: String,
    /// Where it is declared.
    pub declared: Declared,
}

/// A place in one of the module's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// The file.
    pub file: Arc<SourceFile>,
    /// Where in it.
    pub span: Span,
}

impl Declared {
    /// Writes it as `variables.tf:4`.
    pub fn place(&self) -> String {
        format!(
            "{}:{}",
            self.file.name(),
            self.file.line_of(self.span.start)
        )
    }
}

impl Module {
    /// Reads the files of one folder, in any order. Those that are no configuration are passed over.
    pub fn of<'f>(files: impl IntoIterator<Item = &'f Arc<SourceFile>>) -> Self {
        let mut files: Vec<_> = files.into_iter().collect();
        // What an override says replaces what the others say, attribute by attribute.
        files.sort_by_key(|file| (is_override(file.name()), file.name().to_owned()));
        let mut module = Self::default();
        for file in files {
            if file.name().ends_with(".tf.json") {
                module.take_json(file);
            } else if file.name().ends_with(".tf") || file.name().ends_with(".tofu") {
                module.take_hcl(file);
            }
        }
        module
    }

    /// Reads the configuration in a folder, as far as it can be read; what cannot is told where it is carried out.
    pub fn files(folder: &Utf8Path) -> Vec<Arc<SourceFile>> {
        let mut found = Vec::new();
        for entry in folder.read_dir_utf8().into_iter().flatten().flatten() {
            let name = entry.file_name();
            let is_configuration = [".tf", ".tf.json", ".tofu"]
                .iter()
                .any(|ending| name.ends_with(ending));
            if let Ok(text) = std::fs::read_to_string(entry.path())
                && is_configuration
            {
                found.push(Arc::new(SourceFile::new(name, text)));
            }
        }
        found
    }

    fn take_hcl(&mut self, file: &Arc<SourceFile>) {
        let declared = |span| Declared {
            file: Arc::clone(file),
            span,
        };
        let body = hcl::scan(file.text());
        for block in &body.blocks {
            match (block.kind.as_str(), block.labels.as_slice()) {
                ("variable", [name]) => {
                    let says = |key| block.body.attribute(key).and_then(Attribute::boolean);
                    let variable = self
                        .variables
                        .entry(name.text.clone())
                        .or_insert_with(|| Variable::at(declared(block.header)));
                    variable.take(
                        says("ephemeral"),
                        says("sensitive"),
                        block.body.attribute("default").is_some(),
                    );
                }
                ("terraform", []) => {
                    if let Some(required) = block.body.attribute("required_version")
                        && let Some(text) = required.text()
                    {
                        let place = required.name_span.to(required.value_span);
                        self.required_versions.push((text, declared(place)));
                    }
                    for inner in &block.body.blocks {
                        let kind = match (inner.kind.as_str(), inner.labels.as_slice()) {
                            ("backend", [kind]) => kind.text.clone(),
                            ("cloud", []) => "cloud".to_owned(),
                            _ => continue,
                        };
                        self.backend = Some(Backend {
                            kind,
                            declared: declared(inner.header),
                        });
                    }
                }
                _ => {}
            }
        }
    }

    fn take_json(&mut self, file: &Arc<SourceFile>) {
        let text = file.text();
        let Ok(document) = serde_json::from_str::<JsonModule<'_>>(text) else {
            return;
        };
        let declared = |raw: &RawValue| Declared {
            file: Arc::clone(file),
            span: span_of(text, raw),
        };
        for (name, raw) in document.variable.into_iter().flat_map(entries) {
            let Ok(said) = serde_json::from_str::<JsonVariable>(raw.get()) else {
                continue;
            };
            let variable = self
                .variables
                .entry(name)
                .or_insert_with(|| Variable::at(declared(raw)));
            variable.take(said.ephemeral, said.sensitive, said.default.is_some());
        }
        for (key, raw) in document.terraform.into_iter().flat_map(entries) {
            let kind = match key.as_str() {
                "required_version" => {
                    if let Ok(text) = serde_json::from_str(raw.get()) {
                        self.required_versions.push((text, declared(raw)));
                    }
                    continue;
                }
                "backend" => entries(raw).into_iter().next().map(|(kind, _)| kind),
                "cloud" => Some("cloud".to_owned()),
                _ => None,
            };
            if let Some(kind) = kind {
                let declared = declared(raw);
                self.backend = Some(Backend { kind, declared });
            }
        }
    }
}

impl Variable {
    fn at(declared: Declared) -> Self {
        Self {
            ephemeral: false,
            sensitive: false,
            has_default: false,
            declared,
        }
    }

    fn take(&mut self, ephemeral: Option<bool>, sensitive: Option<bool>, has_default: bool) {
        self.ephemeral = ephemeral.unwrap_or(self.ephemeral);
        self.sensitive = sensitive.unwrap_or(self.sensitive);
        self.has_default |= has_default;
    }
}

/// Whether terraform reads this file after the others: `override.tf`, `NAME_override.tf`.
fn is_override(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    let stem = file.split('.').next().unwrap_or_default();
    stem == "override" || stem.ends_with("_override")
}

#[derive(Deserialize)]
struct JsonModule<'t> {
    #[serde(borrow)]
    variable: Option<&'t RawValue>,
    #[serde(borrow)]
    terraform: Option<&'t RawValue>,
}

#[derive(Deserialize)]
struct JsonVariable {
    ephemeral: Option<bool>,
    sensitive: Option<bool>,
    default: Option<serde::de::IgnoredAny>,
}

/// The entries of an object, or of each object of a list, which means the same to terraform.
fn entries(raw: &RawValue) -> Vec<(String, &RawValue)> {
    if let Ok(entries) = serde_json::from_str::<indexmap::IndexMap<String, &RawValue>>(raw.get()) {
        return entries.into_iter().collect();
    }
    let objects: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
    // Only objects inside of the list: a list in a list is nothing.
    let inner = objects
        .into_iter()
        .filter(|inner| inner.get().starts_with('{'));
    inner.flat_map(entries).collect()
}

/// Where a value stands in the text that it was read from.
fn span_of(text: &str, raw: &RawValue) -> Span {
    let inner = raw.get();
    let start = (inner.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    let start = start.min(text.len());
    Span::new(start, (start + inner.len()).min(text.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(name: &str, text: &str) -> Arc<SourceFile> {
        Arc::new(SourceFile::new(name, text))
    }

    #[test]
    fn a_module_says_its_variables_backend_and_version_with_their_lines() {
        let main = file(
            "infra/main.tf",
            "# variable \"not\" {}\nterraform {\n  required_version = \">= 1.10\" # or later\n  backend \"s3\" {\n    key = \"a\"\n  }\n}\n",
        );
        let variables = file(
            "infra/variables.tf",
            "variable \"region\" {\n  type    = string\n  default = \"us\"\n}\nvariable \"token\" {\n  type      = string\n  ephemeral = true\n  sensitive = true\n}\n",
        );
        let module = Module::of([&variables, &main]);
        let token = &module.variables["token"];
        assert!(token.ephemeral && token.sensitive && !token.has_default);
        assert_eq!(token.declared.place(), "infra/variables.tf:5");
        let region = &module.variables["region"];
        assert!(!region.ephemeral && !region.sensitive && region.has_default);
        assert_eq!(module.variables.len(), 2);
        let backend = module.backend.expect("there is one");
        assert_eq!(
            (backend.kind.as_str(), backend.declared.place().as_str()),
            ("s3", "infra/main.tf:4")
        );
        assert_eq!(module.required_versions[0].0, ">= 1.10");
        assert_eq!(module.required_versions[0].1.place(), "infra/main.tf:3");
    }

    #[test]
    fn json_says_the_same_as_hcl() {
        let main = file(
            "main.tf.json",
            "{\n  \"terraform\": [{ \"required_version\": \"~> 1.11\", \"backend\": { \"http\": {} } }],\n  \"variable\": {\n    \"token\": { \"ephemeral\": true }\n  }\n}\n",
        );
        let module = Module::of([&main]);
        assert!(module.variables["token"].ephemeral);
        assert_eq!(module.variables["token"].declared.place(), "main.tf.json:4");
        assert_eq!(module.backend.expect("there is one").kind, "http");
        assert_eq!(module.required_versions[0].0, "~> 1.11");
    }

    #[test]
    fn an_override_replaces_what_the_other_files_say() {
        let main = file(
            "main.tf",
            "terraform {\n  backend \"s3\" {}\n}\nvariable \"a\" {\n  sensitive = true\n}\n",
        );
        let local = file(
            "local_override.tf",
            "terraform {\n  backend \"local\" {}\n}\nvariable \"a\" { ephemeral = true }\n",
        );
        let other = file("readme.md", "variable \"b\" {}\n");
        let module = Module::of([&local, &other, &main]);
        assert_eq!(module.backend.expect("there is one").kind, "local");
        let variable = &module.variables["a"];
        assert!(variable.sensitive && variable.ephemeral);
        assert_eq!(variable.declared.place(), "main.tf:4");
        assert_eq!(module.variables.len(), 1);
    }

    proptest! {
        #[test]
        fn any_text_is_a_module(text in "\\PC{0,60}") {
            Module::of([&file("a.tf", &text), &file("b.tf.json", &text)]);
        }
    }
}
