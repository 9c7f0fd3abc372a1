//! From a model to text, by the one template.

use serde_json::Value;
use tera::{Context, Delimiters, Kwargs, State, Tera};

use super::{WorkflowError, WorkflowModel, yaml};

const NAME: &str = "workflow.yml.tera";
const SOURCE: &str = include_str!("../../templates/workflow.yml.tera");

/// Returns the text of a model.
///
/// # Errors
///
/// The template does not render: a bug.
pub fn render(model: &WorkflowModel) -> Result<String, WorkflowError> {
    let failed = |error: tera::Error| WorkflowError::Template(Box::new(error));
    let mut tera = Tera::new();
    // GitHub's `${{ }}` is Tera's own; two-character delimiters of other letters let it pass.
    tera.set_delimiters(Delimiters {
        block_start: "<%".into(),
        block_end: "%>".into(),
        variable_start: "<<".into(),
        variable_end: ">>".into(),
        comment_start: "<#".into(),
        comment_end: "#>".into(),
    })
    .map_err(failed)?;
    tera.autoescape_on(Vec::<&str>::new());
    tera.register_filter("quote", quote);
    tera.register_filter("block", block);
    tera.add_raw_template(NAME, SOURCE).map_err(failed)?;
    let context = Context::from_serialize(model).map_err(failed)?;
    tera.render(NAME, &context).map_err(failed)
}

/// Writes a scalar so that it is read as what it is.
fn quote(value: &tera::Value, _: Kwargs, _: &State) -> tera::TeraResult<String> {
    Ok(yaml::scalar_text(&json(value)?))
}

/// Writes a tree as lines indented by `indent` columns, without the last line end.
fn block(value: &tera::Value, arguments: Kwargs, _: &State) -> tera::TeraResult<String> {
    let indent = arguments.must_get::<usize>("indent")?;
    let text = yaml::block(&json(value)?, indent, &|_, _| None);
    Ok(text.trim_end_matches('\n').to_owned())
}

fn json(value: &tera::Value) -> tera::TeraResult<Value> {
    serde_json::to_value(value).map_err(|error| tera::Error::message(error.to_string()))
}
