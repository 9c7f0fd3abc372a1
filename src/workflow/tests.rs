use serde_json::json;

use super::{
    RenderedWorkflow, Target, WorkflowError, WorkflowModel, apply, compare, declarations, files,
    read, render,
};
use crate::{
    graph::{self, TaskGraph},
    plan::{
        self, Plan,
        values::{Given, Values, Wanted},
    },
};

mod properties;

fn plan(text: &str) -> Plan {
    let read = plan::read_text("deploy.yaml", text.to_owned(), camino::Utf8Path::new("."));
    let problems: Vec<_> = read
        .problems
        .iter()
        .map(|problem| problem.message.clone())
        .collect();
    read.plan.unwrap_or_else(|| panic!("{text}\n{problems:#?}"))
}

fn graph(plan: &Plan) -> TaskGraph<'_> {
    let given = Given {
        rehearsal: true,
        ..Given::default()
    };
    let values = Values::resolve(plan, &given, Wanted::Known).expect("the inputs have values");
    graph::build(plan, &values).expect("the graph has no cycle")
}

/// The only workflow of a plan.
fn workflow(text: &str) -> Result<RenderedWorkflow, WorkflowError> {
    let plan = plan(text);
    let rendered = files(&plan, &graph(&plan), "deploy.yaml", Target::GitHub)?;
    Ok(rendered
        .into_iter()
        .next()
        .expect("a plan has a workflow")
        .workflow)
}

fn model(plan: &Plan) -> WorkflowModel {
    let (name, declaration) = declarations(plan)
        .into_iter()
        .next()
        .expect("a plan has a workflow");
    WorkflowModel::of(plan, &graph(plan), &name, &declaration, "deploy.yaml")
        .expect("it can be rendered")
}

fn refusal(text: &str) -> String {
    let error = workflow(text).expect_err("it is refused");
    assert!(!error.is_bug(), "{error}");
    format!(
        "{error}\nhint: {}",
        error.hint().expect("a refusal has a next step")
    )
}

/// A line a job: its name, what it waits for, its environment.
fn outline(workflow: &RenderedWorkflow) -> String {
    let line = |job: &super::JobFile| {
        let needs = job
            .needs
            .iter()
            .filter(|need| *need != "plan")
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        let environment = job
            .environment
            .as_ref()
            .map(|name| format!(" in {name}"))
            .unwrap_or_default();
        format!("{} ({}){environment} <- {needs}\n", job.id, job.name)
    };
    workflow
        .jobs
        .iter()
        .filter(|job| job.id != "checkpoint")
        .map(line)
        .collect()
}

const SEVERAL: &str = r#"
version: 1
name: several
environments: { staging: {}, production: { needs: staging, reviewers: "@ops" } }
phases:
  - id: build
    tasks:
      - { id: images, matrix: { service: [api, "web.v2"] }, run: { command: make } }
      - { id: notes, run: { command: make, changes: false } }
  - id: tools
    one-job: true
    tasks:
      - { id: first, needs: images, run: { command: make } }
      - { id: second, needs: first, run: { command: make } }
  - id: dns
    environment: [staging, production]
    tasks:
      - { id: zone, run: { command: make } }
      - { id: certificate, needs: cluster, run: { command: make } }
  - id: release
    environment: [staging, production]
    tasks:
      - { id: cluster, run: { command: make } }
      - { id: app, needs: [cluster, certificate], run: { command: make } }
      - { id: smoke, needs: app, check: [{ http: { url: "http://localhost" } }] }
workflows: { deploy: { on: { push: { branches: [main] } } } }
"#;

#[test]
fn environments_legs_one_job_and_late_tasks_wait_as_the_plan_says() {
    let workflow = workflow(SEVERAL).expect("it is rendered");
    insta::assert_snapshot!(outline(&workflow), @r"
    plan (plan) <- 
    build--images_api (build / images[api]) <- 
    build--images_web-v2-ce1e9129 (build / images[web.v2]) <- 
    build--notes (build / notes) <- 
    all_tools (tools) <- build--images_api, build--images_web-v2-ce1e9129, build--notes
    dns--zone--staging (dns / zone (staging)) in staging <- all_tools
    approval_dns--production (dns / approval (production) of ${{ needs.plan.outputs.digest }}) in production-approval <- release--smoke--staging
    dns--zone--production (dns / zone (production)) in production <- approval_dns--production
    dns--certificate--staging (dns / certificate (staging)) in staging <- release--cluster--staging
    dns--certificate--production (dns / certificate (production)) in production <- release--cluster--production
    release--cluster--staging (release / cluster (staging)) in staging <- dns--zone--staging
    approval_release--production (release / approval (production) of ${{ needs.plan.outputs.digest }}) in production-approval <- dns--zone--production
    release--cluster--production (release / cluster (production)) in production <- approval_release--production
    release--app--staging (release / app (staging)) in staging <- dns--certificate--staging
    release--app--production (release / app (production)) in production <- dns--certificate--production
    release--smoke--staging (release / smoke (staging)) <- release--app--staging
    release--smoke--production (release / smoke (production)) <- release--app--production
    ");
}

#[test]
fn a_job_that_waits_for_less_or_more_than_its_task_is_found() {
    let plan = plan(SEVERAL);
    let graph = graph(&plan);
    let model = model(&plan);
    let good = read(&render(&model).expect("it is rendered")).expect("it is a workflow");
    compare(&graph, &model, &good).expect("it says what the plan says");
    let position = |id: &str| {
        good.jobs
            .iter()
            .position(|job| job.id == id)
            .expect("the job is there")
    };
    let mut changes: Vec<RenderedWorkflow> = Vec::new();
    let mut change = |edit: &dyn Fn(&mut RenderedWorkflow)| {
        let mut changed = good.clone();
        edit(&mut changed);
        changes.push(changed);
    };
    change(&|file| {
        file.jobs[position("release--app--staging")]
            .needs
            .retain(|need| need == "plan")
    });
    change(&|file| {
        file.jobs[position("build--notes")]
            .needs
            .push("build--images_api".to_owned())
    });
    change(&|file| {
        file.jobs.remove(position("dns--zone--production"));
    });
    change(&|file| {
        let task = file.jobs[position("build--notes")].steps[1]
            .with
            .get_mut("task")
            .expect("it runs a task");
        "images[api]".clone_into(task);
    });
    change(&|file| {
        let task = file.jobs[position("all_tools")].steps[1]
            .with
            .get_mut("task")
            .expect("it runs tasks");
        "first".clone_into(task);
    });
    for changed in changes {
        let error = compare(&graph, &model, &changed).expect_err("it says something else");
        assert!(error.is_bug(), "{error}");
    }
}

#[test]
fn reviewers_are_asked_once_a_phase_when_the_first_task_could_start() {
    let workflow = workflow(SEVERAL).expect("it is rendered");
    let gate = workflow
        .job("approval_release--production")
        .expect("there is a gate");
    assert_eq!(gate.environment.as_deref(), Some("production-approval"));
    assert!(gate.permissions.is_empty());
    assert_eq!(
        gate.name,
        "release / approval (production) of ${{ needs.plan.outputs.digest }}"
    );
    let app = workflow
        .job("release--app--production")
        .expect("it is there");
    assert_eq!(app.permissions["actions"], "read");
    assert!(
        workflow.job("approval_release--staging").is_none(),
        "nobody reviews staging"
    );
}

#[test]
fn a_job_without_work_is_skipped_and_does_not_skip_what_waits_for_it() {
    let workflow = workflow(SEVERAL).expect("it is rendered");
    let condition = |id: &str| {
        workflow
            .job(id)
            .and_then(|job| job.condition.clone())
            .unwrap_or_default()
    };
    insta::assert_snapshot!(condition("build--notes"), @"${{ !cancelled() && !failure() && needs.plan.result == 'success' && contains(fromJSON(needs.plan.outputs.jobs), 'build--notes') }}");
    // Behind a phase that is one job only the ledger knows which of its tasks failed.
    insta::assert_snapshot!(condition("release--app--staging"), @"${{ !cancelled() && needs.plan.result == 'success' && contains(fromJSON(needs.plan.outputs.jobs), 'release--app--staging') }}");
}

const SECRETS: &str = r#"
version: 1
name: secrets
secrets: { SHARED: {}, OWN: {}, FAR: { google: projects/p/secrets/s, connection: cloud }, KEY: {}, UNREAD: {} }
connections:
  cloud: { google: { project: p } }
  hub: { registry: { host: ghcr.io } }
environments: { production: { recipient: age1ngvrlms0tqgh3newfcv7rah7lkq8lgrhnap3sf4l0tnxk2vhtfkqyphmkk, key: KEY } }
phases:
  - id: one
    tasks:
      - { id: shared, env: { A: "${{ secrets.SHARED }}" }, run: { command: make, permissions: { issues: write } } }
      - id: copied
        image: { copy: "docker.io/library/busybox@sha256:0000000000000000000000000000000000000000000000000000000000000000", push: hub, name: busybox }
      - { id: signed, image: { layout: out, push: hub, name: signed, sign: true } }
      - { id: unsigned, image: { layout: out, name: signed, sign: true } }
      - { id: infra, env: { A: "${{ secrets.OWN }}" }, terraform: { dir: workflows/relay/terraform/rackspace-spot } }
      - { id: reads-again, env: { A: "${{ tasks.infra.outputs.key }}" }, run: { command: make, changes: false } }
      - { id: asks-state, check: [{ terraform: { task: infra, resource: a.b } }] }
  - id: two
    environment: production
    tasks:
      - { id: makes, env: { A: "${{ secrets.OWN }}", B: "${{ secrets.FAR }}" }, run: { command: make }, outputs: { token: { sensitive: true }, name: {} } }
      - { id: opens, env: { A: "${{ tasks.makes.outputs.token }}" }, run: { command: make } }
      - { id: looks, env: { A: "${{ tasks.makes.outputs.name }}" }, run: { command: make, changes: false } }
workflows: { deploy: { on: push } }
"#;

#[test]
fn each_job_is_given_the_secrets_and_permissions_of_its_task_and_no_other() {
    let workflow = workflow(SECRETS).expect("it is rendered");
    let mut lines = String::new();
    for job in workflow.jobs.iter().filter(|job| job.id.contains("--")) {
        let step = job
            .steps
            .iter()
            .find(|step| step.name == "Run")
            .expect("it runs");
        let permissions: Vec<String> = job
            .permissions
            .iter()
            .map(|(scope, level)| format!("{scope}: {level}"))
            .collect();
        lines.push_str(&format!(
            "{}: {:?} {:?} {}\n",
            job.id,
            step.env.values().collect::<Vec<_>>(),
            job.environment,
            permissions.join(", ")
        ));
    }
    insta::assert_snapshot!(lines, @r#"
    one--shared: ["${{ secrets.SHARED }}"] None contents: write, issues: write
    one--copied: [] None contents: write, packages: write
    one--signed: [] None contents: write, id-token: write, packages: write
    one--unsigned: [] None contents: write
    one--infra: ["${{ secrets.OWN }}"] None contents: write
    one--reads-again: ["${{ secrets.OWN }}"] None contents: write
    one--asks-state: ["${{ secrets.OWN }}"] None contents: write
    two--makes: ["${{ secrets.OWN }}"] Some("production") contents: write, id-token: write
    two--opens: ["${{ secrets.KEY }}"] Some("production") contents: write
    two--looks: [] None contents: write
    "#);
}

#[test]
fn a_secret_of_a_task_without_environment_says_why_it_is_accepted() {
    let plan = plan(SECRETS);
    let text = render(&model(&plan)).expect("it is rendered");
    assert_eq!(
        text.matches("zizmor: ignore[secrets-outside-env]").count(),
        6,
        "the steps of four jobs, and the closing steps of the two that change something"
    );
    assert!(text.contains("SHARED: ${{ secrets.SHARED }} # zizmor: ignore[secrets-outside-env] the task belongs to no environment"));
}

#[test]
fn time_is_all_attempts_and_delays_and_checks_and_ten_minutes() {
    let text =
        |task: &str| format!("version: 1\nname: t\nphases: [{{ id: p, tasks: [{task}] }}]\n");
    let minutes = |task: &str| {
        workflow(&text(task))
            .expect("it is rendered")
            .job("p--a")
            .and_then(|job| job.timeout_minutes)
    };
    assert_eq!(minutes("{ id: a, run: { command: make } }"), Some(40));
    // 3 attempts of 5 minutes, 1 + 2 minutes between them, 4 and 1 of checks.
    let retried = "{ id: a, run: { command: make }, timeout: 5m, retry: { attempts: 3, delay: 1m, on: unavailable },
        verify: [{ http: { url: x }, within: 4m }, { http: { url: y }, within: 30s }] }";
    assert_eq!(minutes(retried), Some(15 + 3 + 5 + 10));
    assert_eq!(
        minutes("{ id: a, check: [{ http: { url: x }, within: 7m }] }"),
        Some(17)
    );
    insta::assert_snapshot!(refusal(&text("{ id: a, run: { command: make }, timeout: 6h }")), @r"
    job `p--a` may take 370 minutes; a hosted runner ends a job after 360
    hint: lower `timeout`, `retry` or `within`, or take a runner of your own by `runs-on`
    ");
    assert_eq!(
        minutes("{ id: a, run: { command: make }, timeout: 6h, runs-on: [self-hosted, linux] }"),
        Some(370)
    );
}

fn with_workflow(declaration: &str) -> String {
    format!(
        "version: 1\nname: t\nphases: [{{ id: p, tasks: [{{ id: a, run: {{ command: make }} }}] }}]\nworkflows: {{ w: {declaration} }}\n"
    )
}

#[test]
fn events_that_cannot_be_are_refused_with_what_to_write_instead() {
    let declarations = [
        "{ on: {} }",
        "{ on: repository_dispatch }",
        "{ on: pull_request_target }",
        "{ on: push, command: rollback }",
    ];
    let refused: Vec<String> = declarations
        .into_iter()
        .map(|declaration| refusal(&with_workflow(declaration)))
        .collect();
    insta::assert_snapshot!(refused.join("\n"), @r"
    `on` of workflow `w` names no event
    hint: `on: { push: { branches: [main] }, workflow_dispatch: {} }`
    event `repository_dispatch` of workflow `w` starts nothing by itself
    hint: add `command`: `run`, `preview`, `drift` or `verify`
    event `pull_request_target` of workflow `w` would run strangers' changes with this repository's secrets
    hint: take `pull_request`
    workflow `w` cannot run `rollback`
    hint: a workflow runs `run`, `preview`, `drift` or `verify`
    ");
}

#[test]
fn each_event_starts_its_command_and_only_that() {
    let jobs = |declaration: &str| {
        let workflow = workflow(&with_workflow(declaration)).expect("it is rendered");
        let with_condition = |job: &super::JobFile| match (&job.condition, job.id.contains("--")) {
            (Some(condition), false) => format!("{} if {condition}", job.id),
            _ => job.id.clone(),
        };
        workflow
            .jobs
            .iter()
            .map(with_condition)
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(
        jobs("{ on: { schedule: [{ cron: '0 4 * * *' }] } }"),
        "drift"
    );
    assert_eq!(
        jobs("{ on: repository_dispatch, command: verify }"),
        "verify"
    );
    insta::assert_snapshot!(jobs("{ on: [pull_request, merge_group] }"), @r"
    preview
    checkpoint if ${{ always() }}
    ");
    insta::assert_snapshot!(jobs("{ on: push }"), @r"
    plan
    p--a
    checkpoint if ${{ always() }}
    ");
    insta::assert_snapshot!(jobs("{ on: { pull_request: {}, push: {}, release: {}, schedule: [{ cron: '0 4 * * *' }] } }"), @r#"
    preview if ${{ github.event_name == 'pull_request' }}
    drift if ${{ github.event_name == 'schedule' }}
    plan if ${{ contains(fromJSON('["push", "release"]'), github.event_name) }}
    p--a
    checkpoint if ${{ always() && contains(fromJSON('["push", "release", "pull_request"]'), github.event_name) }}
    "#);
}

#[test]
fn a_dispatch_asks_for_what_nothing_else_says() {
    let text = r#"
version: 1
name: t
inputs:
  region: { default: eu, description: "Where: here" }
  size: { type: number, default: 2 }
  debug: { type: boolean, default: false }
  wide: { type: boolean, default: true }
  tier: { type: choice, options: [small, large], default: small }
  project: { example: p }
  owner: { default: "${{ github.repository_owner }}" }
environments: { staging: { inputs: { wide: false, tier: large } } }
phases:
  - id: p
    environment: staging
    tasks:
      - { id: a, run: { command: [echo, "${{ inputs.project }}"] } }
      - { id: sure, gate: { confirm: It is backed up } }
workflows: { w: { on: workflow_dispatch } }
"#;
    let workflow = workflow(text).expect("it is rendered");
    let inputs = super::yaml::block(&workflow.on["workflow_dispatch"]["inputs"], 0, &|_, _| None);
    insta::assert_snapshot!(inputs, @r#"
    region:
      description: "Where: here"
      type: string
      default: eu
    size:
      type: number
      default: 2
    debug:
      type: boolean
      default: false
    wide:
      description: true, false, or empty
      type: string
    tier:
      description: small, large, or empty
      type: string
    project:
      required: true
      type: string
    owner:
      type: string
    confirm:
      description: "Gates that you confirm, by task: sure"
      type: string
    "#);
    let plan_job = workflow.job("plan").expect("it is there");
    assert_eq!(plan_job.steps[2].with["confirm"], "${{ inputs.confirm }}");
}

#[test]
fn names_of_the_plan_are_shown_on_one_line_whatever_they_hold() {
    let text = r##"
version: 1
name: "a: b\n c"
phases: [{ id: p, name: "on: # x", tasks: [{ id: a, name: "\"yes\" \\ ' \t%", run: { command: make } }] }]
"##;
    let workflow = workflow(text).expect("it is rendered");
    assert_eq!(workflow.name, "a: b c / deploy");
    assert_eq!(
        workflow.job("p--a").map(|job| job.name.as_str()),
        Some("on: # x / \"yes\" \\ ' %")
    );
}

#[test]
fn a_patch_changes_the_file_and_keeps_its_comments() {
    let text = with_workflow(
        "{ on: push, patch: { env: { LOG: 1 }, jobs: { p--a: { runs-on: [self-hosted, linux], permissions: { issues: write } }, checkpoint: null } } }",
    );
    let plan = plan(&text);
    let files = files(&plan, &graph(&plan), "deploy.yaml", Target::GitHub).expect("it is rendered");
    let file = &files[0];
    assert!(file.workflow.job("checkpoint").is_none());
    assert_eq!(
        file.workflow.job("p--a").map(|job| job.runs_on.clone()),
        Some(vec!["self-hosted".to_owned(), "linux".to_owned()])
    );
    for kept in [
        "# Rendered by deploy-action from deploy.yaml",
        "\non:\n",
        "# v6.0.1",
        "contents: write # push the ledger's records to their ref",
    ] {
        assert!(file.text.contains(kept), "{kept}\n{}", file.text);
    }
    assert_eq!(
        super::files(&plan, &graph(&plan), "deploy.yaml", Target::GitHub).expect("again")[0].text,
        file.text
    );
}

#[test]
fn a_patch_that_leaves_no_workflow_is_refused() {
    for patch in [
        "{ jobs: { p--a: { steps: null } } }",
        "{ jobs: null }",
        "{ jobs: { plan: null } }",
        "{ on: null }",
    ] {
        let refused = refusal(&with_workflow(&format!("{{ on: push, patch: {patch} }}")));
        assert!(refused.contains("it is no workflow any more"), "{refused}");
    }
}

#[test]
fn a_merge_patch_merges_takes_out_and_replaces() {
    let mut target = json!({"a": {"b": 1, "c": [1]}, "d": 2});
    super::merge(
        &mut target,
        &json!({"a": {"b": null, "c": [2], "e": {"f": null, "g": 3}}, "d": {"h": 4}}),
    );
    assert_eq!(
        target,
        json!({"a": {"c": [2], "e": {"g": 3}}, "d": {"h": 4}})
    );
    assert!(
        apply("w", "on: push", &json!({})).is_err(),
        "it has no jobs"
    );
}

#[test]
fn a_phase_that_cannot_be_one_job_says_so() {
    let phase = |tasks: &str| {
        format!(
            "version: 1\nname: t\nenvironments: {{ e: {{}} }}\nphases: [{{ id: p, one-job: true, environment: e, tasks: [{tasks}] }}]\n"
        )
    };
    let knot = "{ id: a, run: { command: make } }, { id: s, environment: none, needs: a, run: { command: make } }, { id: b, needs: s, run: { command: make } }";
    insta::assert_snapshot!(refusal(&phase(knot)), @r"
    phase `p` cannot be one job: its tasks wait for tasks of other jobs, which wait for it
    hint: take `one-job` away, or move the task that waits to a later phase
    ");
    let runners = "{ id: a, run: { command: make } }, { id: b, runs-on: [self-hosted], run: { command: make } }";
    insta::assert_snapshot!(refusal(&phase(runners)), @r"
    phase `p` cannot be one job: `b` wants another runner than `a`
    hint: give them one `runs-on`, or take `one-job` away
    ");
}

#[test]
fn a_file_that_github_would_not_read_is_refused() {
    let tasks: Vec<String> = (0..600)
        .map(|index| format!("{{ id: task-{index}, run: {{ command: make }} }}"))
        .collect();
    let refused = refusal(&format!(
        "version: 1\nname: t\nphases: [{{ id: p, tasks: [{}] }}]\n",
        tasks.join(", ")
    ));
    assert!(
        refused.contains("GitHub reads 500000") && refused.contains("one-job: true"),
        "{refused}"
    );
}

#[test]
fn a_secret_that_github_cannot_hold_is_refused() {
    let text = "version: 1\nname: t\nsecrets: { GITHUB_PAT: {} }\nphases: [{ id: p, tasks: [{ id: a, env: { A: \"${{ secrets.GITHUB_PAT }}\" }, run: { command: make } }] }]\n";
    insta::assert_snapshot!(refusal(text), @r"
    GitHub holds no secret `GITHUB_PAT`
    hint: upper-case letters, digits and `_`, not starting with a digit or `GITHUB_`
    ");
}
