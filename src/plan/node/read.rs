//! From the events of the YAML parser to the tree.

use std::{collections::HashMap, rc::Rc};

use granit_parser::{ErrorKind, ScanError};

use super::{
    Content, Entry, MOST_BYTES, MOST_LEVELS, MOST_NODES, Map, Node,
    steps::{Step, Steps, What, with_steps},
};
use crate::diagnostic::{Diagnostic, Span};

/// Reads the text of a plan file into its tree; a mistake of syntax ends the reading, since nothing after it can be trusted.
pub fn read(text: &str) -> Result<Node, Vec<Diagnostic>> {
    if text.len() > MOST_BYTES {
        return Err(vec![too_large(text.len() as u64)]);
    }
    let mut reader = Reader {
        text,
        problems: Vec::new(),
        anchors: HashMap::new(),
        open: Vec::new(),
        size: Size::default(),
        root: None,
    };
    match reader.run() {
        Ok(()) if reader.problems.is_empty() => match reader.root {
            Some(root) => Ok(root),
            None => Err(vec![
                Diagnostic::error("empty", "the plan is empty")
                    .at(Span {
                        start: 0,
                        end: text.len().min(1),
                    })
                    .help("begin with `name:` and `phases:`; `version: 1` may stand before them"),
            ]),
        },
        Ok(()) => Err(reader.problems),
        Err(problem) => {
            reader.problems.push(*problem);
            Err(reader.problems)
        }
    }
}

/// The problem of a plan file of so many bytes.
pub fn too_large(found: u64) -> Diagnostic {
    Diagnostic::error(
        "too-large",
        format!("the plan has {found} bytes; a plan has at most {MOST_BYTES}"),
    )
    .help("split it into plans of their own, one for each thing that is deployed by itself")
}

struct Reader<'t> {
    text: &'t str,
    problems: Vec<Diagnostic>,
    anchors: HashMap<usize, Anchored>,
    open: Vec<Open>,
    /// What has been read, aliases followed.
    size: Size,
    root: Option<Node>,
}

/// How much there is of something: values, and bytes of their texts and keys.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    nodes: usize,
    bytes: usize,
}

/// A finished node that an alias may name, with what a copy of it costs.
struct Anchored {
    node: Node,
    size: Size,
    levels: usize,
}

/// A list or mapping whose end has not been read.
struct Open {
    start: usize,
    anchor: usize,
    before: Size,
    levels_below: usize,
    kind: OpenKind,
}

enum OpenKind {
    List(Vec<Node>),
    Map {
        map: Map,
        key: Option<(String, Span)>,
        /// The keys of a map that has many.
        seen: Option<HashMap<String, Span>>,
    },
}

impl Reader<'_> {
    fn run(&mut self) -> Result<(), Box<Diagnostic>> {
        with_steps(self.text, |steps| self.take(steps))
    }

    fn take(&mut self, steps: Steps<'_>) -> Result<(), Box<Diagnostic>> {
        let mut documents = 0;
        for next in steps {
            let Step { place, tag, what } = next.map_err(|error| Box::new(self.syntax(&error)))?;
            self.refuse_tag(tag);
            match what {
                What::Document => {
                    documents += 1;
                    if documents > 1 {
                        return Err(Box::new(
                            Diagnostic::error(
                                "second-document",
                                "a second document begins here; a plan file holds one",
                            )
                            .at(place)
                            .help("remove the `---`, or move what follows into a file of its own"),
                        ));
                    }
                }
                What::Scalar { scalar, anchor } => {
                    let size = Size {
                        nodes: 1,
                        bytes: scalar.text.len(),
                    };
                    self.count(size, place)?;
                    let node = Node {
                        span: place,
                        content: Content::Scalar(scalar),
                    };
                    self.add(node, anchor, size, 1)?;
                }
                What::List { anchor } => {
                    self.begin(place, anchor, OpenKind::List(Vec::with_capacity(1)))?;
                }
                What::Map { flow, anchor } => {
                    let map = Map {
                        entries: Vec::with_capacity(2),
                        flow,
                    };
                    let kind = OpenKind::Map {
                        map,
                        key: None,
                        seen: None,
                    };
                    self.begin(place, anchor, kind)?;
                }
                What::End => self.end(place)?,
                What::Alias(id) => self.alias(id, place)?,
                What::UnknownAnchor => return Err(Box::new(unknown_anchor(place))),
            }
        }
        Ok(())
    }

    fn begin(&mut self, place: Span, anchor: usize, kind: OpenKind) -> Result<(), Box<Diagnostic>> {
        if self.open.len() >= MOST_LEVELS {
            return Err(Box::new(too_deep(self.open.len() + 1, place)));
        }
        let before = self.size;
        self.count(Size { nodes: 1, bytes: 0 }, place)?;
        self.open.push(Open {
            start: place.start,
            anchor,
            before,
            levels_below: 0,
            kind,
        });
        Ok(())
    }

    fn end(&mut self, place: Span) -> Result<(), Box<Diagnostic>> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let last = match &open.kind {
            OpenKind::List(items) => items.last().map(|item| item.span.end),
            OpenKind::Map { map, .. } => map
                .entries
                .last()
                .map(|entry| entry.value.span.end.max(entry.key_span.end)),
        };
        let flow_end = self
            .text
            .as_bytes()
            .get(place.end.wrapping_sub(1))
            .is_some_and(|byte| b"]}".contains(byte));
        // A block ends where the next one begins; pointing at its last line is of more use.
        let end = if flow_end {
            place.end
        } else {
            last.unwrap_or(place.end)
        };
        let span = Span {
            start: open.start,
            end: end.max(open.start),
        };
        let size = Size {
            nodes: self.size.nodes - open.before.nodes,
            bytes: self.size.bytes - open.before.bytes,
        };
        let content = match open.kind {
            OpenKind::List(items) => Content::List(Rc::new(items)),
            OpenKind::Map { map, .. } => Content::Map(Rc::new(map)),
        };
        self.add(
            Node { span, content },
            open.anchor,
            size,
            open.levels_below + 1,
        )
    }

    fn alias(&mut self, id: usize, place: Span) -> Result<(), Box<Diagnostic>> {
        let Some(anchored) = self.anchors.get(&id) else {
            return Err(Box::new(
                Diagnostic::error("alias", "this alias names a value that it is part of")
                    .at(place)
                    .help("a value cannot hold itself; write what is meant here"),
            ));
        };
        let (size, levels) = (anchored.size, anchored.levels);
        if self.open.len() + levels > MOST_LEVELS {
            return Err(Box::new(too_deep(self.open.len() + levels, place)));
        }
        // Counted before it is copied: a copy of many large texts must not fill the memory.
        self.count(size, place)?;
        match self.anchors.get(&id).map(|anchored| anchored.node.clone()) {
            Some(node) => self.add(node, 0, size, levels),
            None => Ok(()),
        }
    }

    fn count(&mut self, more: Size, place: Span) -> Result<(), Box<Diagnostic>> {
        self.size.nodes += more.nodes;
        self.size.bytes += more.bytes;
        let Size { nodes, bytes } = self.size;
        if nodes > MOST_NODES {
            let message = format!(
                "the plan has {nodes} values or more once its aliases are followed; a plan has at most {MOST_NODES}"
            );
            return Err(Box::new(multiplied("too-many-nodes", message, place)));
        }
        if bytes > MOST_BYTES {
            let message = format!(
                "the plan has {bytes} bytes of text or more once its aliases are followed; a plan has at most {MOST_BYTES}"
            );
            return Err(Box::new(multiplied("too-large", message, place)));
        }
        Ok(())
    }

    fn add(
        &mut self,
        node: Node,
        anchor: usize,
        size: Size,
        levels: usize,
    ) -> Result<(), Box<Diagnostic>> {
        if anchor != 0 {
            self.anchors.insert(
                anchor,
                Anchored {
                    node: node.clone(),
                    size,
                    levels,
                },
            );
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.levels_below = open.levels_below.max(levels);
        match &mut open.kind {
            OpenKind::List(items) => items.push(node),
            OpenKind::Map { map, key, seen } => match key.take() {
                None => *key = Some(key_of(node)?),
                Some((key, key_span)) => {
                    let problem = check_entry(&map.entries, seen, &key, key_span);
                    if problem.is_none() {
                        map.entries.push(Entry {
                            key,
                            key_span,
                            value: node,
                        });
                    }
                    self.problems.extend(problem);
                }
            },
        }
        Ok(())
    }

    fn refuse_tag(&mut self, tag: Option<Span>) {
        let Some(place) = tag else {
            return;
        };
        let written = self.text.get(place.start..place.end).unwrap_or("!");
        self.problems.push(
            Diagnostic::error(
                "yaml-tag",
                format!("YAML reads `{written}` as a tag, and a plan has no tags"),
            )
            .at(place)
            .help("put quotes around the whole value: a condition that begins with `!` needs them"),
        );
    }

    fn syntax(&self, error: &ScanError) -> Diagnostic {
        let at = error
            .marker()
            .byte_offset()
            .unwrap_or(self.text.len())
            .min(self.text.len());
        if let Some(problem) = self.brace_in_flow(at) {
            return problem;
        }
        match error.kind() {
            ErrorKind::RecursionLimitExceeded => {
                return too_deep(MOST_LEVELS + 1, Span::new(at, at + 1));
            }
            ErrorKind::UnknownAnchor => return unknown_anchor(self.word_at(at)),
            ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabInPlainScalar => {
                if let Some(place) = self.indenting_tab(at) {
                    return Diagnostic::error(
                        "yaml",
                        "a tab stands in the indentation, and YAML takes spaces alone",
                    )
                    .at(place)
                    .help("write two spaces for each level; the reading ends here");
                }
            }
            _ => {}
        }
        Diagnostic::error("yaml", format!("this is not YAML: {}", error.info()))
            .at(Span::new(at, at + 1))
            .help("the reading ends here; what stands after this place has not been looked at")
    }

    /// The alias or other word that begins at a place.
    fn word_at(&self, at: usize) -> Span {
        let rest = self.text.get(at..).unwrap_or_default();
        let end = rest
            .find(|sign: char| sign.is_whitespace() || ",[]{}".contains(sign))
            .unwrap_or(rest.len());
        Span::new(at, at + end.max(1))
    }

    /// The first tab in the indentation of a line, from the line of a place on; the parser stops at the value before it.
    fn indenting_tab(&self, at: usize) -> Option<Span> {
        let mut start = self.text.as_bytes()[..at]
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |line_end| line_end + 1);
        for line in self.text.get(start..)?.split_inclusive('\n') {
            let indentation = line.len() - line.trim_start_matches([' ', '\t']).len();
            if let Some(tab) = line[..indentation].find('\t') {
                return Some(Span::new(start + tab, start + tab + 1));
            }
            start += line.len();
        }
        None
    }

    /// An expression without quotes inside `{ }` or `[ ]` reads as two opened braces, and the mistake is noticed much later.
    fn brace_in_flow(&self, at: usize) -> Option<Diagnostic> {
        let from = self.text.as_bytes()[..at]
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |line_end| line_end + 1);
        let until = self.text.as_bytes()[at..]
            .iter()
            .position(|&byte| byte == b'\n')
            .map_or(self.text.len(), |offset| at + offset);
        let line = self.text.get(from..until)?;
        let (start, _) = line
            .match_indices("${{")
            .find(|(index, _)| stands_bare(&line[..*index]))?;
        let end = line[start..]
            .find("}}")
            .map_or(line.len(), |offset| start + offset + 2);
        let expression = &line[start..end];
        Some(
            Diagnostic::error(
                "brace-in-flow",
                "`${{` cannot start a value inside `{ }` or `[ ]`",
            )
            .at(Span {
                start: from + start,
                end: from + end,
            })
            .help(format!("put quotes around it: `\"{expression}\"`")),
        )
    }
}

/// Whether a value that begins behind `before` begins inside braces or brackets, and not inside quotes.
fn stands_bare(before: &str) -> bool {
    let mut quote = None;
    let mut depth = 0_i32;
    for character in before.chars() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(character),
            (None, '{' | '[') => depth += 1,
            (None, '}' | ']') => depth -= 1,
            (None, _) => {}
        }
    }
    quote.is_none() && depth > 0 && before.trim_end().ends_with([':', ',', '[', '{'])
}

fn key_of(node: Node) -> Result<(String, Span), Box<Diagnostic>> {
    match node.content {
        Content::Scalar(scalar) => Ok((scalar.text, node.span)),
        Content::List(_) | Content::Map(_) => Err(Box::new(
            Diagnostic::error("key", "a key is a single text, and this is a list or a map")
                .at(node.span)
                .help("if this is an expression or a text with braces, put quotes around it"),
        )),
    }
}

/// Up to so many entries, looking at each costs less than hashing the key.
const FEW: usize = 16;

fn check_entry(
    entries: &[Entry],
    seen: &mut Option<HashMap<String, Span>>,
    key: &str,
    key_span: Span,
) -> Option<Diagnostic> {
    if key == "<<" {
        return Some(
            Diagnostic::error("merge-key", "merge keys are not read")
                .at(key_span)
                .help("use an alias for the whole value, `defaults`, or a `matrix`"),
        );
    }
    let first = if entries.len() < FEW {
        let mut entries = entries.iter();
        entries.find(|entry| entry.key == key)?.key_span
    } else {
        let places = || {
            let entries = entries.iter();
            entries.map(|entry| (entry.key.clone(), entry.key_span))
        };
        let seen = seen.get_or_insert_with(|| places().collect());
        let first = *seen.entry(key.to_owned()).or_insert(key_span);
        (first != key_span).then_some(first)?
    };
    Some(
        Diagnostic::error("duplicate-key", format!("`{key}` stands twice in this map"))
            .at(key_span)
            .also(first, "the first is here")
            .help("keep one of the two"),
    )
}

fn multiplied(code: &'static str, message: String, place: Span) -> Diagnostic {
    Diagnostic::error(code, message)
        .at(place)
        .help("aliases of aliases multiply; a `matrix` says the same thing in one task")
}

fn too_deep(levels: usize, place: Span) -> Diagnostic {
    Diagnostic::error(
        "too-deep",
        format!(
            "the plan is nested {levels} levels deep or more; a plan has at most {MOST_LEVELS}"
        ),
    )
    .at(place)
    .help("write the inner part as a value of its own")
}

fn unknown_anchor(place: Span) -> Diagnostic {
    Diagnostic::error("alias", "this alias names no anchor before it")
        .at(place)
        .help("an anchor is written `&name` before the value")
}
