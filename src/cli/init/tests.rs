//! Whatever a repository holds, the plan that is written is one that `lint` accepts.

use std::fs;

use camino::Utf8Path;
use proptest::prelude::{ProptestConfig, Strategy, proptest};

use super::{Written, plan_of};
use crate::{cli::lint, diagnostic::Severity, plan};

/// Files that a repository may hold, with what is in them.
const FILES: &[(&str, &str)] = &[
    ("Dockerfile", "FROM scratch\n"),
    ("services/Web_API/Dockerfile", "FROM scratch\n"),
    ("services/web-api/Dockerfile", "FROM scratch\n"),
    ("services/web-api/Dockerfile.debug", "FROM scratch\n"),
    (
        "a/very/long/path/of/folders/Containerfile",
        "FROM scratch\n",
    ),
    ("12 monkeys/Dockerfile", "FROM scratch\n"),
    ("größe/Dockerfile", "FROM scratch\n"),
    ("it's: a #trap/Dockerfile", "FROM scratch\n"),
    ("${{ github.sha }}/Dockerfile", "FROM scratch\n"),
    ("infra/main.tf", "terraform {\n  backend \"gcs\" {}\n}\n"),
    ("infra/network/main.tf", "provider \"google\" {}\n"),
    ("infra/modules/vpc/main.tf", "resource \"a\" \"b\" {}\n"),
    ("helm/shop/Chart.yaml", "apiVersion: v2\nname: shop\n"),
    (
        "helm/shop/templates/app.yaml",
        "apiVersion: v1\nkind: Service\n",
    ),
    ("docker-compose.yml", "services: {}\n"),
    ("deploy/compose.prod.yaml", "services: {}\n"),
    ("k8s/base/kustomization.yaml", "resources: [app.yaml]\n"),
    ("k8s/base/app.yaml", "apiVersion: v1\nkind: Service\n"),
    (
        "k8s/overlays/production/kustomization.yaml",
        "resources:\n  - ../../base\n",
    ),
    (
        "k8s/overlays/staging/kustomization.yaml",
        "resources:\n  - ../../base\n",
    ),
    ("manifests/app.yaml", "apiVersion: v1\nkind: Service\n"),
    ("manifests/more/app.yml", "apiVersion: v1\nkind: Service\n"),
    ("Cargo.toml", "[workspace]\n"),
    ("Cargo.lock", ""),
    ("crates/one/Cargo.toml", "[package]\n"),
    (
        "package.json",
        r#"{"scripts": {"build": "tsc", "test": "vitest"}}"#,
    ),
    (
        "web/package.json",
        r#"{"scripts": {"build": "vite build"}}"#,
    ),
    ("web/pnpm-lock.yaml", ""),
    ("broken/package.json", "{"),
    ("go.mod", "module example.org/shop\n"),
    (
        "pyproject.toml",
        "[build-system]\n[tool.pytest.ini_options]\n",
    ),
    (
        "Makefile",
        "build:\n\ttrue\ntest :\n\ttrue\ndeploy: build\n\ttrue\nNAME := x\n",
    ),
    ("tools/Makefile", "release:\n\ttrue\nlint:\n\ttrue\n"),
    ("database/migrations/001-first.sql", "select 1;\n"),
    ("database/V2__second.sql", "select 1;\n"),
    (".github/workflows/ci.yml", "on: push\n"),
    ("node_modules/x/Dockerfile", "FROM scratch\n"),
    ("deploy.yaml", "apiVersion: v1\nkind: Plan\n"),
];

fn repository(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("it lies in the folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    folder
}

fn written(folder: &tempfile::TempDir) -> Written {
    let folder = Utf8Path::from_path(folder.path()).expect("UTF-8");
    plan_of(folder, Utf8Path::new("deploy.yaml")).expect("a plan is written")
}

/// All that `lint` would say, but for ways back that only people know.
fn problems(folder: &tempfile::TempDir, text: &str) -> Vec<String> {
    let folder = Utf8Path::from_path(folder.path()).expect("UTF-8");
    let read = plan::read_text("deploy.yaml", text.to_owned(), folder);
    let graph = read.plan.as_ref().map(lint::graph_of);
    let of_graph = graph.and_then(Result::err).unwrap_or_default();
    let all = read.problems.as_slice().iter().chain(&of_graph);
    all.filter(|problem| problem.severity == Severity::Error || problem.code != "no-way-back")
        .map(|problem| format!("{}: {}", problem.code, problem.message))
        .collect()
}

#[test]
fn a_plan_of_everything_is_valid_and_names_everything() {
    let folder = repository(FILES);
    let written = written(&folder);
    assert_eq!(
        problems(&folder, &written.text),
        Vec::<String>::new(),
        "{}",
        written.text
    );
    for (path, _) in FILES {
        let is_silent = path.contains("modules")
            || path.contains("crates")
            || path.contains("$")
            || path.contains("broken")
            || path.ends_with("lock")
            || path.ends_with("lock.yaml")
            || *path == "deploy.yaml";
        let folder = path.rsplit_once('/').map_or(*path, |(folder, _)| folder);
        let top = folder
            .trim_end_matches("/templates")
            .trim_end_matches("/more");
        let is_used = path.contains("base");
        if !is_silent && !is_used {
            assert!(written.text.contains(top), "{path}\n{}", written.text);
        }
    }
    for silent in [
        "node_modules",
        "modules/vpc",
        "crates/one",
        "${{ github.sha }}",
    ] {
        assert!(!written.text.contains(silent), "{silent}\n{}", written.text);
    }
}

#[test]
fn an_empty_repository_gets_a_valid_plan_that_waits_for_its_first_task() {
    let folder = repository(&[]);
    let written = written(&folder);
    assert_eq!(
        problems(&folder, &written.text),
        Vec::<String>::new(),
        "{}",
        written.text
    );
    assert!(written.text.contains("first-task"), "{}", written.text);
    assert!(written.seen.is_empty());
}

#[test]
fn what_this_version_has_no_kind_for_is_a_comment_with_the_words_of_lint() {
    let folder = repository(&[("charts/shop/Chart.yaml", "apiVersion: v2\n")]);
    let written = written(&folder);
    assert_eq!(
        problems(&folder, &written.text),
        Vec::<String>::new(),
        "{}",
        written.text
    );
    if !plan::grammar::TASK_KINDS.contains(&"helm") {
        assert!(
            written
                .text
                .contains("# charts/shop/Chart.yaml: kind `helm` belongs to the plan format"),
            "{}",
            written.text
        );
        assert_eq!(written.comments.len(), 1);
    }
}

#[test]
fn a_makefile_says_how_its_package_is_built() {
    let folder = repository(&[
        ("Cargo.toml", "[package]\n"),
        ("Makefile", "build:\n\ttrue\n"),
    ]);
    let text = written(&folder).text;
    assert!(text.contains("make: build"), "{text}");
    assert!(!text.contains("cargo build"), "{text}");
    assert!(text.contains("cargo test"), "{text}");
}

#[test]
fn one_overlay_is_applied_and_the_others_are_comments() {
    let overlay = "resources:\n  - ../base\n";
    let folder = repository(&[
        ("base/kustomization.yaml", "resources: []\n"),
        ("production/kustomization.yaml", overlay),
        ("canary/kustomization.yaml", overlay),
    ]);
    let text = written(&folder).text;
    assert!(
        text.contains("\n          kustomize: production\n"),
        "{text}"
    );
    assert!(text.contains("#     kustomize: canary"), "{text}");
    assert!(!text.contains("kustomize: base"), "{text}");
    assert!(text.contains("  overlays:\n    question: "), "{text}");
}

/// Some of the files, each perhaps in a folder of its own.
fn some_files() -> impl Strategy<Value = Vec<(String, &'static str)>> {
    let place = proptest::option::weighted(0.3, "[a-zA-Z0-9 ._-]{1,12}");
    let file = (0..FILES.len(), place).prop_map(|(index, place)| {
        let (path, text) = FILES[index];
        let place = place.filter(|place| !place.trim_matches(['.', ' ']).is_empty());
        let path = place.map_or_else(|| path.to_owned(), |place| format!("{place}/{path}"));
        (path, text)
    });
    proptest::collection::vec(file, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_repository_gets_a_plan_that_lint_accepts(files in some_files(), name in "[^/\0]{1,20}") {
        let top = tempfile::tempdir().expect("a folder");
        let folder = top.path().join(&name);
        if fs::create_dir(&folder).is_ok() {
            for (path, text) in &files {
                let path = folder.join(path);
                // A file may stand where another wants a folder.
                if fs::create_dir_all(path.parent().expect("it lies in the folder")).is_ok() {
                    drop(fs::write(path, text));
                }
            }
            let folder = Utf8Path::from_path(&folder).expect("UTF-8");
            let written = plan_of(folder, Utf8Path::new("deploy.yaml")).expect("a plan is written");
            let read = plan::read_text("deploy.yaml", written.text.clone(), folder);
            let errors: Vec<_> = read.problems.as_slice().iter()
                .filter(|problem| problem.severity == Severity::Error).collect();
            assert!(errors.is_empty(), "{errors:?}\n{}", written.text);
            assert!(lint::graph_of(read.plan.as_ref().expect("it is valid")).is_ok());
        }
    }
}
