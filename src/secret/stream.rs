//! The mask over a text that arrives in pieces.

use std::{collections::VecDeque, ops::Range};

use zeroize::Zeroize as _;

use super::{
    automaton::{Patterns, State, is_break},
    masker::{MASK, Masker},
};

/// Lengths of line at which tools break base64: PEM and openssl, MIME and coreutils.
const WIDTHS: [usize; 2] = [64, 76];

/// Masks a text that arrives in pieces, however it is cut.
///
/// Bytes are held back only while they may still become a secret: a prompt passes at once, the first half of a secret
/// waits for the second. What is held when the text ends was no secret and is given out by [`MaskStream::finish`].
pub struct MaskStream {
    masker: Masker,
    state: Option<State>,
    /// Number of bytes taken.
    taken: u64,
    /// Number of bytes settled: given out, or behind a mask that was given out.
    settled: u64,
    /// The bytes from `settled` to `taken`.
    held: Vec<u8>,
    /// Secrets that were found and not given out: in order, none touching the next.
    found: VecDeque<Range<u64>>,
    /// End of the last mask given out. A secret that overlaps or touches it needs no second one.
    masked_to: Option<u64>,
    masked: u64,
    /// Number of base64 characters at the end of the text, as far as it matters.
    run: usize,
    wrapped: Option<Wrapped>,
}

/// A second reading of the text, in which a line break inside wrapped base64 does not exist.
struct Wrapped {
    state: State,
    /// Places of the bytes that this reading leaves out, ascending.
    left_out: Vec<u64>,
    after_return: bool,
}

impl Wrapped {
    /// Returns the place in the text of the first of the last `length` bytes of this reading.
    fn start(&self, end: u64, length: usize) -> u64 {
        let mut start = end - length as u64;
        for &place in self.left_out.iter().rev() {
            if place < start {
                break;
            }
            start -= 1;
        }
        start
    }
}

impl MaskStream {
    pub(super) fn new(masker: Masker) -> Self {
        Self {
            state: masker.patterns().map(Patterns::start),
            masker,
            taken: 0,
            settled: 0,
            held: Vec::new(),
            found: VecDeque::new(),
            masked_to: None,
            masked: 0,
            run: 0,
            wrapped: None,
        }
    }

    /// Takes the next piece and appends to `output` what cannot become a secret any more.
    pub fn push(&mut self, piece: &[u8], output: &mut Vec<u8>) {
        let masker = self.masker.clone();
        let (Some(patterns), Some(state)) = (masker.patterns(), self.state) else {
            output.extend_from_slice(piece);
            return;
        };
        let state = self.read(patterns, state, piece);
        self.state = Some(state);
        let mut safe = self.taken - patterns.unfinished(state) as u64;
        if let Some(wrapped) = &self.wrapped {
            let unfinished = patterns.unfinished(wrapped.state);
            safe = safe.min(wrapped.start(self.taken, unfinished));
        }
        self.release(safe, piece, output);
    }

    /// Ends the text: appends what was held back.
    pub fn finish(&mut self, output: &mut Vec<u8>) {
        self.release(self.taken, &[], output);
        self.state = self.masker.patterns().map(Patterns::start);
        self.run = 0;
        self.wrapped = None;
    }

    /// Returns how many masks were given out.
    pub fn masked(&self) -> u64 {
        self.masked
    }

    fn read(&mut self, patterns: &Patterns, mut state: State, piece: &[u8]) -> State {
        let mut index = 0;
        while let Some(&byte) = piece.get(index) {
            if self.wrapped.is_none() && !is_break(byte) {
                index += patterns.follow(&mut state, &piece[index..]);
            } else {
                let run = run_at_end(&piece[..index], self.run);
                self.read_wrapped(patterns, state, byte, self.taken + index as u64, run);
                state = patterns.step(state, byte);
                index += 1;
            }
            if let Some(length) = patterns.longest_match(state) {
                let end = self.taken + index as u64;
                self.find(end - length as u64..end);
            }
        }
        self.run = run_at_end(piece, self.run);
        self.taken += piece.len() as u64;
        state
    }

    /// Advances the second reading by a byte, or begins it at the end of a full line of base64.
    fn read_wrapped(&mut self, patterns: &Patterns, state: State, byte: u8, at: u64, run: usize) {
        let breaks = is_break(byte);
        let after_return = byte == b'\r';
        let Some(mut wrapped) = self.wrapped.take() else {
            if breaks && WIDTHS.contains(&run) && patterns.unfinished(state) > 0 {
                self.wrapped = Some(Wrapped {
                    state,
                    left_out: vec![at],
                    after_return,
                });
            }
            return;
        };
        let ends_break = wrapped.after_return && byte == b'\n';
        if ends_break || (breaks && WIDTHS.contains(&run)) {
            wrapped.left_out.push(at);
            wrapped.after_return = after_return;
            self.wrapped = Some(wrapped);
        } else if !breaks && !wrapped.after_return {
            wrapped.state = patterns.step(wrapped.state, byte);
            if let Some(length) = patterns.longest_match(wrapped.state) {
                self.find(wrapped.start(at + 1, length)..at + 1);
            }
            let start = wrapped.start(at + 1, patterns.unfinished(wrapped.state));
            wrapped.left_out.retain(|&place| place >= start);
            if !wrapped.left_out.is_empty() {
                self.wrapped = Some(wrapped);
            }
        }
    }

    fn find(&mut self, mut secret: Range<u64>) {
        while let Some(last) = self.found.pop_back_if(|last| last.end >= secret.start) {
            secret = last.start.min(secret.start)..last.end.max(secret.end);
        }
        self.found.push_back(secret);
    }

    /// Gives out the text before `safe`, and secrets that begin where everything before is given out.
    fn release(&mut self, safe: u64, piece: &[u8], output: &mut Vec<u8>) {
        let piece_start = self.taken - piece.len() as u64;
        while let Some(secret) = self.found.front() {
            let (start, end) = (secret.start, secret.end);
            if start > safe.max(self.settled) {
                break;
            }
            self.copy(start, piece_start, piece, output);
            if self.masked_to.is_none_or(|masked_to| masked_to < start) {
                output.extend_from_slice(MASK);
                self.masked += 1;
            }
            self.masked_to = Some(end);
            self.advance(end, piece_start);
            self.found.pop_front();
        }
        self.copy(safe, piece_start, piece, output);
        let from = self.settled.saturating_sub(piece_start) as usize;
        self.held.extend_from_slice(&piece[from..]);
    }

    /// Appends the text up to `end`, first from what is held, then from the piece.
    fn copy(&mut self, end: u64, piece_start: u64, piece: &[u8], output: &mut Vec<u8>) {
        if end <= self.settled {
            return;
        }
        if self.settled < piece_start {
            let count = (end.min(piece_start) - self.settled) as usize;
            output.extend_from_slice(&self.held[..count]);
        }
        if end > piece_start {
            let from = self.settled.saturating_sub(piece_start) as usize;
            output.extend_from_slice(&piece[from..(end - piece_start) as usize]);
        }
        self.advance(end, piece_start);
    }

    fn advance(&mut self, end: u64, piece_start: u64) {
        if end > self.settled {
            let count = end.min(piece_start).saturating_sub(self.settled) as usize;
            self.held.drain(..count);
            self.settled = end;
        }
    }
}

impl Drop for MaskStream {
    fn drop(&mut self) {
        self.held.zeroize();
    }
}

/// Counts the base64 characters at the end of the text, up to one more than the longest line that matters.
fn run_at_end(piece: &[u8], run_before: usize) -> usize {
    let most = WIDTHS[1] + 1;
    let is_base64 =
        |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(**byte, b'+' | b'/' | b'-' | b'_');
    let count = piece.iter().rev().take(most).take_while(is_base64).count();
    if count == piece.len() {
        most.min(count + run_before)
    } else {
        count
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use proptest::prelude::{
        Just, ProptestConfig, Strategy, prop_assert, prop_assert_eq, prop_oneof,
    };

    use super::*;
    use crate::secret::{Secret, encoding::forms};

    fn masker(secrets: &[&str]) -> Masker {
        let named = secrets.iter().map(|text| (*text, Secret::new(*text)));
        Masker::new(named).expect("a few secrets fit")
    }

    /// Masks pieces and returns what was given out after each, the last time after the end.
    fn outputs(masker: &Masker, pieces: &[&str]) -> Vec<String> {
        let mut stream = masker.stream();
        let mut outputs = Vec::new();
        for piece in pieces {
            let mut output = Vec::new();
            stream.push(piece.as_bytes(), &mut output);
            outputs.push(String::from_utf8_lossy(&output).into_owned());
        }
        let mut output = Vec::new();
        stream.finish(&mut output);
        outputs.push(String::from_utf8_lossy(&output).into_owned());
        outputs
    }

    #[test]
    fn a_prompt_is_not_delayed() {
        let masker = masker(&["hunter2"]);
        assert_eq!(
            outputs(&masker, &["Enter a value: ", "yes"]),
            ["Enter a value: ", "yes", ""]
        );
    }

    #[test]
    fn a_secret_split_over_writes_of_one_byte_is_caught() {
        let masker = masker(&["hunter2"]);
        let pieces = [">", "h", "u", "n", "t", "e", "r", "2", "<"];
        assert_eq!(
            outputs(&masker, &pieces),
            [">", "", "", "", "", "", "", "***", "<", ""]
        );
    }

    #[test]
    fn what_was_no_secret_is_given_out_as_soon_as_that_is_known() {
        let masker = masker(&["hunter2"]);
        assert_eq!(
            outputs(&masker, &["hunt", "ing hun", "ter"]),
            ["", "hunting ", "", "hunter"]
        );
    }

    #[test]
    fn a_secret_that_a_longer_one_continues_is_masked_at_once() {
        let masker = masker(&["pass", "passphrase"]);
        assert_eq!(
            outputs(&masker, &["pass", "phra", "se."]),
            ["***", "", ".", ""]
        );
        assert_eq!(outputs(&masker, &["pass", "phra"]), ["***", "", "phra"]);
    }

    #[test]
    fn base64_that_a_tool_wrapped_is_caught() {
        let masker = masker(&["correct horse battery"]);
        for width in WIDTHS {
            for newline in ["\n", "\r\n"] {
                for before in 0..width {
                    let plain = format!("{}correct horse battery, staple", "u".repeat(before));
                    let text = wrap(&STANDARD.encode(plain), width, newline);
                    let masked = masker.mask(&text);
                    assert!(masked.contains("***"), "{text}");
                    assert!(!masked.contains("0IGhvcnNlIGJhd"), "{masked}");
                }
            }
        }
    }

    #[test]
    fn a_line_break_anywhere_else_is_no_part_of_a_secret() {
        let masker = masker(&["hunter2hunter2"]);
        let text = "hunter2\nhunter2";
        assert_eq!(masker.mask(text), text);
    }

    #[test]
    fn an_empty_mask_passes_everything() {
        let masker = masker(&[]);
        assert_eq!(outputs(&masker, &["a", "b"]), ["a", "b", ""]);
    }

    fn wrap(text: &str, width: usize, newline: &str) -> String {
        let lines: Vec<&str> = (0..text.len())
            .step_by(width)
            .map(|from| &text[from..text.len().min(from + width)])
            .collect();
        lines.join(newline)
    }

    /// What the stream has to arrive at, found by looking for every pattern at every place.
    fn slow_mask(patterns: &BTreeSet<Vec<u8>>, text: &[u8]) -> Vec<u8> {
        let mut is_secret = vec![false; text.len()];
        let everywhere: Vec<usize> = (0..text.len()).collect();
        cover(patterns, text, &everywhere, &mut is_secret);
        let breaks = breaks(text);
        let (unwrapped, places): (Vec<u8>, Vec<usize>) = (0..text.len())
            .filter(|place| !breaks.contains(place))
            .map(|place| (text[place], place))
            .unzip();
        let of_one_line = patterns
            .iter()
            .filter(|pattern| !pattern.contains(&b'\n') && !pattern.contains(&b'\r'))
            .cloned()
            .collect();
        cover(&of_one_line, &unwrapped, &places, &mut is_secret);
        let mut masked = Vec::new();
        for (place, &byte) in text.iter().enumerate() {
            if !is_secret[place] {
                masked.push(byte);
            } else if place == 0 || !is_secret[place - 1] {
                masked.extend_from_slice(MASK);
            }
        }
        masked
    }

    fn cover(patterns: &BTreeSet<Vec<u8>>, text: &[u8], places: &[usize], is_secret: &mut [bool]) {
        for pattern in patterns {
            for start in 0..text.len() {
                if text[start..].starts_with(pattern) {
                    is_secret[places[start]..=places[start + pattern.len() - 1]].fill(true);
                }
            }
        }
    }

    fn breaks(text: &[u8]) -> BTreeSet<usize> {
        let mut breaks = BTreeSet::new();
        for place in 0..text.len() {
            let run = run_at_end(&text[..place], 0);
            if WIDTHS.contains(&run) && text[place] == b'\n' {
                breaks.insert(place);
            } else if WIDTHS.contains(&run) && text[place..].starts_with(b"\r\n") {
                breaks.extend([place, place + 1]);
            }
        }
        breaks
    }

    fn longest_unfinished(patterns: &BTreeSet<Vec<u8>>, text: &[u8]) -> usize {
        let begins = |length: &usize| {
            let end = &text[text.len() - length..];
            patterns
                .iter()
                .any(|pattern| pattern.len() > *length && pattern.starts_with(end))
        };
        (1..=text.len()).rev().find(begins).unwrap_or(0)
    }

    #[derive(Debug, Clone)]
    enum Part {
        Noise(String),
        /// A form of a secret, by two numbers to choose with, and how much of it.
        Form(usize, usize, usize),
        /// A secret inside something that is encoded and wrapped.
        Wrapped(usize, String, usize, &'static str),
    }

    fn part() -> impl Strategy<Value = Part> {
        prop_oneof![
            "[ -)+-~\\r\\n]{0,12}".prop_map(Part::Noise),
            "[a-c]{0,8}".prop_map(Part::Noise),
            (0..9_usize, 0..99_usize, 0..99_usize)
                .prop_map(|(secret, form, cut)| Part::Form(secret, form, cut)),
            (
                0..9_usize,
                "[ -)+-~]{0,90}",
                prop_oneof![Just(WIDTHS[0]), Just(WIDTHS[1])],
                prop_oneof![Just("\n"), Just("\r\n")],
            )
                .prop_map(|(secret, around, width, newline)| Part::Wrapped(
                    secret, around, width, newline
                )),
        ]
    }

    fn secret() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-c]{4,9}",
            "[ -)+-~äß]{4,24}",
            "[ -)+-~\\n]{4,40}",
            "[a-z{}\\n\\r]{0,60}"
        ]
    }

    fn text_of(parts: &[Part], secrets: &[String]) -> Vec<u8> {
        let mut text = Vec::new();
        for part in parts {
            match part {
                Part::Noise(noise) => text.extend_from_slice(noise.as_bytes()),
                Part::Form(secret, form, cut) => {
                    let forms: Vec<Vec<u8>> = forms(&secrets[secret % secrets.len()])
                        .into_iter()
                        .collect();
                    if let Some(form) = forms.get(form % forms.len().max(1)) {
                        let whole = if cut % 3 == 0 {
                            cut % form.len()
                        } else {
                            form.len()
                        };
                        text.extend_from_slice(&form[..whole]);
                    }
                }
                Part::Wrapped(secret, around, width, newline) => {
                    let secret = &secrets[secret % secrets.len()];
                    let encoded = STANDARD.encode(format!("{around}{secret}{around}"));
                    text.extend_from_slice(wrap(&encoded, *width, newline).as_bytes());
                }
            }
        }
        text
    }

    proptest::proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn any_pieces_of_any_text_are_masked_as_the_whole_and_nothing_else_is(
            secrets in proptest::collection::vec(secret(), 1..4),
            parts in proptest::collection::vec(part(), 0..8),
            cuts in proptest::collection::vec(1..9_usize, 1..8),
        ) {
            let patterns: BTreeSet<Vec<u8>> = secrets.iter().flat_map(|text| forms(text)).collect();
            let named = secrets.iter().map(|text| (text.as_str(), Secret::new(text.as_str())));
            let masker = Masker::new(named).expect("a few secrets fit");
            let text = text_of(&parts, &secrets);
            let expected = slow_mask(&patterns, &text);

            let mut stream = masker.stream();
            let (mut masked, mut taken) = (Vec::new(), 0);
            for cut in cuts.iter().cycle() {
                if taken == text.len() {
                    break;
                }
                let next = text.len().min(taken + cut);
                stream.push(&text[taken..next], &mut masked);
                taken = next;
                if stream.wrapped.is_none() {
                    prop_assert!(stream.held.len() <= longest_unfinished(&patterns, &text[..taken]));
                }
            }
            stream.finish(&mut masked);

            prop_assert_eq!(String::from_utf8_lossy(&masked), String::from_utf8_lossy(&expected));
            prop_assert_eq!(&*masker.mask_bytes(&text), &*expected);
            for pattern in &patterns {
                prop_assert!(!masked.windows(pattern.len()).any(|window| window == pattern));
            }
        }
    }
}
