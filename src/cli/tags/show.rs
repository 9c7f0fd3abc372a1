//! Warnings, for people: as text, or beside the run on GitHub's runner.

use crate::{
    cli::{Environment, output},
    github::command::{Annotation, AnnotationLevel, Annotations},
};

pub(super) fn warnings(environment: &Environment, warnings: &[String]) {
    if environment.on_actions() {
        let mut annotations = Annotations::new();
        for warning in warnings {
            annotations.push(Annotation::new(AnnotationLevel::Warning, warning.as_str()));
        }
        output::words(&annotations.commands());
        return;
    }
    let (yellow, plain) = match environment.colours() {
        true => ("\x1b[1;33m", "\x1b[0m"),
        false => ("", ""),
    };
    for warning in warnings {
        output::words(&format!("{yellow}warning{plain}: {warning}\n"));
    }
}
