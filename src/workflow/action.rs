//! The inputs and outputs of the action, and where the binary finds them.
//!
//! `action.yml` is the other side of this table; a test holds both equal. Composite actions get no `INPUT_*` variables from
//! the runner, so the action hands each input over by a variable of its own.

/// An input of the action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input {
    /// Its name behind `with:`.
    pub name: &'static str,
    /// The variable in which `deploy-action action` finds it; empty: not given.
    pub variable: &'static str,
}

const fn input(name: &'static str, variable: &'static str) -> Input {
    Input { name, variable }
}

/// The verb.
pub const COMMAND: Input = input("command", "DEPLOY_ACTION_INPUT_COMMAND");
/// Further arguments of the verb, one a line.
pub const ARGUMENTS: Input = input("arguments", "DEPLOY_ACTION_INPUT_ARGUMENTS");
/// The plan file, from the root of the repository.
pub const PLAN: Input = input("plan", "DEPLOY_ACTION_INPUT_PLAN");
/// Tasks, as `TASK[LEG]@ENVIRONMENT`, one a line.
pub const TASK: Input = input("task", "DEPLOY_ACTION_INPUT_TASK");
/// Phases, one a line.
pub const PHASE: Input = input("phase", "DEPLOY_ACTION_INPUT_PHASE");
/// Environments, one a line.
pub const ENVIRONMENT: Input = input("environment", "DEPLOY_ACTION_INPUT_ENVIRONMENT");
/// The folder of the ledger.
pub const STATE: Input = input("state", "DEPLOY_ACTION_INPUT_STATE");
/// Gates that a person confirms, by task, separated by spaces or commas.
pub const CONFIRM: Input = input("confirm", "DEPLOY_ACTION_INPUT_CONFIRM");
/// Values of the plan's inputs, a JSON object; an empty text or `null` is no value.
pub const INPUTS: Input = input("inputs", "DEPLOY_ACTION_INPUT_INPUTS");
/// Variables of the repository, a JSON object.
pub const VARS: Input = input("vars", "DEPLOY_ACTION_INPUT_VARS");
/// Results of the other jobs, the JSON of GitHub's context `needs`.
pub const NEEDS: Input = input("needs", "DEPLOY_ACTION_INPUT_NEEDS");
/// The token of the job.
pub const TOKEN: Input = input("token", "DEPLOY_ACTION_INPUT_TOKEN");

/// Images that `tags` puts tags on, one a line.
pub const IMAGES: Input = input("images", "DEPLOY_ACTION_INPUT_IMAGES");
/// Rules of `tags`, one a line.
pub const TAGS: Input = input("tags", "DEPLOY_ACTION_INPUT_TAGS");
/// What goes for all rules of `tags`.
pub const FLAVOR: Input = input("flavor", "DEPLOY_ACTION_INPUT_FLAVOR");
/// Labels as `NAME=VALUE`, one a line.
pub const LABELS: Input = input("labels", "DEPLOY_ACTION_INPUT_LABELS");
/// Annotations as `NAME=VALUE`, one a line.
pub const ANNOTATIONS: Input = input("annotations", "DEPLOY_ACTION_INPUT_ANNOTATIONS");
/// Who tells `tags` the event: `workflow` or `git`.
pub const CONTEXT: Input = input("context", "DEPLOY_ACTION_INPUT_CONTEXT");
/// Target of the bake files of `tags`.
pub const BAKE_TARGET: Input = input("bake-target", "DEPLOY_ACTION_INPUT_BAKE_TARGET");
/// What stands between tags.
pub const SEP_TAGS: Input = input("sep-tags", "DEPLOY_ACTION_INPUT_SEP_TAGS");
/// What stands between labels.
pub const SEP_LABELS: Input = input("sep-labels", "DEPLOY_ACTION_INPUT_SEP_LABELS");
/// What stands between annotations.
pub const SEP_ANNOTATIONS: Input = input("sep-annotations", "DEPLOY_ACTION_INPUT_SEP_ANNOTATIONS");
/// The program that `tags` answers as.
pub const COMPAT: Input = input("compat", "DEPLOY_ACTION_INPUT_COMPAT");
/// The inputs that are options of `tags`, by the same names: those of docker/metadata-action, and `compat`.
pub const INPUTS_OF_TAGS: [Input; 11] = [
    IMAGES,
    TAGS,
    FLAVOR,
    LABELS,
    ANNOTATIONS,
    CONTEXT,
    BAKE_TARGET,
    SEP_TAGS,
    SEP_LABELS,
    SEP_ANNOTATIONS,
    COMPAT,
];

/// The inputs that the binary reads.
pub const INPUTS_READ: [Input; 23] = [
    COMMAND,
    ARGUMENTS,
    PLAN,
    TASK,
    PHASE,
    ENVIRONMENT,
    STATE,
    CONFIRM,
    INPUTS,
    VARS,
    NEEDS,
    IMAGES,
    TAGS,
    FLAVOR,
    LABELS,
    ANNOTATIONS,
    CONTEXT,
    BAKE_TARGET,
    SEP_TAGS,
    SEP_LABELS,
    SEP_ANNOTATIONS,
    COMPAT,
    TOKEN,
];

/// The binary itself; the action's own step reads it, the binary does not. `DEPLOY_ACTION_BINARY` says the same.
pub const BINARY: Input = input("binary", "DEPLOY_ACTION_INPUT_BINARY");

/// Output of a dry run: the ids of the jobs that have something to do, a JSON list.
pub const OUTPUT_JOBS: &str = "jobs";
/// Output of a dry run: the digest that approvals are bound to; of a preview: the bundle's.
pub const OUTPUT_DIGEST: &str = "digest";
/// Folder of bundles, below the runner's temporary one; the artifact has its name.
pub const BUNDLES: &str = "deploy-action-bundles";
/// Outputs of `tags`, named as those of docker/metadata-action.
pub const OUTPUTS_OF_TAGS: [&str; 10] = [
    "version",
    "tags",
    "tag-names",
    "labels",
    "annotations",
    "json",
    "bake-file-tags",
    "bake-file-labels",
    "bake-file-annotations",
    "bake-file",
];
/// The other outputs that the action passes on.
pub const OUTPUTS: [&str; 2] = [OUTPUT_JOBS, OUTPUT_DIGEST];

/// Folder below `RUNNER_TEMP` in which the artifacts of other jobs lie, a folder for each job id.
pub const ARTIFACTS_IN: &str = "deploy-action/artifacts/in";
/// Folder below `RUNNER_TEMP` whose content is kept for other jobs; what is sensitive never lies there.
pub const ARTIFACTS_OUT: &str = "deploy-action/artifacts/out";

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn the_action_passes_on_exactly_what_the_binary_reads_and_writes() {
        let action: Value =
            serde_yaml::from_str(include_str!("../../action.yml")).expect("it is YAML");
        let keys = |value: &Value| -> Vec<String> {
            value
                .as_object()
                .expect("it is a map")
                .keys()
                .cloned()
                .collect()
        };
        let inputs: Vec<&str> = INPUTS_READ
            .iter()
            .chain([&BINARY])
            .map(|input| input.name)
            .collect();
        assert_eq!(keys(&action["inputs"]), inputs);
        let outputs: Vec<&str> = OUTPUTS.into_iter().chain(OUTPUTS_OF_TAGS).collect();
        assert_eq!(keys(&action["outputs"]), outputs);
        for output in outputs {
            assert_eq!(
                action["outputs"][output]["value"],
                format!("${{{{ steps.run.outputs.{output} }}}}")
            );
        }
        let step = &action["runs"]["steps"][0];
        for input in INPUTS_READ.iter().chain([&BINARY]) {
            assert_eq!(
                step["env"][input.variable],
                format!("${{{{ inputs.{} }}}}", input.name)
            );
        }
        assert_eq!(
            step["env"].as_object().map(serde_json::Map::len),
            Some(inputs.len())
        );
        let script = step["run"].as_str().expect("it is a script");
        assert!(
            !script.contains("${{"),
            "an expression in a script can become shell text"
        );
        assert!(script.contains(&format!("version={}\n", env!("CARGO_PKG_VERSION"))));
    }
}
