//! What `run` carries out, in which order, with which values, and how it ends.
#![cfg(target_os = "linux")]

mod checks;
mod selection;
mod signals;
mod values;

use crate::world::World;

/// A plan with one phase, from its tasks and what stands before.
fn plan(head: &str, tasks: &str) -> String {
    format!("name: app\n{head}\nphases:\n  - id: ship\n    tasks:\n{tasks}\n")
}

fn world(tasks: &str) -> World {
    World::new(&plan("", tasks))
}

/// Three tasks that leave traces: `one`, `two` behind it, and `three` in the phase that follows.
const THREE: &str = "
name: app
phases:
  - id: build
    tasks:
      - { id: one, run: { script: 'echo one >> $OUT/trace' } }
      - { id: two, needs: one, run: { script: 'echo two >> $OUT/trace' } }
  - id: ship
    tasks:
      - { id: three, run: { script: 'echo three >> $OUT/trace' } }
";
