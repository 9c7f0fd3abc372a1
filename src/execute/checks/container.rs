//! Check `container`: a published image is fetched, started, asked, and stopped.

use std::collections::BTreeSet;

use super::{Asked, Question, ask};
use crate::{
    container::{
        ContainerError, ContainerRequest, Engine, Helper, ImageConfig, RootFolder, RootMode,
        Started, StartedBy, find_engine,
    },
    event::{Answer, Event, FailureKind, Reality},
    execute::{ExecuteError, Run},
    expression::Map,
    image::{Depth, ImageReference, Platform, Platforms, inspect, inspect_layout, pull, unpack},
    ledger::Durability,
    plan::kind::Reader,
    probe::{Resolve, observe_container},
};

impl<'p> Run<'_, 'p> {
    pub(super) async fn ask_container(
        &self,
        question: &Question<'_, 'p>,
        body: &Map,
    ) -> Result<Asked, ExecuteError> {
        let reader = Reader::new(body);
        let reference = reader.required("image")?;
        let parsed: ImageReference = reference
            .parse()
            .map_err(|error| ExecuteError::task(FailureKind::Invalid, format!("{error}")))?;
        let request = ContainerRequest {
            env: ask::variables(body.get("env")),
            ports: reader
                .ports("ports")?
                .into_iter()
                .collect::<BTreeSet<u16>>(),
        };
        let started = self.start_container(question, &parsed, &request).await?;
        let mut resolve = Resolve::new();
        resolve.lead_container(started.ports());
        let how = words(started.how());
        let failed = self.ask_inside(question, &resolve).await?;
        let mut evidence = observe_container(started.exit(), &started.log_tail());
        let log = started.log_tail();
        let stopped = started.stop().await;
        evidence.observed.add("started-by", how.clone());
        evidence.holds = evidence
            .holds
            .and(failed.map_or(Ok(()), |failed| Err(format!("{failed}{}", last_line(&log)))));
        stopped.map_err(from_container)?;
        Ok(Asked {
            evidence,
            reality: self.reality_of_start(&parsed, &how),
        })
    }

    /// The start is real; where the image came from may be a stand-in.
    fn reality_of_start(&self, reference: &ImageReference, how: &str) -> Reality {
        match self
            .world
            .stand_ins
            .reality_of_registry(reference.repository().registry())
        {
            Reality::StandIn { who } => Reality::StandIn {
                who: format!("{who}; started for real by {how}"),
            },
            other => other,
        }
    }

    async fn start_container(
        &self,
        question: &Question<'_, 'p>,
        reference: &ImageReference,
        request: &ContainerRequest,
    ) -> Result<Started, ExecuteError> {
        let helper = Helper::new(&self.world.program);
        if let Some(engine) = find_engine(&self.world.variables).await {
            match self
                .start_by(&engine, &helper, question, reference, request)
                .await
            {
                Ok(started) => return Ok(started),
                Err(error) => self.recorder.notice(&format!(
                    "{}: {error}; namespaces of our own are tried",
                    question.node.key
                )),
            }
        }
        let folder = self.root_of(question, reference).await?;
        Started::in_namespaces(&helper, &folder, request)
            .await
            .map_err(from_container)
    }

    async fn start_by(
        &self,
        engine: &Engine,
        helper: &Helper,
        question: &Question<'_, 'p>,
        reference: &ImageReference,
        request: &ContainerRequest,
    ) -> Result<Started, ExecuteError> {
        let pullable = self.pullable(question, reference).await?;
        Started::by_engine(engine, helper, &pullable, request)
            .await
            .map_err(from_container)
    }

    /// An engine knows nothing of stand-ins: it is given the address where the image really is.
    async fn pullable(
        &self,
        question: &Question<'_, 'p>,
        reference: &ImageReference,
    ) -> Result<String, ExecuteError> {
        let Some(server) = self
            .world
            .stand_ins
            .registries
            .get(reference.repository().registry())
        else {
            return Ok(reference.to_string());
        };
        let client = self.client_for(question.node, reference)?;
        let facts = inspect(&client, reference, Depth::Config).await?;
        let host = server
            .url
            .trim_start_matches("http://")
            .trim_end_matches('/');
        Ok(format!(
            "{host}/{}@{}",
            reference.repository().path(),
            facts.digest
        ))
    }

    /// Fetches the image from its registry and lays out its files.
    async fn root_of(
        &self,
        question: &Question<'_, 'p>,
        reference: &ImageReference,
    ) -> Result<RootFolder, ExecuteError> {
        let client = self.client_for(question.node, reference)?;
        let folder = tempfile::Builder::new()
            .prefix("container-")
            .tempdir_in(&self.world.scratch)
            .map_err(|error| {
                ExecuteError::file("make a folder in", self.world.scratch.clone(), error)
            })?
            .keep();
        let platform = host_platform();
        let layout = pull(
            &client,
            reference,
            folder.join("layout"),
            &Platforms::One(platform.clone()),
        )
        .await?;
        let root = folder.join("root");
        let unpacked = unpack(&layout, &root, Some(&platform))?;
        if !unpacked.left_out.is_empty() {
            self.recorder.notice(&format!(
                "{}: devices of the image were left out: {}",
                question.node.key,
                unpacked.left_out.join(", ")
            ));
        }
        let facts = inspect_layout(&layout, Depth::Config)?;
        let config = ImageConfig {
            entrypoint: facts.entrypoint,
            cmd: facts.cmd,
            env: facts
                .env
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect(),
            user: facts.user,
            workdir: facts.workdir,
        };
        let path = root.try_into().map_err(|error: camino::FromPathBufError| {
            ExecuteError::task(
                FailureKind::Internal,
                format!("a temporary folder is not UTF-8: {error}"),
            )
        })?;
        Ok(RootFolder {
            path,
            mode: RootMode::Writable,
            config,
        })
    }

    /// Asks the checks of a container. Each answer is recorded; returns why the first failed, if one did.
    async fn ask_inside(
        &self,
        question: &Question<'_, 'p>,
        resolve: &Resolve,
    ) -> Result<Option<String>, ExecuteError> {
        let mut failed = None;
        for check in &question.check.checks {
            let inner = Question {
                node: question.node,
                check,
                own: question.own,
                resolve,
                moment: question.moment,
            };
            let answer = Box::pin(self.answer(&inner)).await?;
            if answer.answer == Answer::Failed && failed.is_none() {
                failed = Some(format!(
                    "`{}` inside: {}",
                    check.id,
                    answer.message.as_deref().unwrap_or("it did not hold")
                ));
            }
            let event = Event::CheckAnswered {
                task: question.node.key.clone(),
                check: check.id.clone(),
                moment: question.moment,
                answer,
            };
            self.record(question.node, event, Durability::Written)?;
        }
        Ok(failed)
    }
}

fn last_line(log: &str) -> String {
    log.lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .map(|line| format!("; its last line: {line}"))
        .unwrap_or_default()
}

fn words(how: &StartedBy) -> String {
    match how {
        StartedBy::Docker { version } => format!("docker {version}"),
        StartedBy::Podman { version } => format!("podman {version}"),
        StartedBy::Namespaces => "namespaces of our own".to_owned(),
    }
}

fn host_platform() -> Platform {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    Platform {
        os: "linux".to_owned(),
        architecture: architecture.to_owned(),
        variant: None,
    }
}

fn from_container(error: ContainerError) -> ExecuteError {
    let (kind, hint) = (error.kind(), error.hint());
    let failure = ExecuteError::task(kind, crate::execute::chain(&error));
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
