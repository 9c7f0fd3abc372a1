//! The layers of the program: a lower module never imports a higher one, and no modules import each other in a ring.
//!
//! The table of layers stands in the documentation of `src/lib.rs` and nowhere else. What is compiled only for tests may
//! import anything.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// A source file: its path from the repository's root, and its text.
struct Source {
    path: String,
    text: String,
}

/// An import of one module of the program by another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Import {
    from: String,
    to: String,
    place: String,
}

#[test]
fn no_module_imports_a_higher_layer() {
    let sources = sources();
    let layers = layers(&text_of(&sources, "src/lib.rs"));
    let wrong = climbing(&layers, &imports(&sources));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_modules_import_each_other_in_a_ring() {
    let rings = rings(&imports(&sources()));
    assert!(rings.is_empty(), "{}", rings.join("\n"));
}

#[test]
fn each_module_stands_once_in_the_table_of_layers() {
    let library = text_of(&sources(), "src/lib.rs");
    let declared: Vec<&str> = library
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    let table = table(&library);
    let mut listed: Vec<&str> = table.iter().map(|(name, _)| name.as_str()).collect();
    listed.sort_unstable();
    assert_eq!(listed, declared);
}

#[test]
fn an_import_of_a_higher_layer_is_found_wherever_it_stands() {
    let library = "//! | 0 | [`low`] |\n//! | 1 | [`middle`] |\n//! | 2 | [`high`], [`other`] |\n";
    let source = |path: &str, text: &str| Source {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let sources = [
        source(
            "src/low/a.rs",
            "use crate::{\n    low::b,\n    middle::{Thing, high},\n};\n",
        ),
        source(
            "src/low/b.rs",
            "// crate::high is not imported here\nfn f() -> crate::high::Thing {}\n",
        ),
        source(
            "src/middle.rs",
            "use super::high;\nuse crate::low;\n#[cfg(test)]\nmod tests;\n",
        ),
        source("src/middle/tests.rs", "use crate::other;\n"),
        source(
            "src/middle/c.rs",
            "use crate::low;\n\n#[cfg(test)]\nmod tests {\n    use crate::other;\n}\n\nuse crate::other::Late;\n",
        ),
        source("src/high/d.rs", "use crate::{low, middle, other};\n"),
    ];
    assert_eq!(
        climbing(&layers(library), &imports(&sources)),
        [
            "src/low/a.rs:3: `low` of layer 0 imports `middle` of layer 1",
            "src/low/b.rs:2: `low` of layer 0 imports `high` of layer 2",
            "src/middle.rs:1: `middle` of layer 1 imports `high` of layer 2",
            "src/middle/c.rs:8: `middle` of layer 1 imports `other` of layer 2",
        ]
    );
}

#[test]
fn a_ring_of_modules_is_found() {
    let import = |from: &str, to: &str| Import {
        from: from.to_owned(),
        to: to.to_owned(),
        place: format!("src/{from}.rs:1"),
    };
    let found = rings(&[
        import("a", "b"),
        import("b", "c"),
        import("c", "a"),
        import("c", "d"),
    ]);
    assert_eq!(
        found,
        ["a, b, c import each other: src/a.rs:1, src/b.rs:1, src/c.rs:1"]
    );
    assert!(rings(&[import("a", "b"), import("a", "c"), import("b", "c")]).is_empty());
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    gather(&root.join("src"), &mut files);
    files.sort();
    let source = |file: PathBuf| {
        let path = file
            .strip_prefix(root)
            .expect("the file lies in the repository");
        Source {
            path: path.to_str().expect("paths of sources are text").to_owned(),
            text: fs::read_to_string(&file).expect("the file can be read"),
        }
    };
    files.into_iter().map(source).collect()
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            gather(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn text_of(sources: &[Source], path: &str) -> String {
    let source = sources.iter().find(|source| source.path == path);
    source.expect("the file is there").text.clone()
}

/// The rows of the table in the documentation of the library: modules with their layers, in its order.
fn table(library: &str) -> Vec<(String, usize)> {
    let mut rows = Vec::new();
    for line in library.lines() {
        let cells: Vec<&str> = line
            .trim_start_matches("//!")
            .trim()
            .trim_matches('|')
            .split('|')
            .map(str::trim)
            .collect();
        let [layer, modules] = cells.as_slice() else {
            continue;
        };
        let Ok(layer) = layer.parse() else { continue };
        for module in modules.split(", ") {
            let name = module.trim_start_matches("[`").trim_end_matches("`]");
            rows.push((name.to_owned(), layer));
        }
    }
    rows
}

fn layers(library: &str) -> BTreeMap<String, usize> {
    table(library).into_iter().collect()
}

/// Every import between modules, in the order of files and lines.
fn imports(sources: &[Source]) -> Vec<Import> {
    let only_for_tests: Vec<String> = sources.iter().flat_map(test_modules).collect();
    let mut found = Vec::new();
    for source in sources {
        let is_test = only_for_tests.iter().any(|module| {
            source.path == format!("{module}.rs") || source.path.starts_with(&format!("{module}/"))
        });
        let Some(from) = module_of(&source.path).filter(|_| !is_test) else {
            continue;
        };
        for (to, line) in imported(&source.path, &without_tests(&source.text)) {
            if to != from {
                found.push(Import {
                    from: from.to_owned(),
                    to,
                    place: format!("{}:{line}", source.path),
                });
            }
        }
    }
    found
}

/// `src/plan/build/task.rs` and `src/plan.rs` belong to `plan`; library and program to no module.
fn module_of(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    let name = inside.split('/').next()?;
    (!matches!(name, "lib" | "main")).then_some(name)
}

/// The paths, without `.rs`, of modules that a file declares only for tests.
fn test_modules(source: &Source) -> Vec<String> {
    let folder = source.path.trim_end_matches(".rs");
    let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
    let pairs = lines.windows(2).filter(|pair| pair[0] == "#[cfg(test)]");
    let declared = pairs.filter_map(|pair| {
        let name = pair[1]
            .trim_start_matches("pub(crate) ")
            .strip_prefix("mod ")?
            .strip_suffix(';')?;
        Some(format!("{folder}/{name}"))
    });
    declared.collect()
}

/// Blanks comments and what is compiled only for tests; lines stay where they are.
fn without_tests(text: &str) -> String {
    let mut kept = Vec::new();
    let mut is_skipped = false;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let begins = line == "#[cfg(test)]" && lines.peek().is_some_and(|next| next.ends_with('{'));
        is_skipped |= begins;
        let code = line.split("//").next().unwrap_or_default();
        kept.push(if is_skipped { "" } else { code });
        // rustfmt ends an item at the margin.
        if line == "}" {
            is_skipped = false;
        }
    }
    kept.join("\n")
}

/// The modules that a file names behind `crate::`, or behind `super::` where that is the same, with their lines.
fn imported(path: &str, text: &str) -> Vec<(String, usize)> {
    let is_module_root = path.matches('/').count() == 1;
    let roots: &[&str] = if is_module_root {
        &["crate::", "super::"]
    } else {
        &["crate::"]
    };
    let mut found = BTreeSet::new();
    for root in roots {
        for (at, _) in text.match_indices(root) {
            let behind = at + root.len();
            for (name, offset) in names(&text[behind..]) {
                let line = text[..behind + offset].matches('\n').count() + 1;
                found.insert((line, name));
            }
        }
    }
    found.into_iter().map(|(line, name)| (name, line)).collect()
}

/// The first names of `a::b` and of `{a::b, c}`, with their offsets.
fn names(text: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let mut depth = 0_usize;
    let mut is_first = true;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let name: String = rest
            .chars()
            .take_while(|sign| sign.is_alphanumeric() || *sign == '_')
            .collect();
        if !name.is_empty() {
            let length = name.len();
            if is_first && depth <= 1 {
                found.push((name, at));
            }
            is_first = false;
            at += length;
        } else {
            match rest.as_bytes()[0] {
                b'{' => depth += 1,
                b'}' => depth = depth.saturating_sub(1),
                b',' if depth == 1 => is_first = true,
                _ => {}
            }
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
        if depth == 0 && (!found.is_empty() || at > 0) {
            break;
        }
    }
    found
}

fn climbing(layers: &BTreeMap<String, usize>, imports: &[Import]) -> Vec<String> {
    let wrong = imports.iter().filter_map(|import| {
        let (from, to) = (layers.get(&import.from)?, layers.get(&import.to)?);
        (to > from).then(|| {
            format!(
                "{}: `{}` of layer {from} imports `{}` of layer {to}",
                import.place, import.from, import.to
            )
        })
    });
    wrong.collect()
}

/// Groups of modules that reach each other, each with one place for each import inside of it.
fn rings(imports: &[Import]) -> Vec<String> {
    let mut reach: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for import in imports {
        reach.entry(&import.from).or_default().insert(&import.to);
    }
    loop {
        let mut grown = reach.clone();
        for targets in grown.values_mut() {
            let further: Vec<&str> = targets
                .iter()
                .filter_map(|to| reach.get(to))
                .flatten()
                .copied()
                .collect();
            targets.extend(further);
        }
        if grown == reach {
            break;
        }
        reach = grown;
    }
    let reaches =
        |from: &str, to: &str| reach.get(from).is_some_and(|targets| targets.contains(to));
    let mut groups: BTreeSet<Vec<&str>> = BTreeSet::new();
    for module in reach.keys().filter(|module| reaches(module, module)) {
        groups.insert(
            reach
                .keys()
                .copied()
                .filter(|other| reaches(module, other) && reaches(other, module))
                .collect(),
        );
    }
    let words = groups.into_iter().map(|group| {
        let mut seen = BTreeSet::new();
        let inside = imports.iter().filter(|import| {
            group.contains(&import.from.as_str())
                && group.contains(&import.to.as_str())
                && seen.insert((&import.from, &import.to))
        });
        let places: Vec<&str> = inside.map(|import| import.place.as_str()).collect();
        format!(
            "{} import each other: {}",
            group.join(", "),
            places.join(", ")
        )
    });
    words.collect()
}
