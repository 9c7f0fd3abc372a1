//! The reference of the plan file, `docs/plan-format.md`, is what the grammar says.

use std::path::Path;

use deploy_action::plan::grammar;
use deploy_action_test_support::compare_with_file;

#[test]
fn the_reference_of_the_plan_file_is_made_from_its_grammar() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/plan-format.md");
    if let Err(difference) = compare_with_file(&page, &grammar::reference()) {
        panic!("{difference}");
    }
}
