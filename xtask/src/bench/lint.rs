//! Linting a plan of 10,000 tasks.

use std::{path::Path, process::Command, time::Duration};

use super::{
    measure::{Figures, median_of, millis},
    world::{N_TASKS, World},
};

/// A person who saves a file waits no longer than this.
const LONGEST: Duration = Duration::from_millis(100);

const TIMES: usize = 20;

/// Lints the plan so often.
pub(super) fn measure(program: &Path, figures: &mut Figures) -> anyhow::Result<()> {
    let world = World::new()?;
    let took = median_of(TIMES, || {
        let mut lint = Command::new(program);
        lint.current_dir(world.folder())
            .args(["lint", "deploy.yaml"]);
        lint
    })?;
    figures.held(
        format!("lint of {N_TASKS} tasks"),
        millis(took),
        format!("under {}", millis(LONGEST)),
        took < LONGEST,
    );
    Ok(())
}
