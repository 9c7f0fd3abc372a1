//! From the text to the steps in which its tree grows: the events of the YAML parser, without what the tree does not need.

use std::{sync::mpsc, thread};

use granit_parser::{
    Event, Options, Parser, ScalarStyle, ScanError, Span as ParserSpan, StructureStyle,
};

use super::Scalar;
use crate::diagnostic::Span;

/// A text of this size, in bytes, is parsed by a thread of its own, ahead of the reading.
const LARGE: usize = 64 * 1024;

/// Steps that are handed over at once.
const BATCH: usize = 512;

/// Batches that may wait to be read.
const AHEAD: usize = 16;

/// One step.
pub(super) struct Step {
    /// Where it stands.
    pub(super) place: Span,
    /// The tag in front of it, which a plan does not have.
    pub(super) tag: Option<Span>,
    /// What happens.
    pub(super) what: What,
}

/// What happens in a step. An anchor is 0 where there is none.
pub(super) enum What {
    Document,
    Scalar { scalar: Scalar, anchor: usize },
    List { anchor: usize },
    Map { flow: bool, anchor: usize },
    End,
    Alias(usize),
    UnknownAnchor,
}

/// What comes of parsing, up to the first mistake of syntax.
pub(super) type Steps<'s> = &'s mut dyn Iterator<Item = Result<Step, Box<ScanError>>>;

/// Parses a text, and hands its steps to `take`. Nothing of it runs any more when this returns.
pub(super) fn with_steps<T>(text: &str, take: impl FnOnce(Steps<'_>) -> T) -> T {
    if text.len() < LARGE {
        return take(&mut steps(text));
    }
    thread::scope(|scope| {
        let (sender, batches) = mpsc::sync_channel(AHEAD);
        let ahead = thread::Builder::new().spawn_scoped(scope, move || {
            let mut steps = steps(text);
            loop {
                let batch: Vec<_> = steps.by_ref().take(BATCH).collect();
                // Who takes them goes away after the first mistake.
                if batch.is_empty() || sender.send(batch).is_err() {
                    return;
                }
            }
        });
        match ahead {
            Ok(_) => take(&mut batches.into_iter().flatten()),
            // There is no room for another thread.
            Err(_) => take(&mut steps(text)),
        }
    })
}

/// Comments are passed over: as events the parser keeps no more than some dozens of them in a row.
fn steps(text: &str) -> impl Iterator<Item = Result<Step, Box<ScanError>>> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    let events = Parser::new_from_str_with_options(text, options);
    events.filter_map(|event| match event {
        Ok((event, span)) => step(event, &span).map(Ok),
        Err(error) => Some(Err(Box::new(error))),
    })
}

fn step(event: Event<'_>, span: &ParserSpan) -> Option<Step> {
    let (what, is_tagged) = match event {
        Event::DocumentStart(..) => (What::Document, false),
        Event::Scalar(text, style, anchor, tag) => {
            let scalar = Scalar {
                text: text.into_owned(),
                plain: style == ScalarStyle::Plain,
            };
            (What::Scalar { scalar, anchor }, tag.is_some())
        }
        Event::SequenceStart(_, anchor, tag) => (What::List { anchor }, tag.is_some()),
        Event::MappingStart(style, anchor, tag) => {
            let flow = style == StructureStyle::Flow;
            (What::Map { flow, anchor }, tag.is_some())
        }
        Event::SequenceEnd | Event::MappingEnd => (What::End, false),
        Event::Alias(id) => (What::Alias(id), false),
        Event::UnresolvedAlias(_) => (What::UnknownAnchor, false),
        // Beginnings, ends, and what a later version of the parser may add beside values.
        _ => return None,
    };
    let tag = || {
        span.tag_span()
            .map_or_else(|| place(span), |tag| place(&tag))
    };
    Some(Step {
        place: place(span),
        tag: is_tagged.then(tag),
        what,
    })
}

fn place(span: &ParserSpan) -> Span {
    let range = span.byte_range().unwrap_or(0..0);
    Span {
        start: range.start,
        end: range.end,
    }
}
