//! The plan file that a verb works on.

use camino::{Utf8Path, Utf8PathBuf};

use super::{CliError, Environment, Exit, output};
use crate::plan;

/// The plan file where none is named.
pub const DEFAULT: &str = "deploy.yaml";

/// Names the plan file; the same in every verb.
#[derive(Debug, Clone, clap::Args)]
pub struct PlanFile {
    /// The plan file
    #[arg(value_name = "FILE", default_value = DEFAULT, value_hint = clap::ValueHint::FilePath)]
    pub file: Utf8PathBuf,
}

impl PlanFile {
    /// Reads the plan and shows its problems.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or its problems hold an error; they have been shown then.
    pub fn read(&self, environment: &Environment) -> Result<plan::Read, CliError> {
        let read = self.open()?;
        if read.plan.is_none() {
            output::problems(
                environment,
                output::Format::Text,
                &read.source,
                read.problems.as_slice(),
            );
            return Err(invalid(&self.file));
        }
        Ok(read)
    }

    /// Whether no file was named and none is there.
    pub fn is_default_and_missing(&self) -> bool {
        self.file == DEFAULT && self.file.symlink_metadata().is_err()
    }

    /// Reads the plan without showing anything.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn open(&self) -> Result<plan::Read, CliError> {
        plan::read(&self.file).map_err(|error| {
            let problem = CliError::file("read", &self.file, &error);
            match (error.kind(), nearby(&self.file)) {
                (std::io::ErrorKind::NotFound, Some(other)) => {
                    problem.hint(format!("`{other}` is there"))
                }
                (std::io::ErrorKind::NotFound, None) => {
                    problem.hint("name the plan file, or go to its folder")
                }
                _ => problem,
            }
        })
    }
}

/// The error of a plan whose problems have been shown.
pub fn invalid(file: &Utf8Path) -> CliError {
    CliError::new(
        Exit::Usage,
        format!("`{file}` is not a valid plan; nothing was run"),
    )
}

/// Another plan file in the folder, with the other ending or a folder's default.
fn nearby(file: &Utf8Path) -> Option<Utf8PathBuf> {
    let candidates = [
        file.with_extension("yml"),
        file.with_extension("yaml"),
        file.join(DEFAULT),
    ];
    candidates
        .into_iter()
        .find(|candidate| candidate != file && candidate.is_file())
}
