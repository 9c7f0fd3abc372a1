//! To go.
use std::{collections::BTreeMap, fmt};
use crate::{expression::Value, terraform::AddressPattern};
use serde_json::Value as Json;

pub mod arguments {
    use camino::{Utf8Path, Utf8PathBuf};
    fn list(words: &[&str]) -> Vec<String> { words.iter().map(|word| (*word).to_owned()).collect() }
    pub fn version() -> Vec<String> { list(&["version", "-json"]) }
    pub fn version_of(stdout: &[u8]) -> Option<String> {
        let json: serde_json::Value = serde_json::from_slice(stdout).ok()?;
        Some(json["terraform_version"].as_str()?.to_owned())
    }
    pub fn init(is_locked: bool, config: &[(String, String)]) -> Vec<String> {
        let mut args = list(&["init", "-input=false", "-json"]);
        if is_locked { args.push("-lockfile=readonly".to_owned()); }
        args.extend(config.iter().map(|(name, value)| format!("-backend-config={name}={value}")));
        args
    }
    pub fn workspace(name: &str) -> Vec<String> { list(&["workspace", "select", "-or-create", name]) }
    pub fn fmt_check() -> Vec<String> { list(&["fmt", "-check", "-recursive"]) }
    pub fn validate() -> Vec<String> { list(&["validate", "-json"]) }
    pub fn plan(file: &Utf8Path, vars: &[Utf8PathBuf]) -> Vec<String> {
        let mut args = list(&["plan", "-input=false", "-detailed-exitcode", "-json"]);
        args.push(format!("-out={file}"));
        args.extend(vars.iter().map(|file| format!("-var-file={file}")));
        args
    }
    pub fn show(file: &Utf8Path) -> Vec<String> { list(&["show", "-json", file.as_str()]) }
    pub fn show_state() -> Vec<String> { list(&["show", "-json"]) }
    pub fn apply(file: &Utf8Path) -> Vec<String> { list(&["apply", "-input=false", "-json", file.as_str()]) }
    pub fn output() -> Vec<String> { list(&["output", "-json"]) }
    pub fn state_pull() -> Vec<String> { list(&["state", "pull"]) }
    pub fn state_push(file: &Utf8Path) -> Vec<String> { list(&["state", "push", file.as_str()]) }
    pub fn force_unlock(id: &str) -> Vec<String> { list(&["force-unlock", "-force", id]) }
}
pub mod lock_file {
    pub const NAME: &str = ".terraform.lock.hcl";
    pub struct Provider { pub address: String, pub version: String }
    pub fn providers(text: &str) -> Vec<Provider> {
        let mut found = Vec::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(rest) = line.strip_prefix("provider \"") {
                let address = rest.split('"').next().unwrap_or_default().to_owned();
                let version = lines.clone().find_map(|line| line.trim().strip_prefix("version")?.split('"').nth(1)).unwrap_or_default().to_owned();
                found.push(Provider { address, version });
            }
        }
        found
    }
    pub fn without_hashes(text: &str, providers: &[&str]) -> String {
        let mut out = String::new();
        let (mut of, mut skipping) = (false, false);
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("provider \"") { of = providers.contains(&rest.split('"').next().unwrap_or_default()); }
            if of && line.trim().starts_with("hashes") { skipping = true; }
            if !skipping { out.push_str(line); out.push('\n'); }
            if skipping && line.trim() == "]" { skipping = false; }
        }
        out
    }
}
pub mod variables {
    use crate::expression::Value;
    pub fn text(value: &Value) -> String {
        match value { Value::Text(text) => text.clone(), other => serde_json::Value::from(other.clone()).to_string() }
    }
}
pub mod message {
    use serde_json::Value as Json;
    pub struct Message(Json);
    pub struct Problem { pub summary: String, pub detail: String, pub file: Option<String>, pub line: Option<u64> }
    impl Message {
        pub fn read_all(lines: &[u8]) -> Vec<Self> {
            lines.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok().map(Self)).collect()
        }
        pub fn text(&self) -> Option<String> {
            if self.0["type"] == "outputs" { return None; }
            Some(self.0["@message"].as_str()?.to_owned())
        }
        pub fn problems(stdout: &[u8]) -> Vec<Problem> {
            let one = |json: &Json| Problem {
                summary: json["summary"].as_str().unwrap_or_default().to_owned(),
                detail: json["detail"].as_str().unwrap_or_default().to_owned(),
                file: json["range"]["filename"].as_str().map(str::to_owned),
                line: json["range"]["start"]["line"].as_u64(),
            };
            if let Ok(json) = serde_json::from_slice::<Json>(stdout) && let Some(list) = json["diagnostics"].as_array() {
                return list.iter().filter(|json| json["severity"] == "error").map(one).collect();
            }
            Self::read_all(stdout).iter().map(|message| &message.0["diagnostic"]).filter(|json| json["severity"] == "error").map(one).collect()
        }
    }
}
pub enum PlanExit { NoChanges, Changes, Failed }
impl PlanExit { pub fn of(code: i32) -> Option<Self> { match code { 0 => Some(Self::NoChanges), 2 => Some(Self::Changes), 1 => Some(Self::Failed), _ => None } } }
pub mod output {
    use super::*;
    pub struct Output { pub value: Value, pub sensitive: bool }
    pub fn read(bytes: &[u8]) -> Result<BTreeMap<String, Output>, serde_json::Error> {
        let json: BTreeMap<String, Json> = serde_json::from_slice(bytes)?;
        Ok(json.into_iter().map(|(name, json)| (name, Output { sensitive: json["sensitive"] == true, value: Value::from(json["value"].clone()) })).collect())
    }
}
pub struct StateValues(Vec<String>);
impl StateValues {
    pub fn read(bytes: &[u8], patterns: &[AddressPattern]) -> Result<Self, serde_json::Error> {
        let json: Json = serde_json::from_slice(bytes)?;
        let mut found = Vec::new();
        for resource in json["values"]["root_module"]["resources"].as_array().into_iter().flatten() {
            let address = resource["address"].as_str().unwrap_or_default();
            for (name, value) in resource["values"].as_object().into_iter().flatten() {
                
                if patterns.iter().any(|pattern| pattern.matches_attribute(address, name)) && let Some(text) = value.as_str() { found.push(text.to_owned()); }
            }
        }
        Ok(Self(found))
    }
    pub fn texts(&self) -> impl Iterator<Item = String> { self.0.clone().into_iter() }
}
pub type StateError = serde_json::Error;
pub enum StateOrder { Newer, Same, Older, Foreign }
pub struct StateFile { pub serial: u64, lineage: String }
impl StateFile {
    pub fn read(bytes: &[u8]) -> Result<Self, StateError> {
        let json: Json = serde_json::from_slice(bytes)?;
        Ok(Self { serial: json["serial"].as_u64().unwrap_or_default(), lineage: json["lineage"].as_str().unwrap_or_default().to_owned() })
    }
    pub fn against(&self, other: Option<&Self>) -> StateOrder {
        match other {
            None => StateOrder::Newer,
            Some(other) if other.lineage != self.lineage => StateOrder::Foreign,
            Some(other) if other.serial < self.serial => StateOrder::Newer,
            Some(other) if other.serial == self.serial => StateOrder::Same,
            Some(_) => StateOrder::Older,
        }
    }
}
impl fmt::Display for StateFile { fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "serial {} of lineage {}", self.serial, self.lineage) } }
