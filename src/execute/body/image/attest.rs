//! What is attached to an image before its tags move: what is in it, how it was made, and a signature where there is a key.

use jiff::Timestamp;

use super::{Attempt, BodyResult, ExecuteError, Run, sign::Signing};
use crate::{
    attestation::{
        AttestationError, Builder, Claim, Input, Occasion, RunFacts, Signer, Statement, Subject,
        attestation, contents, provenance, sbom, spdx,
    },
    digest::Digest,
    event::Effect,
    image::{
        Access, Attachment, Descriptor, Layout, PublishTarget, RegistryClient, RepositoryName,
        attach,
    },
    plan::kind::image::Image,
};

/// Who made an image where no workflow of GitHub did.
const ELSEWHERE: &str =
    "https://github.com/org/deploy-action/blob/main/docs/attestations.md#not-a-job";

/// Documents, each with the manifest that it is about.
pub(super) struct Documents {
    about: Vec<(Descriptor, Vec<Attachment>)>,
    /// How the image was made.
    provenance: Option<(Statement, Occasion)>,
    root: Descriptor,
    signing: Signing,
}

impl Documents {
    /// Writes what the plan asks for.
    pub(super) fn of<'p>(
        run: &Run<'_, 'p>,
        attempt: &Attempt<'_, 'p>,
        (image, signing): (&Image, Signing),
        layout: &Layout,
        (repositories, started): (&[RepositoryName], Timestamp),
    ) -> Result<Self, ExecuteError> {
        let root = layout.root()?;
        let mut about = Vec::new();
        if image.sbom {
            let created = source_date(run);
            for (image, platform) in layout.images()? {
                let found = contents(layout, &image)?;
                let document = spdx(image.digest, &platform, &found, created)
                    .map_err(AttestationError::Document)?;
                add(&mut about, &image, vec![sbom(document)]);
            }
        }
        let provenance = match image.provenance {
            true => Some(how_made(
                run,
                attempt,
                root.digest,
                (repositories, started),
            )?),
            false => None,
        };
        Ok(Self {
            about,
            provenance,
            root: root.clone(),
            signing,
        })
    }

    /// Whether there is nothing to attach.
    pub(super) fn is_empty(&self) -> bool {
        self.about.is_empty() && self.provenance.is_none() && self.signing.signer().is_none()
    }

    /// Attaches them in every repository, which has the image by its digest.
    pub(super) async fn attach<'p>(
        &self,
        run: &Run<'_, 'p>,
        attempt: &Attempt<'_, 'p>,
        client: &RegistryClient,
        targets: &[PublishTarget],
        result: &mut BodyResult,
    ) -> Result<(), ExecuteError> {
        for target in targets {
            let name = &target.repository;
            let repository = client.repository(name, Access::Push)?;
            let mut about = self.about.clone();
            let (mut added, mut present) = (0, 0);
            match self.signing.signer() {
                Some(signer) => {
                    for claim in self.claims(name) {
                        match claim.sign_once(signer, &repository, &self.root).await? {
                            Some(signed) => add(&mut about, &self.root, signed),
                            None => present += 2,
                        }
                    }
                }
                None => {
                    let made = self.provenance.iter();
                    let made = made.map(|(statement, occasion)| attestation(statement, occasion));
                    add(&mut about, &self.root, made.collect());
                }
            }
            for (subject, attachments) in &about {
                let attached = attach(&repository, subject, attachments).await?;
                for warning in &attached.warnings {
                    run.recorder
                        .notice(&format!("{}: {warning}", attempt.node.key));
                }
                added += attached.added.len();
                present += attached.present;
            }
            let what = match present {
                0 => format!("attach {added} to the image in {name}"),
                _ => format!("attach {added} to the image in {name}; {present} stood already"),
            };
            let reality = run.world.stand_ins.reality_of_registry(name.registry());
            result.effects.push(Effect { what, reality });
        }
        self.tell_who_signed(run, result).await
    }

    /// What is signed under a name.
    fn claims(&self, name: &RepositoryName) -> Vec<Claim> {
        let made = self
            .provenance
            .iter()
            .map(|(statement, occasion)| Claim::Statement {
                statement: statement.clone(),
                occasion: occasion.clone(),
            });
        let image = Claim::Image {
            repository: name.clone(),
            digest: self.root.digest,
        };
        made.chain([image]).collect()
    }

    /// A signature by a key is one of the documents; one of the job is told to the world.
    async fn tell_who_signed(
        &self,
        run: &Run<'_, '_>,
        result: &mut BodyResult,
    ) -> Result<(), ExecuteError> {
        let what = match &self.signing {
            Signing::By(Signer::Job(job)) => {
                let (identity, log) = (job.identity().await?, job.sigstore().log());
                format!("sign as {identity}, in the log at {log}")
            }
            Signing::NotInRehearsal => "sign the image".to_owned(),
            Signing::No | Signing::By(Signer::Key(_)) => return Ok(()),
        };
        let reality = self.signing.reality(run);
        result.effects.push(Effect { what, reality });
        Ok(())
    }
}

fn how_made<'p>(
    run: &Run<'_, 'p>,
    attempt: &Attempt<'_, 'p>,
    digest: Digest,
    (repositories, started): (&[RepositoryName], Timestamp),
) -> Result<(Statement, Occasion), ExecuteError> {
    let subjects: Vec<Subject> = repositories
        .iter()
        .map(|repository| Subject {
            name: repository.to_string(),
            digest,
        })
        .collect();
    let facts = facts(run, attempt, started);
    let occasion = Occasion {
        revision: run.world.runner.revision.sha.clone(),
        created: Some(facts.finished),
    };
    Ok((provenance(&subjects, &facts)?, occasion))
}

/// Adds documents to those about the same manifest: its list is asked for once.
fn add(
    about: &mut Vec<(Descriptor, Vec<Attachment>)>,
    subject: &Descriptor,
    attachments: Vec<Attachment>,
) {
    match about
        .iter_mut()
        .find(|(other, _)| other.digest == subject.digest)
    {
        Some((_, known)) => known.extend(attachments),
        None => about.push((subject.clone(), attachments)),
    }
}

/// When a list of contents was made, as its readers see it: another time would make it another document.
fn source_date(run: &Run<'_, '_>) -> Timestamp {
    let seconds = run
        .world
        .variable("SOURCE_DATE_EPOCH")
        .and_then(|text| text.parse().ok());
    seconds
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

fn facts(run: &Run<'_, '_>, attempt: &Attempt<'_, '_>, started: Timestamp) -> RunFacts {
    let runner = &run.world.runner;
    let plan = run.graph.plan();
    let server = &runner.servers.server_url;
    let workflow_ref = run
        .world
        .variable("GITHUB_WORKFLOW_REF")
        .filter(|_| runner.on_actions);
    let source = runner.repository.as_ref().zip(runner.revision.sha.as_ref());
    RunFacts {
        builder: Builder {
            id: workflow_ref.map_or_else(
                || ELSEWHERE.to_owned(),
                |workflow| format!("{server}/{workflow}"),
            ),
        },
        workflow: workflow_ref.and_then(|workflow| read_workflow(server, workflow)),
        plan: plan.source.name().to_owned(),
        task: attempt.node.key.to_string(),
        environment: attempt
            .node
            .key
            .environment
            .as_ref()
            .map(ToString::to_string),
        event: runner.event.name.clone(),
        source: source.map(|(repository, sha)| {
            let reference = runner.revision.full_ref.iter();
            let reference: String = reference.map(|name| format!("@{name}")).collect();
            (format!("git+{server}/{repository}{reference}"), sha.clone())
        }),
        inputs: vec![Input {
            name: plan.source.name().to_owned(),
            digest: Digest::of(plan.source.text()),
        }],
        invocation: runner
            .run_url()
            .unwrap_or_else(|| run.world.run.to_string()),
        started,
        finished: run.world.now(),
    }
}

/// Splits `OWNER/NAME/PATH@REF`.
fn read_workflow(server: &str, workflow: &str) -> Option<(String, String, String)> {
    let (file, reference) = workflow.split_once('@')?;
    let mut parts = file.splitn(3, '/');
    let (owner, name, path) = (parts.next()?, parts.next()?, parts.next()?);
    Some((
        format!("{server}/{owner}/{name}"),
        path.to_owned(),
        reference.to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::read_workflow;

    #[test]
    fn a_workflow_is_read_from_what_the_runner_calls_it() {
        let found = read_workflow(
            "https://github.com",
            "acme/api/.github/workflows/ship.yml@refs/heads/a/b",
        );
        let expected = (
            "https://github.com/acme/api".to_owned(),
            ".github/workflows/ship.yml".to_owned(),
            "refs/heads/a/b".to_owned(),
        );
        assert_eq!(found, Some(expected));
        assert_eq!(read_workflow("https://github.com", "acme/api"), None);
    }
}
