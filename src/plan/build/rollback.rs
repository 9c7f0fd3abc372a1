//! Ways back.

use super::{Draft, checks::checks, data::proofs, phases::DEFAULT_TIMEOUT, task::object_of};
use crate::{
    diagnostic::{Diagnostic, Span, words::list_ticked},
    plan::{
        grammar::TASK,
        model::{Kind, Rollback, Way},
        node::{Map, Node},
        position::Position,
    },
};

/// Reads the way back of a task.
pub(super) fn rollback(
    draft: &mut Draft<'_>,
    map: &Map,
    kind: Kind,
    task: Span,
) -> Option<Rollback> {
    let Some(node) = map.get("rollback") else {
        if kind == Kind::Run && may_change(map) {
            draft.problem(no_way_back(map, task));
        }
        return None;
    };
    let inner = node.as_map()?;
    let object = object_of(&TASK, "rollback")?;
    let by = draft.text(inner, "by").and_then(|word| way(&word));
    let rollback = Rollback {
        by,
        before: checks(draft, inner, "before", Position::AfterBody),
        command: draft.field(inner, object, "command", Position::AfterBody),
        reason: draft.text(inner, "reason"),
        data_loss: draft.text(inner, "data-loss"),
        proof: proofs(draft, inner),
        timeout: draft.duration(inner, "timeout").unwrap_or(DEFAULT_TIMEOUT),
    };
    check_way(draft, &rollback, kind, inner, node.span);
    check_rollback(draft, &rollback, inner, node.span);
    Some(rollback)
}

fn way(word: &str) -> Option<Way> {
    Some(match word {
        "previous" => Way::Previous,
        "revision" => Way::Revision,
        "down" => Way::Down,
        "restore" => Way::Restore,
        "destroy" => Way::Destroy,
        "delete" => Way::Delete,
        "run" => Way::Run,
        "none" => Way::None,
        _ => return None,
    })
}

/// Whether a `run` changes something outside, as far as the file says.
fn may_change(map: &Map) -> bool {
    let flag = map
        .get("run")
        .and_then(Node::as_map)
        .and_then(|run| run.get("changes"))
        .and_then(Node::as_scalar);
    flag.is_none_or(|flag| flag.text != "false")
}

fn no_way_back(map: &Map, task: Span) -> Diagnostic {
    let id = map.get("id").and_then(Node::as_scalar);
    let id = id.map_or("", |id| id.text.as_str());
    Diagnostic::warning("no-way-back", format!("`{id}` changes something, and no way back is declared"))
        .at(task)
        .help("add `rollback: { by: run, command: […] }`, or `{ by: none, reason: … }`; what changes nothing outside says `changes: false`")
}

/// Reports a way back that the kind does not have.
fn check_way(draft: &mut Draft<'_>, rollback: &Rollback, kind: Kind, map: &Map, span: Span) {
    let own = ways(kind);
    let known = || {
        list_ticked(
            own.iter()
                .chain(&[Way::Run, Way::None])
                .map(|way| way.word()),
        )
    };
    match rollback.by {
        None if own.is_empty() => draft.problem(
            Diagnostic::error(
                "rollback",
                format!("a task of kind `{}` has no way back of its own", kind.key()),
            )
            .at(span)
            .help("say which: `by: run` with `command`, or `by: none` with `reason`"),
        ),
        Some(way) if !own.contains(&way) && !matches!(way, Way::Run | Way::None) => draft.problem(
            Diagnostic::error(
                "rollback",
                format!(
                    "a task of kind `{}` has no way back `{}`",
                    kind.key(),
                    way.word()
                ),
            )
            .at(map.get("by").map_or(span, |node| node.span))
            .help(format!("its ways are {}", known())),
        ),
        None | Some(_) => {}
    }
}

/// The ways back of a kind, its own first; `run` and `none` go for all (`plan-format.md`, 3.12).
fn ways(kind: Kind) -> &'static [Way] {
    match kind {
        Kind::Image => &[Way::Previous],
        Kind::Terraform => &[Way::Previous, Way::Destroy],
        Kind::Kubernetes => &[Way::Previous, Way::Delete],
        Kind::Render | Kind::Run | Kind::Check | Kind::Gate => &[],
    }
}

fn check_rollback(draft: &mut Draft<'_>, rollback: &Rollback, map: &Map, span: Span) {
    let place = |key: &str| map.get(key).map_or(span, |node| node.span);
    let loses = matches!(
        rollback.by,
        Some(Way::Restore | Way::Destroy | Way::Delete | Way::Down)
    );
    match rollback.data_loss.as_deref() {
        None if loses => draft.problem(
            Diagnostic::error("data-loss", "what is lost on this way back is not said")
                .at(place("by"))
                .help("add `data-loss: …`; if nothing is lost, `data-loss: none` with `proof: TASK/CHECK`"),
        ),
        Some("none") if rollback.proof.is_empty() => draft.problem(
            Diagnostic::error("data-loss", "\"none\" is a claim, and nothing proves it")
                .at(place("data-loss"))
                .help("add `proof: TASK/CHECK`, a check that reads the backup back; or say what is lost"),
        ),
        None | Some(_) => {}
    }
    if rollback.by == Some(Way::Run) && rollback.command.is_none() {
        draft.problem(
            Diagnostic::error("rollback", "the way `run` needs a `command`")
                .at(place("by"))
                .help("`command: [./scripts/undo.sh]`"),
        );
    }
    if rollback.by == Some(Way::None) && rollback.reason.is_none() {
        draft.problem(
            Diagnostic::error("rollback", "the way `none` needs a `reason`")
                .at(place("by"))
                .help("say why nothing can be undone"),
        );
    }
}
