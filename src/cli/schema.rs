//! `deploy-action schema`: the formats of files as JSON Schemas, for editors and other programs.

use super::{CliError, Exit, output};
use crate::plan::grammar;

/// Prints the JSON Schema of a file, for editors
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  deploy-action schema plan > plan.schema.json

An editor that speaks YAML's language server checks and completes a plan whose first line is
  # yaml-language-server: $schema=./plan.schema.json")]
pub struct SchemaArgs {
    /// Of which file
    #[arg(value_enum)]
    of: Of,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Of {
    /// The plan file
    Plan,
}

/// Runs the verb.
///
/// # Errors
///
/// None: the schema is part of the program.
pub fn schema(args: &SchemaArgs) -> Result<Exit, CliError> {
    match args.of {
        Of::Plan => output::json(&grammar::schema()),
    }
    Ok(Exit::Done)
}
