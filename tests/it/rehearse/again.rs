//! What a second rehearsal repeats: what changed, and nothing that was finished.

use std::{collections::BTreeSet, fs};

use crate::rehearse_world::Rehearsals;

/// `second` reads what `first` gives; `other` reads a file.
const CHAIN: &str = r#"
version: 1
name: chain
inputs: { greeting: { default: one } }
phases:
  - id: all
    one-job: true
    tasks:
      - id: first
        run: { script: 'echo "text=$GREETING" >> "$GITHUB_OUTPUT"; echo "first $GREETING" >> ~/trace' }
        env: { GREETING: "${{ inputs.greeting }}" }
        paths: none
        outputs: { text: {} }
      - id: second
        run: { script: 'echo "second $TEXT" >> ~/trace' }
        env: { TEXT: "${{ tasks.first.outputs.text }}" }
        paths: none
      - id: other
        needs: second
        run: { script: 'echo "other $(cat version)" >> ~/trace' }
        paths: version
workflows: { deploy: { on: { push: { branches: [main] } } } }
"#;

#[test]
fn an_edit_repeats_exactly_what_depends_on_it_and_going_back_deploys_again() {
    let chain = Rehearsals::new(CHAIN, &[("version", "v1\n")]);
    let traced = |args: &[&str]| {
        let before = chain.trace("trace");
        let ran = chain.rehearse_to(0, args);
        (chain.trace("trace")[before.len()..].to_owned(), ran.stderr)
    };
    assert_eq!(traced(&[]).0, "first one\nsecond one\nother v1\n");
    // An input, as it is given and as it is written.
    assert_eq!(
        traced(&["--input", "greeting=two"]).0,
        "first two\nsecond two\n"
    );
    assert_eq!(traced(&[]).0, "first one\nsecond one\n");
    assert_eq!(traced(&[]).0, "");
    chain.world.write(
        "deploy.yaml",
        &CHAIN.replace("default: one", "default: three"),
    );
    chain.render();
    let (again, words) = traced(&[]);
    assert_eq!(again, "first three\nsecond three\n");
    assert!(words.contains(", with 1 uncommitted change\n"), "{words}");
    // A file that is not committed.
    chain.world.write("version", "v2\n");
    let (again, words) = traced(&[]);
    assert_eq!(again, "other v2\n");
    assert!(words.contains(", with 2 uncommitted changes\n"), "{words}");
    chain.world.write("version", "v1\n");
    assert_eq!(traced(&[]).0, "other v1\n");
    assert_eq!(
        traced(&["--fresh"]).0,
        "first three\nsecond three\nother v1\n"
    );
}

#[test]
fn a_new_file_is_rehearsed_and_a_removed_one_is_not_there() {
    let plan = r#"
version: 1
name: files
phases: [{ id: all, tasks: [{ id: look, run: { script: 'ls a b c > ~/seen 2> /dev/null || true', changes: false } }] }]
workflows: { deploy: { on: { push: { branches: [main] } } } }
"#;
    let files = Rehearsals::new(plan, &[("a", ""), ("b", "")]);
    files.world.write("c", "");
    fs::remove_file(files.world.repository().join("a")).expect("it is there");
    let ran = files.rehearse_to(0, &[]);
    assert_eq!(files.trace("seen"), "b\nc\n", "{}", ran.all());
}

/// `page` and `image` are done when `wait` begins.
const KILLED: &str = r#"
version: 1
name: killed
connections: { ghcr: { registry: { host: ghcr.io } } }
phases:
  - id: build
    one-job: true
    tasks:
      - id: page
        run: { script: 'mkdir -p out; echo page > out/page; echo page >> ~/trace', changes: false }
        paths: none
        artifacts: { page: { path: out/page } }
      - id: image
        image:
          assemble: { files: { /page: "${{ tasks.page.artifacts.page }}" }, entrypoint: [/page] }
          push: ghcr
          tags: type=sha
      - id: wait
        needs: image
        run: { script: 'echo begin >> ~/trace; echo x > ~/started; while test -d ~ && ! test -e ~/go; do sleep 0.05; done; touch left; echo end >> ~/trace' }
        paths: none
      - { id: last, needs: wait, run: { script: 'echo last >> ~/trace' }, paths: none }
workflows: { deploy: { on: { push: { branches: [main] } } } }
"#;

#[test]
fn a_killed_rehearsal_goes_on_and_repeats_nothing_that_was_finished() {
    let killed = Rehearsals::new(KILLED, &[]);
    let first = killed.start(&[]);
    killed.wait_for("started");
    first.kill_group();
    // The jobs end with the rehearsal. What changes the outside stays with its keeper, as when a machine's runner is killed.
    killed.wait_until_gone(|line| line.contains(" action"));
    let second = killed.start(&[]);
    killed.allow("go");
    let second = second.end();
    assert_eq!(second.code, Some(0), "{}", second.all());
    assert_eq!(killed.trace("trace"), "page\nbegin\nend\nlast\n");
    let states = killed.states();
    assert!(
        states.values().all(|state| state == "automated-unproved"),
        "{states:?}"
    );
    each_blob_was_sent_once(&killed);
    killed.wait_until_gone(|_| true);
    let third = killed.rehearse_to(0, &[]);
    assert_eq!(
        killed.trace("trace"),
        "page\nbegin\nend\nlast\n",
        "{}",
        third.all()
    );
    each_blob_was_sent_once(&killed);
}

fn each_blob_was_sent_once(rehearsals: &Rehearsals) {
    let requests = rehearsals.requests("registry");
    let uploads: Vec<String> = requests
        .iter()
        .filter(|request| {
            let path = request["path"].as_str().unwrap_or_default();
            request["method"] == "PUT" && path.contains("/blobs/uploads/")
        })
        .map(|request| request["query"].as_str().unwrap_or_default().to_owned())
        .collect();
    let different: BTreeSet<&String> = uploads.iter().collect();
    assert_eq!(uploads.len(), different.len(), "{uploads:?}");
    assert_eq!(
        uploads.len(),
        5,
        "layer and configuration; the list of contents, the provenance, and their empty configuration: {uploads:?}"
    );
    assert_eq!(rehearsals.count("registry", "POST"), uploads.len() + 1);
}
