//! A small plan for hand-made records, for the tests of all forms.

use std::collections::BTreeSet;

use camino::Utf8Path;

use super::{Material, Summary};
pub(crate) use crate::report::fixture::{End, Records, failed_run, good_run};
use crate::{
    diagnostic::SourceFile,
    document::Document,
    graph::{self, TaskGraph},
    ledger::RunState,
    plan::{
        self,
        values::{Given, Values, Wanted},
    },
    report::fixture::moment,
};

/// Two phases, one of them in an environment with reviewers.
pub(crate) const PLAN: &str = r#"
version: 1
name: relay
environments:
  production: { reviewers: "@relay/operators", url: "https://${{ tasks.app.outputs.address }}/" }
connections:
  ghcr: { registry: { host: ghcr.io } }
budget: { monthly: 5 }
decisions:
  expose: { question: Load balancer or ingress?, options: [load-balancer, ingress], answer: ingress, by: "@relay/operators", at: 2026-11-20, reason: It is there }
  tls: { question: Who signs?, options: [letsencrypt, own], preferred: letsencrypt }
goals:
  - { text: The image is published, proof: server/listed }
  - { text: It is fast }
risks:
  - { text: The node vanishes, likelihood: medium, impact: low, mitigation: Nothing on it is the only copy }
phases:
  - id: publish
    tasks:
      - { id: build, run: { command: [make], changes: false }, estimate: 2m, retry: { attempts: 2 } }
      - id: server
        image: { copy: "ghcr.io/o/base@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", push: ghcr }
        needs: build
        verify:
          - { id: listed, image: { reference: "${{ tasks.server.outputs.reference }}" }, expect: { exists: true } }
  - id: release
    environment: production
    tasks:
      - id: app
        run: { command: [./deploy.sh] }
        outputs: { address: {} }
        cost: { node: 1.46 }
        rollback: { by: run, command: [./undo.sh], data-loss: none, proof: app/http }
        verify:
          - { id: http, http: { url: "http://localhost/health" }, expect: { status: 200, latency: "< 1s" } }
      - { id: page, run: { command: [./page.sh] }, needs: app }
      - { id: signed, gate: { decisions: [tls] } }
"#;

/// A document whose second item nothing covers.
pub(crate) const DOCUMENT: &str = "# Relay\n\n- [ ] **E1** The image\n- [ ] **E2** The alarm\n";

impl Records {
    /// Folds the records over the plan of this page.
    pub fn summary(&self) -> Summary {
        self.summary_of(PLAN, false, None)
    }

    /// Folds the records over a plan, for some of its tasks.
    pub fn summary_of(
        &self,
        plan: &str,
        rehearsal: bool,
        selected: Option<&BTreeSet<usize>>,
    ) -> Summary {
        self.folded(plan, rehearsal, selected, |_, summary| summary)
    }

    /// Hands over the graph of the plan of this page with the summary of the records.
    pub fn with_graph(&self, use_them: impl FnOnce(&TaskGraph<'_>, Summary)) {
        self.folded(PLAN, false, None, use_them);
    }

    fn folded<T>(
        &self,
        plan: &str,
        rehearsal: bool,
        selected: Option<&BTreeSet<usize>>,
        use_them: impl FnOnce(&TaskGraph<'_>, Summary) -> T,
    ) -> T {
        let read = plan::read_text("deploy.yaml", plan.to_owned(), Utf8Path::new("."));
        let plan = read
            .plan
            .unwrap_or_else(|| panic!("the fixture's plan: {:?}", read.problems));
        let given = Given {
            rehearsal,
            ..Given::default()
        };
        let values = Values::resolve(&plan, &given, Wanted::Known).expect("it has no inputs");
        let graph = graph::build(&plan, &values).expect("it has no cycle");
        let document = Document::parse(SourceFile::new("PLAN.md", DOCUMENT));
        let summary = Summary::of(&Material {
            graph: &graph,
            values: &values,
            document: Some(&document),
            state: &RunState::of(&self.0),
            selected,
            now: moment(600),
        });
        use_them(&graph, summary)
    }
}
