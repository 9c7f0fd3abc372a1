//! Problems of large plans point at their lines.

use std::fmt::Write as _;

use super::lint;

/// A plan of more than 5,000 lines: 100 phases with 12 tasks of four lines each.
fn large_plan() -> String {
    let mut plan = "name: large\ninputs:\n  region: { default: eu }\nphases:\n".to_owned();
    for phase in 0..100 {
        writeln!(plan, "  - id: phase-{phase}\n    tasks:").expect("a text can be written to");
        for task in 0..12 {
            let needs = match (phase, task) {
                (0, 0) => "[]".to_owned(),
                (_, 0) => format!("task-{}-11", phase - 1),
                _ => format!("task-{phase}-{}", task - 1),
            };
            writeln!(plan, "      - id: task-{phase}-{task}\n        needs: {needs}\n        run: {{ command: [deploy, \"${{{{ inputs.region }}}}\"], changes: false }}\n        timeout: 10m").expect("a text can be written to");
        }
    }
    plan
}

#[test]
fn one_mistake_in_the_middle_of_a_large_plan_points_at_its_line() {
    let plan = large_plan();
    assert!(plan.lines().count() > 5_000);
    assert_eq!(lint(&plan).code, Some(0));
    for (good, bad, column, code) in [
        (
            "        timeout: 10m",
            "        timeuot: 10m",
            9,
            "unknown-key",
        ),
        (
            "        timeout: 10m",
            "        timeout: 10",
            18,
            "duration",
        ),
        (
            "        needs: task-50-5",
            "        needs: task-50-555",
            16,
            "unknown-name",
        ),
        (
            "        run: { command: [deploy, \"${{ inputs.region }}\"], changes: false }",
            "        run: { command: [deploy, \"${{ inputs.regoin }}\"], changes: false }",
            39,
            "unknown-name",
        ),
        ("        needs: task-50-5", "\tneeds: task-50-5", 1, "yaml"),
    ] {
        let middle = plan.find("id: task-50-6\n").expect("the task is there");
        let at = middle + plan[middle..].find(good).expect("the line is there");
        let broken = format!("{}{bad}{}", &plan[..at], &plan[at + good.len()..]);
        let line = broken[..at].lines().count() + 1;
        let ended = lint(&broken);
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        let place = format!("--> deploy.yaml:{line}:{column}\n");
        assert!(
            ended.stderr.contains(&place) && ended.stderr.contains(&format!("error[{code}]")),
            "{place} {}",
            ended.stderr
        );
        assert!(ended.stderr.ends_with("\n1 error\n"), "{}", ended.stderr);
    }
}
