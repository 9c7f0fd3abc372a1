//! The engine: libFuzzer, which makes inputs of those that reached something new.
//!
//! `DEPLOY_ACTION_FUZZ` names the target. `cargo xtask fuzz` builds and starts this.
#![no_main]

use std::sync::OnceLock;

use camino::Utf8Path;
use deploy_action_fuzz::{Target, write_seeds};

/// What is named by the environment.
static TARGET: OnceLock<Target> = OnceLock::new();

libfuzzer_sys::fuzz_target!(init: begin(), |input: &[u8]| {
    TARGET.get().expect("`begin` has set it").check(input);
});

/// Finds the target; with `DEPLOY_ACTION_FUZZ_SEEDS`, writes seeds and dictionaries there and ends.
fn begin() {
    if let Ok(folder) = std::env::var("DEPLOY_ACTION_FUZZ_SEEDS") {
        let repository = std::env::var("DEPLOY_ACTION_FUZZ_REPOSITORY")
            .expect("`cargo xtask fuzz` says where it is");
        write_seeds(Utf8Path::new(&repository), Utf8Path::new(&folder))
            .expect("seeds can be written");
        std::process::exit(0);
    }
    let name = std::env::var("DEPLOY_ACTION_FUZZ").unwrap_or_default();
    TARGET.get_or_init(|| Target::named(&name).expect("`DEPLOY_ACTION_FUZZ` names a target"));
}
