use proptest::prelude::*;

use super::*;

/// A task of a random plan: its phase, its walks, whether it has legs, which tasks of lower rank it needs.
type RandomTask = (usize, usize, bool, Vec<proptest::sample::Index>, usize);

fn text(tasks: &[RandomTask], one_job: &[bool]) -> String {
    let mut text = "version: 1\nname: t\nenvironments: { east: { reviewers: a }, west: { needs: east } }\nphases:\n".to_owned();
    for (phase, folded) in one_job.iter().enumerate() {
        text.push_str(&format!("  - id: p{phase}\n    one-job: {folded}\n    tasks:\n      - {{ id: base-{phase}, run: {{ command: make }} }}\n"));
        for (index, (of, walks, legs, needs, rank)) in tasks
            .iter()
            .enumerate()
            .filter(|(_, task)| task.0 % one_job.len() == phase)
        {
            let lower: Vec<usize> = (0..tasks.len())
                .filter(|&other| (tasks[other].4, other) < (*rank, index))
                .collect();
            let needs: Vec<String> = needs
                .iter()
                .filter(|_| !lower.is_empty())
                .map(|need| format!("t{}", lower[need.index(lower.len())]))
                .collect();
            let walks = ["none", "east", "[east, west]"][walks % 3];
            let matrix = if *legs {
                "matrix: { leg: [a, b.c] }, "
            } else {
                ""
            };
            assert!(of % one_job.len() == phase);
            text.push_str(&format!("      - {{ id: t{index}, environment: {walks}, {matrix}needs: [{}], run: {{ command: make }} }}\n", needs.join(", ")));
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_jobs_of_any_plan_wait_as_its_tasks_do(
        tasks in prop::collection::vec((0..4usize, 0..3usize, prop::bool::weighted(0.2), prop::collection::vec(any::<prop::sample::Index>(), 0..3), 0..8usize), 1..10),
        one_job in prop::collection::vec(prop::bool::weighted(0.3), 1..4),
    ) {
        let text = text(&tasks, &one_job);
        let read = plan::read_text("deploy.yaml", text.clone(), camino::Utf8Path::new("."));
        let Some(plan) = read.plan else { return Ok(()) };
        let values = Values::resolve(&plan, &Given::default(), Wanted::Known).expect("there are no inputs");
        let Ok(graph) = graph::build(&plan, &values) else { return Ok(()) };
        match files(&plan, &graph, "deploy.yaml", Target::GitHub) {
            Ok(files) => {
                let again = crate::workflow::files(&plan, &graph, "deploy.yaml", Target::GitHub).expect("it was rendered before");
                prop_assert_eq!(&files, &again);
                for job in &files[0].workflow.jobs {
                    prop_assert!(job.id.len() <= crate::workflow::LONGEST_JOB_ID);
                    // What another need implies is left out.
                    for need in job.needs.iter().filter(|need| *need != "plan" && job.id != "checkpoint") {
                        let implied = job.needs.iter().filter(|other| *other != need).any(|other| waits(&files[0].workflow, other, need));
                        prop_assert!(!implied, "{} needs {need} twice\n{text}", job.id);
                    }
                }
            }
            // One job takes as long as all of its tasks together: ten tasks and two legs pass what a runner allows.
            Err(WorkflowError::Knot { .. } | WorkflowError::TooLong { .. }) if one_job.contains(&true) => {}
            Err(error) => prop_assert!(false, "{error}\n{text}"),
        }
    }
}

fn waits(workflow: &RenderedWorkflow, job: &str, other: &str) -> bool {
    let needs = workflow.job(job).map_or(&[][..], |job| &job.needs);
    needs
        .iter()
        .any(|need| need == other || waits(workflow, need, other))
}
