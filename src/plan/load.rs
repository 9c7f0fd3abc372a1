//! Reads a plan file in stages.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, Read as _},
    string::FromUtf8Error,
    sync::Arc,
};

use camino::Utf8Path;

use super::{
    build, files,
    grammar::PLAN,
    model::Plan,
    names, node, shape,
    values::{Given, Values, Wanted},
    workflows,
};
use crate::{
    diagnostic::{Diagnostic, Diagnostics, SourceFile, Span},
    document::Document,
};

/// What came of a plan file: its text, its problems, and the plan where none of them is an error.
#[derive(Debug)]
pub struct Read {
    /// The file, to show problems in.
    pub source: Arc<SourceFile>,
    /// Errors and warnings, in file order.
    pub problems: Diagnostics,
    /// The plan.
    pub plan: Option<Plan>,
    /// The plan document that the plan names.
    pub document: Option<Document>,
    #[expect(
        dead_code,
        reason = "taking a large tree apart takes time, which `forget` saves"
    )]
    tree: Option<node::Node>,
}

impl Read {
    /// Leaves everything where it is: the system takes back the memory of a process that ends next in less time.
    pub fn forget(self) {
        std::mem::forget(self);
    }
}

/// Reads a plan file, and the files that it names.
///
/// # Errors
///
/// The file cannot be read. Problems of its content are no error; they stand in [`Read::problems`].
pub fn read(path: &Utf8Path) -> io::Result<Read> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let expected = usize::try_from(length).unwrap_or(node::MOST_BYTES);
    let mut bytes = Vec::with_capacity(expected.min(node::MOST_BYTES) + 1);
    // Not more than is needed to see that it is too much: the file may be a device that never ends.
    file.take(node::MOST_BYTES as u64 + 1)
        .read_to_end(&mut bytes)?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_str().is_empty())
        .unwrap_or(Utf8Path::new("."));
    if bytes.len() > node::MOST_BYTES {
        let source = Arc::new(SourceFile::new(path.as_str(), ""));
        let found = length.max(bytes.len() as u64);
        return Ok(unreadable(source, node::too_large(found).into()));
    }
    Ok(read_bytes(path.as_str(), bytes, folder))
}

/// Reads a plan from the bytes of its file; `folder` is where the files that it names are.
pub fn read_bytes(name: &str, bytes: Vec<u8>, folder: &Utf8Path) -> Read {
    match String::from_utf8(bytes) {
        Ok(text) => read_text(name, text, folder),
        Err(error) => not_utf8(name, &error),
    }
}

fn not_utf8(name: &str, error: &FromUtf8Error) -> Read {
    let good = error.utf8_error().valid_up_to();
    let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
    let problem = Diagnostic::error(
        "encoding",
        "the plan is not UTF-8: this byte belongs to no character",
    )
    .at(Span::new(
        good,
        good + char::REPLACEMENT_CHARACTER.len_utf8(),
    ))
    .help("save the file as UTF-8");
    unreadable(Arc::new(SourceFile::new(name, text)), problem.into())
}

fn unreadable(source: Arc<SourceFile>, problems: Diagnostics) -> Read {
    Read {
        source,
        problems,
        plan: None,
        document: None,
        tree: None,
    }
}

/// Reads a plan from its text; `folder` is where the files that it names are.
pub fn read_text(name: &str, text: String, folder: &Utf8Path) -> Read {
    let source = Arc::new(SourceFile::new(name, text));
    let root = match node::read(source.text()) {
        Ok(root) => root,
        Err(found) => {
            let mut problems: Diagnostics = found.into_iter().collect();
            problems.sort();
            return unreadable(source, problems);
        }
    };
    let mut problems = Diagnostics::new();
    shape::check(&root, &PLAN, &mut problems);
    let (mut parts, draft) = build::build(&source, folder, &root);
    problems.extend(draft.problems.into_vec());
    let document = files::document(&parts, &root, &mut problems);
    let known = names::Known::of(&root, draft.in_doubt);
    names::check_names(
        &parts,
        &draft.mentions,
        &known,
        document.as_ref(),
        &mut problems,
    );
    names::check_sites(&parts, &draft.sites, &known, &mut problems);
    names::follow(&mut parts, &known, &mut problems);
    let plan = Plan(parts);
    files::check(&plan, &mut problems);
    problems.extend(known_values(&plan));
    problems.sort();
    let mut seen = HashSet::new();
    // An alias is one place in the file and several in the plan.
    let problems: Diagnostics = problems
        .into_iter()
        .filter(|problem| seen.insert((problem.code, problem.span, problem.message.clone())))
        .collect();
    let plan = (!problems.has_errors()).then_some(plan);
    Read {
        source,
        problems,
        plan,
        document,
        tree: Some(root),
    }
}

/// What can be seen to be wrong with the values that are known before any run.
fn known_values(plan: &Plan) -> Vec<Diagnostic> {
    let mut problems = Values::resolve(plan, &Given::default(), Wanted::Known)
        .err()
        .unwrap_or_default();
    problems.extend(workflows::published_twice(plan));
    problems
}
