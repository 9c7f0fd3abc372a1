//! `schema plan`: what editors hold a plan against is what the grammar says, accepts what `lint` accepts, and refuses what
//! a schema can see to be wrong.

use std::{
    fs,
    path::{Path, PathBuf},
};

use deploy_action::plan::grammar;
use deploy_action_test_support::{World, compare_with_file, files_ending_in};
use jsonschema::Validator;
use serde_json::Value;

/// Codes of mistakes that a schema sees: keys, types, words, choices.
const SEEN: &[&str] = &[
    "choice",
    "comma-in-flow",
    "duration",
    "expression-in-script",
    "foreign-key",
    "kind",
    "missing-key",
    "not-a-word",
    "not-yet",
    "type",
    "unknown-key",
    "version",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What hangs on other keys, or on what the plan declares elsewhere.
const UNSEEN: &[&str] = &["missing-key-of-a-fetched-secret.yaml"];

/// The validator of the schema that is kept in the repository.
fn validator() -> Validator {
    let text =
        fs::read_to_string(root().join("docs/plan.schema.json")).expect("the schema is kept");
    let schema: Value = serde_json::from_str(&text).expect("the schema is JSON");
    jsonschema::draft202012::meta::validate(&schema).expect("it is a schema of draft 2020-12");
    jsonschema::draft202012::new(&schema).expect("the schema can be used")
}

fn yaml(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn problems(validator: &Validator, plan: &Value) -> Vec<String> {
    let errors = validator.iter_errors(plan);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

#[test]
fn the_schema_that_is_kept_is_made_from_the_grammar() {
    let schema = format!("{:#}\n", grammar::schema());
    if let Err(difference) = compare_with_file(&root().join("docs/plan.schema.json"), &schema) {
        panic!("{difference}");
    }
    let ended = World::new(env!("CARGO_BIN_EXE_deploy-action")).run(["schema", "plan"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stdout, schema);
}

#[test]
fn the_schema_accepts_every_valid_plan() {
    let mut plans = files_ending_in(&root().join("tests/plans/valid"), "yaml");
    for entry in fs::read_dir(root().join("workflows")).expect("the folder is there") {
        let plan = entry.expect("it can be read").path().join("deploy.yaml");
        plans.extend(plan.is_file().then_some(plan));
    }
    assert!(plans.len() > 5, "{plans:?}");
    let validator = validator();
    for path in plans {
        let text = fs::read_to_string(&path).expect("a plan");
        let problems = problems(&validator, &yaml(&text));
        assert!(problems.is_empty(), "{}\n{problems:#?}", path.display());
    }
}

#[test]
fn the_schema_accepts_the_plans_that_the_documentation_shows() {
    let validator = validator();
    let mut n_plans = 0;
    for page in ["README.md", "docs/guide.md"] {
        let text = fs::read_to_string(root().join(page)).expect("a page");
        for block in text.split("```yaml\n").skip(1) {
            let block = block.split("```").next().expect("there is a first part");
            if !block.contains("phases:\n") {
                continue;
            }
            let problems = problems(&validator, &yaml(block));
            assert!(problems.is_empty(), "{page}\n{problems:#?}\n{block}");
            n_plans += 1;
        }
    }
    assert!(n_plans > 1, "{n_plans}");
}

#[test]
fn the_schema_refuses_what_it_can_see_to_be_wrong() {
    let validator = validator();
    let (mut n_refused, mut accepted) = (0, Vec::new());
    for path in files_ending_in(&root().join("tests/plans/invalid"), "yaml") {
        let name = name_of(&path);
        if !SEEN.iter().any(|code| name.starts_with(code)) || UNSEEN.contains(&name.as_str()) {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a plan");
        if problems(&validator, &yaml(&text)).is_empty() {
            accepted.push(name);
        } else {
            n_refused += 1;
        }
    }
    assert_eq!(accepted, Vec::<String>::new());
    assert!(n_refused > 25, "{n_refused}");
}

fn name_of(path: &Path) -> String {
    let name = PathBuf::from(path.file_name().expect("a file has a name"));
    name.to_string_lossy().into_owned()
}

#[test]
fn a_key_shows_what_it_means_and_what_it_may_be() {
    let schema = grammar::schema();
    let image = &schema["$defs"]["image"]["properties"];
    assert_eq!(
        image["push"]["description"],
        "registries; all tags last, everywhere (default: built only)"
    );
    assert_eq!(image["sbom"]["default"], true);
    let phase = &schema["$defs"]["phase"]["properties"];
    assert_eq!(
        phase["on-failure"]["enum"],
        serde_json::json!(["stop", "rollback"])
    );
    assert_eq!(phase["id"]["maxLength"], 30);
    assert_eq!(schema["additionalProperties"], false);
}

/// One plan with a mistake in it, beside the same plan without.
#[test]
fn expressions_are_accepted_where_the_grammar_takes_them_and_nowhere_else() {
    let validator = validator();
    let plan = |name: &str, script: &str, region: &str| {
        yaml(&format!(
            "name: {name}\nphases:\n  - id: ship\n    env: {{ REGION: {region} }}\n    tasks:\n      - id: app\n        run: {{ script: {script}, changes: false }}\n"
        ))
    };
    let expression = "\"a ${{ inputs.b }}\"";
    assert!(validator.is_valid(&plan("shop", "./a", expression)));
    assert!(!validator.is_valid(&plan(expression, "./a", "eu")));
    assert!(!validator.is_valid(&plan("shop", expression, "eu")));
}
