//! A rehearsal of what was reviewed: the preview of the pull request first, then exactly the bundle that it sealed.

use camino::Utf8PathBuf;

use super::{Playing, starts};
use crate::{
    cli::{CliError, Exit, output},
    rehearse::{JobReport, RehearsedEvent},
    workflow::{RenderedFile, action},
};

/// The bundle of a preview, as its job kept it.
pub(super) struct Sealed {
    digest: String,
    folder: Utf8PathBuf,
}

impl Sealed {
    /// The variables that make the jobs of a run carry it out.
    pub(super) fn variables(&self) -> [(String, String); 2] {
        [
            ("DEPLOY_ACTION_BUNDLE".to_owned(), self.digest.clone()),
            ("DEPLOY_ACTION_BUNDLES".to_owned(), self.folder.to_string()),
        ]
    }
}

impl Playing<'_> {
    /// Plays the workflows that preview, and returns the bundle; `None` where none was sealed.
    pub(super) async fn review(
        &self,
        rendered: &[RenderedFile],
        number: u64,
        reports: &mut Vec<JobReport>,
    ) -> Result<Option<Sealed>, CliError> {
        let event = RehearsedEvent::PullRequest;
        let mut files = rendered
            .iter()
            .filter(|file| starts(&file.workflow.on, event));
        let Some(file) = files.next() else {
            return Err(CliError::new(
                Exit::NothingSelected,
                "no workflow of the plan previews a pull request",
            )
            .hint("`workflows` of the plan says which events start what"));
        };
        let played = self.play(file, event, number, None).await?;
        reports.extend(played.reports);
        let folder = played.artifacts.join(action::BUNDLES);
        let entries = folder.read_dir_utf8();
        let mut digests = entries.into_iter().flatten().filter_map(|entry| {
            let entry = entry.ok()?;
            let hex = entry.file_name().strip_suffix(".bundle.json")?;
            Some(format!("sha256:{hex}"))
        });
        let Some(digest) = digests.next() else {
            output::words("the preview sealed nothing, so nothing is carried out\n");
            return Ok(None);
        };
        output::words(&format!("sealed: {digest}\n"));
        Ok(Some(Sealed { digest, folder }))
    }
}
