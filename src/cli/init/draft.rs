//! From what was found to tasks, phases and open questions.

use std::collections::HashSet;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Map, Value, json};

use super::survey::{DEPLOYING, Found, HARMLESS, Makefile, Package, folder_of};
use crate::ident::LONGEST_ID;

/// A plan before anybody has held it against the grammar.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) name: String,
    /// What was seen, in words.
    pub(super) seen: Vec<String>,
    pub(super) decisions: Vec<Question>,
    pub(super) phases: Vec<PhaseDraft>,
}

/// What nobody but the team can answer.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) name: &'static str,
    pub(super) question: String,
    pub(super) options: &'static [&'static str],
    pub(super) preferred: Option<&'static str>,
}

#[derive(Debug)]
pub(super) struct PhaseDraft {
    pub(super) id: &'static str,
    /// Whether its tasks belong to an environment.
    pub(super) deploys: bool,
    pub(super) tasks: Vec<TaskDraft>,
}

#[derive(Debug)]
pub(super) struct TaskDraft {
    /// What it was made of.
    pub(super) from: Utf8PathBuf,
    /// Its keys.
    pub(super) keys: Map<String, Value>,
    /// The connection that it uses, with the secrets and inputs behind it.
    pub(super) uses: Option<Way>,
    /// Why it is a comment in any case.
    pub(super) comment: Option<String>,
}

/// Ways out of the machine that a first plan writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    Registry,
    Cluster,
    Swarm,
    Database,
}

/// Makes a draft of what was found.
pub(super) fn draft(found: &Found) -> Draft {
    let mut ids = Ids::default();
    let build = build_tasks(found, &mut ids);
    let publish = images(found, &mut ids);
    let provision = terraform(found, &mut ids);
    let deploy = deploy_tasks(found, &mut ids);
    let phases = [
        ("build", false, build),
        ("publish", false, publish),
        ("provision", true, provision),
        ("deploy", true, deploy),
    ];
    Draft {
        name: found.name.clone(),
        seen: seen(found),
        decisions: questions(found),
        phases: phases
            .into_iter()
            .filter(|(_, _, tasks)| !tasks.is_empty())
            .map(|(id, deploys, tasks)| PhaseDraft { id, deploys, tasks })
            .collect(),
    }
}

/// Ids that are taken.
#[derive(Default)]
struct Ids(HashSet<String>);

impl Ids {
    /// Makes an id of a word and a folder: `image` and `services/Web_API` give `image-services-web-api`.
    fn of(&mut self, word: &str, path: &Utf8Path) -> String {
        let text = format!("{word}-{path}").to_lowercase();
        let words: Vec<&str> = text
            .split(|character: char| !character.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        let mut id = words.join("-");
        id.truncate(LONGEST_ID);
        let id = id.trim_end_matches('-').to_owned();
        let mut unique = id.clone();
        let mut number = 2;
        while !self.0.insert(unique.clone()) {
            let suffix = format!("-{number}");
            let mut shorter = id.clone();
            shorter.truncate(LONGEST_ID - suffix.len());
            unique = format!("{}{suffix}", shorter.trim_end_matches('-'));
            number += 1;
        }
        unique
    }
}

fn task(id: String, from: &Utf8Path, kind: &str, body: Value, uses: Option<Way>) -> TaskDraft {
    TaskDraft {
        from: from.to_owned(),
        keys: Map::from_iter([("id".to_owned(), json!(id)), (kind.to_owned(), body)]),
        uses,
        comment: None,
    }
}

fn build_tasks(found: &Found, ids: &mut Ids) -> Vec<TaskDraft> {
    let mut tasks = Vec::new();
    for makefile in &found.makefiles {
        for target in made(makefile, &HARMLESS) {
            tasks.push(make_task(ids, makefile, target, false));
        }
    }
    for package in &found.packages {
        // Where a Makefile says how something is done, that is how it is done.
        let folder = folder_of(&package.file);
        let made = |target: &str| {
            found.makefiles.iter().any(|makefile| {
                folder_of(&makefile.file) == folder
                    && makefile.targets.iter().any(|other| other == target)
            })
        };
        for (word, lines) in [("build", &package.build), ("test", &package.test)] {
            if !lines.is_empty() && !made(word) {
                tasks.push(package_task(ids, package, word, lines));
            }
        }
    }
    tasks
}

fn made<'m>(makefile: &'m Makefile, words: &[&str]) -> Vec<&'m String> {
    let known = makefile.targets.iter();
    known
        .filter(|target| words.contains(&target.as_str()))
        .collect()
}

fn make_task(ids: &mut Ids, makefile: &Makefile, target: &str, changes: bool) -> TaskDraft {
    let folder = folder_of(&makefile.file);
    let mut body = Map::from_iter([("make".to_owned(), json!(target))]);
    in_folder(&mut body, &folder);
    if !changes {
        body.insert("changes".to_owned(), json!(false));
    }
    let id = ids.of(target, &folder);
    task(id, &makefile.file, "run", Value::Object(body), None)
}

fn in_folder(body: &mut Map<String, Value>, folder: &Utf8Path) {
    if folder != "." {
        body.insert("working-directory".to_owned(), json!(folder));
    }
}

fn package_task(ids: &mut Ids, package: &Package, word: &str, lines: &[String]) -> TaskDraft {
    let folder = folder_of(&package.file);
    let mut body = Map::from_iter([("script".to_owned(), json!(lines.join("\n")))]);
    in_folder(&mut body, &folder);
    body.insert("tools".to_owned(), json!(package.program));
    body.insert("changes".to_owned(), json!(false));
    let id = ids.of(word, &folder);
    task(id, &package.file, "run", Value::Object(body), None)
}

fn images(found: &Found, ids: &mut Ids) -> Vec<TaskDraft> {
    let mut names = HashSet::new();
    let mut tasks = Vec::new();
    for file in &found.dockerfiles {
        let folder = folder_of(file);
        let variant = file
            .file_name()
            .and_then(|name| name.split_once('.'))
            .map(|(_, variant)| variant);
        let mut place = folder.clone();
        place.extend(variant);
        let id = ids.of("image", &place);
        let mut body = Map::from_iter([("context".to_owned(), json!(folder))]);
        if file.file_name() != Some("Dockerfile") {
            body.insert("file".to_owned(), json!(file));
        }
        body.insert("push".to_owned(), json!("registry"));
        let name = image_name(found, &place);
        if !names.insert(name.clone()) {
            continue;
        }
        if found.dockerfiles.len() > 1 {
            body.insert("name".to_owned(), json!(name));
        }
        body.insert(
            "tags".to_owned(),
            json!("type=ref,event=branch\ntype=semver,pattern={{version}}\ntype=sha"),
        );
        tasks.push(task(
            id,
            file,
            "image",
            Value::Object(body),
            Some(Way::Registry),
        ));
    }
    tasks
}

/// The name of the repository, and the folder's where it is not the root.
fn image_name(found: &Found, place: &Utf8Path) -> String {
    let text = format!("{}-{place}", found.name).to_lowercase();
    let words: Vec<&str> = text
        .split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    words.join("-")
}

fn terraform(found: &Found, ids: &mut Ids) -> Vec<TaskDraft> {
    let roots = found.terraform.iter();
    roots
        .map(|root| {
            let id = ids.of("terraform", &root.folder);
            let body = json!({ "dir": root.folder });
            task(id, &root.folder, "terraform", body, None)
        })
        .collect()
}

fn deploy_tasks(found: &Found, ids: &mut Ids) -> Vec<TaskDraft> {
    let mut tasks = Vec::new();
    for folder in &found.migrations {
        let body = json!({ "connection": "database", "migrations": folder });
        tasks.push(task(
            ids.of("migrate", folder),
            folder,
            "sql",
            body,
            Some(Way::Database),
        ));
    }
    tasks.extend(kustomizations(found, ids));
    for folder in &found.manifests {
        let body = json!({ "connection": "cluster", "manifests": [folder] });
        tasks.push(task(
            ids.of("apply", folder),
            folder,
            "kubernetes",
            body,
            Some(Way::Cluster),
        ));
    }
    for folder in &found.charts {
        let body = json!({ "connection": "cluster", "chart": folder });
        let from = folder.join("Chart.yaml");
        tasks.push(task(
            ids.of("chart", folder),
            &from,
            "helm",
            body,
            Some(Way::Cluster),
        ));
    }
    for file in &found.compose {
        let body = json!({ "connection": "manager", "stack": file });
        let place = file.with_extension("");
        tasks.push(task(
            ids.of("stack", &place),
            file,
            "swarm",
            body,
            Some(Way::Swarm),
        ));
    }
    for makefile in &found.makefiles {
        for target in made(makefile, &DEPLOYING) {
            tasks.push(make_task(ids, makefile, target, true));
        }
    }
    tasks
}

/// One overlay is applied; others belong to environments that the team has to name.
fn kustomizations(found: &Found, ids: &mut Ids) -> Vec<TaskDraft> {
    let is_production = |folder: &&Utf8PathBuf| {
        folder
            .file_name()
            .is_some_and(|name| name.starts_with("prod"))
    };
    let all = &found.kustomizations;
    let chosen = all.iter().find(is_production).or(all.first());
    let tasks = all.iter().map(|folder| {
        let body = json!({ "connection": "cluster", "kustomize": folder });
        let mut task = task(
            ids.of("apply", folder),
            folder,
            "kubernetes",
            body,
            Some(Way::Cluster),
        );
        if Some(folder) != chosen {
            task.comment = Some(
                "another overlay: it belongs to an environment of its own, or to a cluster of its own"
                    .to_owned(),
            );
        }
        task
    });
    tasks.collect()
}

fn questions(found: &Found) -> Vec<Question> {
    let mut questions = Vec::new();
    let mut ask = |name, question: String, options, preferred| {
        questions.push(Question {
            name,
            question,
            options,
            preferred,
        });
    };
    if !found.dockerfiles.is_empty() {
        ask(
            "registry",
            "Which registry are the images pushed to? The connection `registry` says ghcr.io"
                .to_owned(),
            &[],
            None,
        );
    }
    if found.terraform.iter().any(|root| !root.has_backend) {
        ask(
            "terraform-state",
            "Where is the state of terraform kept? A folder without a backend keeps it on the machine that runs it".to_owned(),
            &[],
            None,
        );
    }
    let cluster =
        !(found.kustomizations.is_empty() && found.manifests.is_empty() && found.charts.is_empty());
    if cluster {
        ask(
            "cluster",
            "How is the cluster reached?".to_owned(),
            &["kubeconfig", "context", "gke"],
            Some("kubeconfig"),
        );
    }
    let n_ways = [
        !found.kustomizations.is_empty() || !found.manifests.is_empty(),
        !found.charts.is_empty(),
        !found.compose.is_empty(),
    ];
    if n_ways.iter().filter(|way| **way).count() > 1 {
        ask(
            "deployed-by",
            "Which of the ways that the repository holds is the one that deploys?".to_owned(),
            &["manifests", "helm", "compose"],
            None,
        );
    }
    if found.kustomizations.len() > 1 {
        ask(
            "overlays",
            "Which overlay belongs to which environment?".to_owned(),
            &[],
            None,
        );
    }
    for makefile in &found.makefiles {
        if !made(makefile, &DEPLOYING).is_empty() {
            ask(
                "way-back",
                format!(
                    "How is undone what the targets of {} change outside?",
                    makefile.file
                ),
                &[],
                None,
            );
            break;
        }
    }
    questions
}

/// What was seen, a line each.
fn seen(found: &Found) -> Vec<String> {
    let mut seen = Vec::new();
    let mut say = |what: &str, paths: Vec<&Utf8Path>| {
        for path in paths {
            seen.push(format!("{what} {path}"));
        }
    };
    let packages: Vec<&Utf8Path> = found
        .packages
        .iter()
        .map(|one| one.file.as_path())
        .collect();
    say("a package:", packages);
    let makefiles = found.makefiles.iter().map(|one| one.file.as_path());
    say("a Makefile:", makefiles.collect());
    for (what, of) in [
        ("a Dockerfile:", &found.dockerfiles),
        ("a chart:", &found.charts),
        ("a compose file:", &found.compose),
        ("a kustomization:", &found.kustomizations),
        ("manifests of Kubernetes:", &found.manifests),
        ("SQL migrations:", &found.migrations),
        (
            "a workflow, which a plan does not replace by itself:",
            &found.workflows,
        ),
    ] {
        say(what, of.iter().map(Utf8PathBuf::as_path).collect());
    }
    let roots = found.terraform.iter().map(|one| one.folder.as_path());
    say("terraform:", roots.collect());
    seen
}
