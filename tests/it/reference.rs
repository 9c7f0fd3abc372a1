//! The pages of the documentation: section 2 of the plan's is what the grammar says, and what comments cite is there.

use std::{
    fs,
    path::{Path, PathBuf},
};

use deploy_action::plan::grammar;
use deploy_action_test_support::compare_with_file;
use regex::Regex;

const BEGIN: &str = "<!-- made from the grammar -->\n";
const END: &str = "<!-- end of what is made from the grammar -->\n";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join("docs").join(name)).expect("the page is there")
}

#[test]
fn the_keys_of_the_plan_file_are_made_from_its_grammar() {
    let text = page("plan-format.md");
    let (before, rest) = text.split_once(BEGIN).expect("it begins");
    let (_, after) = rest.split_once(END).expect("it ends");
    let made = format!("{before}{BEGIN}{}{END}{after}", grammar::reference());
    if let Err(difference) = compare_with_file(&root().join("docs/plan-format.md"), &made) {
        panic!("{difference}");
    }
}

/// Every Rust file below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn what_comments_cite_of_the_documentation_is_there() {
    let mut files = Vec::new();
    for folder in ["src", "tests/it", "tests/support", "xtask"] {
        sources(&root().join(folder), &mut files);
    }
    let plan_format = page("plan-format.md");
    let guide = page("guide.md");
    let sections = Regex::new(r"plan-format\.md`?,? (\d\.\d+)").expect("a pattern");
    let titles = Regex::new(r#"guide\.md`?, "([^"{]+)""#).expect("a pattern");
    let pages = Regex::new(r"\b(semantics|platform|systems|infra|architecture|product)\.md")
        .expect("a pattern");
    let (mut wrong, mut n_cited) = (Vec::new(), 0);
    for file in files {
        let text = fs::read_to_string(&file).expect("a source");
        let mut missing = |what: &str| wrong.push(format!("{}: {what}", file.display()));
        for found in sections.captures_iter(&text) {
            n_cited += 1;
            if !plan_format.contains(&format!("\n### {} ", &found[1])) {
                missing(&found[0]);
            }
        }
        for found in titles.captures_iter(&text) {
            n_cited += 1;
            let heading = |level: &str| guide.contains(&format!("\n{level} {}\n", &found[1]));
            if !heading("##") && !heading("###") {
                missing(&found[0]);
            }
        }
        if !file.ends_with("tests/it/reference.rs") {
            pages
                .find_iter(&text)
                .for_each(|found| missing(found.as_str()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(n_cited > 20, "{n_cited}");
}

/// A link to a page or a section that is not there helps nobody.
#[test]
fn links_between_the_pages_lead_somewhere() {
    let link = Regex::new(r"\]\(([^)#\s]*)(#[^)\s]+)?\)").expect("a pattern");
    let mut wrong = Vec::new();
    for name in [
        "README.md",
        "CONTRIBUTING.md",
        "docs/guide.md",
        "docs/security.md",
        "docs/plan-format.md",
    ] {
        let path = root().join(name);
        let text = fs::read_to_string(&path).expect("a page");
        for found in link.captures_iter(&text) {
            let target = &found[1];
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let other = if target.is_empty() {
                path.clone()
            } else {
                path.parent().expect("a folder").join(target)
            };
            let anchor = found
                .get(2)
                .map(|anchor| anchor.as_str().trim_start_matches('#').to_owned());
            let is_there = match (&anchor, fs::read_to_string(&other)) {
                (None, _) => other.exists(),
                (Some(anchor), Ok(text)) => anchors(&text).contains(anchor),
                (Some(_), Err(_)) => false,
            };
            if !is_there {
                wrong.push(format!("{name}: {}", &found[0]));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The anchors that GitHub gives to headings.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|heading| {
            let words = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = words
                .chars()
                .filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
            kept.collect::<String>().replace(' ', "-")
        })
        .collect()
}
