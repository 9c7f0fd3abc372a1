//! One asking of one check.

use std::{collections::BTreeMap, time::Duration};

use tokio::sync::mpsc;

use super::{Asked, Question};
use crate::{
    event::{FailureKind, Reality},
    execute::{ExecuteError, Run, body},
    expression::{Map, Value},
    plan::{
        kind::{Reader, run::Run as RunBody},
        model::CheckKind,
    },
    probe::{
        FileQuestion, Git, GitQuestion, HttpQuestion, ProbeError, RunFacts, TcpQuestion, ask_file,
        ask_git, ask_http, ask_tcp, observe_run,
    },
    process::{self, Output, OutputLine, Source, StopListener},
    secret::Secret,
};

impl<'p> Run<'_, 'p> {
    /// Asks a check once.
    pub(super) async fn ask(
        &self,
        question: &Question<'_, 'p>,
        limit: Duration,
    ) -> Result<Asked, ExecuteError> {
        if let Some(from) = &question.check.from {
            return Err(not_there(&format!("checks from `{from}`")));
        }
        let Value::Map(body) = self.check_part(question, &question.check.body)? else {
            return Err(ExecuteError::task(
                FailureKind::Internal,
                "a check has no keys",
            ));
        };
        let reader = Reader::new(&body);
        let resolve = question.resolve;
        let evidence = match question.check.kind {
            CheckKind::Http => ask_http(&http_question(reader, &body)?, resolve, limit)
                .await
                .map_err(from_probe)?,
            CheckKind::Tcp => ask_tcp(
                &TcpQuestion {
                    address: reader.required("address")?,
                },
                resolve,
                limit,
            )
            .await
            .map_err(from_probe)?,
            CheckKind::Git => ask_git(
                &GitQuestion {
                    url: reader.required("url")?,
                },
                resolve,
                limit,
            )
            .await
            .map_err(from_probe)?,
            CheckKind::File => {
                let paths = reader.texts("path")?;
                let masker = self.masker.borrow().clone();
                let git = Git {
                    variables: &self.world.variables,
                    masker: &masker,
                };
                ask_file(
                    &FileQuestion { paths },
                    &self.world.folder,
                    &git,
                    limit.max(Duration::from_secs(30)),
                )
                .await
                .map_err(from_probe)?
            }
            CheckKind::Run => return self.ask_run(question, reader).await,
            CheckKind::Image => {
                return self
                    .ask_image(question, &reader.required("reference")?)
                    .await;
            }
            CheckKind::Terraform => {
                return Box::pin(self.ask_terraform(question, reader)).await;
            }
            CheckKind::Container => return Box::pin(self.ask_container(question, &body)).await,
            CheckKind::Tls
            | CheckKind::Dns
            | CheckKind::Websocket
            | CheckKind::Sql
            | CheckKind::Metric
            | CheckKind::Kubernetes
            | CheckKind::Swarm
            | CheckKind::Helm
            | CheckKind::S3 => {
                return Err(not_there(&format!(
                    "`{}` checks",
                    question.check.kind.key()
                )));
            }
        };
        Ok(Asked {
            evidence,
            reality: Reality::Real,
        })
    }

    async fn ask_run(
        &self,
        question: &Question<'_, 'p>,
        reader: Reader<'_>,
    ) -> Result<Asked, ExecuteError> {
        let body = RunBody::read(reader)?;
        let logins = self.child_logins(question.node)?;
        let spec = body::call(self, question.node, &body)?;
        let spec = self
            .give_tools(spec, &body.tools)
            .await?
            .capture_stdout(body::MOST_STDOUT)
            .timeout(question.node.task.timeout);
        let spec = logins.apply(spec);
        let masker = self.masker.borrow().clone();
        let (live, lines) = mpsc::channel(1024);
        let output = Output {
            masker: &masker,
            log: None,
            live: Some(live),
        };
        let (ended, stderr) = tokio::join!(
            process::run(&spec, output, StopListener::never()),
            error_lines(lines)
        );
        let ended = ended?;
        let stdout = ended
            .stdout
            .as_ref()
            .map(|stdout| String::from_utf8_lossy(stdout.expose()).into_owned())
            .unwrap_or_default();
        let exit = if ended.succeeded() || ended.stopped.is_none() {
            Some(ended.how.code())
        } else {
            None
        };
        let facts = RunFacts {
            exit,
            stdout: masker.mask(&stdout).into_owned(),
            stderr,
        };
        Ok(Asked {
            evidence: observe_run(&facts),
            reality: Reality::Real,
        })
    }
}

async fn error_lines(mut lines: mpsc::Receiver<OutputLine>) -> String {
    let mut text = String::new();
    while let Some(line) = lines.recv().await {
        if line.from == Source::Stderr {
            text.push_str(&line.text);
            text.push('\n');
        }
    }
    text
}

fn http_question(reader: Reader<'_>, body: &Map) -> Result<HttpQuestion, ExecuteError> {
    let headers = match body.get("headers") {
        Some(Value::Map(headers)) => headers
            .iter()
            .map(|(name, value)| (name.clone(), secret_text(value)))
            .collect(),
        _ => Vec::new(),
    };
    Ok(HttpQuestion {
        url: reader.required("url")?,
        method: reader.text("method")?.unwrap_or_else(|| "GET".to_owned()),
        headers,
        body: reader.text("body")?,
    })
}

fn secret_text(value: &Value) -> Secret {
    match value {
        Value::Secret(secret) => secret.clone(),
        other => Secret::new(other.as_plain_text().unwrap_or_default()),
    }
}

/// Returns the variables of a container; secrets among them go to it and nowhere else.
pub(super) fn variables(value: Option<&Value>) -> BTreeMap<String, String> {
    let Some(Value::Map(entries)) = value else {
        return BTreeMap::new();
    };
    entries
        .iter()
        .map(|(name, value)| (name.clone(), secret_text(value).expose().to_owned()))
        .collect()
}

pub(super) fn from_probe(error: ProbeError) -> ExecuteError {
    let (kind, hint) = (error.kind(), error.hint());
    let failure = ExecuteError::task(kind, crate::execute::chain(&error));
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn not_there(what: &str) -> ExecuteError {
    ExecuteError::task(
        FailureKind::Task,
        format!("this version does not ask {what} yet"),
    )
}
