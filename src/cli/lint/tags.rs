//! The rules of images' tags, which a run would refuse only when it comes to them.
//!
//! They are read here and not with the plan, whose layer knows nothing of images.

use crate::{
    diagnostic::{Diagnostic, SourceFile, Span},
    image::{TagInput, TagRules},
    plan::{Plan, field::Field, model::Kind},
};

/// Reports each line that is no rule. A text with an expression is known only when it is evaluated.
pub(super) fn check(plan: &Plan) -> Vec<Diagnostic> {
    let images = plan.tasks.iter().filter(|task| task.kind == Kind::Image);
    let bodies = images.map(|task| &task.body);
    bodies.flat_map(|body| wrong(body, &plan.source)).collect()
}

fn wrong(body: &Field, source: &SourceFile) -> Vec<Diagnostic> {
    let fields = [TagInput::Tags, TagInput::Flavor].map(|input| body.get(input.as_str()));
    let [rules, flavor] = fields.map(|field| field.and_then(Field::literal).unwrap_or_default());
    let Err(error) = TagRules::parse(&rules, &flavor) else {
        return Vec::new();
    };
    let problems = error.problems().iter().map(|problem| {
        let diagnostic = Diagnostic::error(
            "tag-rule",
            format!("`{}`: {}", problem.text, problem.because),
        );
        let diagnostic = match body.get(problem.input.as_str()) {
            Some(field) => diagnostic.at(place(source, field.span, &problem.text)),
            None => diagnostic,
        };
        match error.hint() {
            Some(hint) => diagnostic.help(hint),
            None => diagnostic,
        }
    });
    problems.collect()
}

/// The line itself, where it stands in the file as it was read; else the whole text.
fn place(source: &SourceFile, span: Span, line: &str) -> Span {
    match source.slice(span).find(line) {
        Some(at) => Span::new(span.start + at, span.start + at + line.len()),
        None => span,
    }
}
