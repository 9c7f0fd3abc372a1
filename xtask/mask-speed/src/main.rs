//! Measures the mask over 100 secrets, and the search for its patterns alone over the same bytes. Started by
//! `cargo xtask bench masks`, which judges what is printed: bytes a second of each, as JSON.

use std::{
    error::Error,
    io::Write as _,
    time::{Duration, Instant},
};

use aho_corasick::AhoCorasick;
use deploy_action::secret::{Masker, Secret};

const N_SECRETS: usize = 100;
const N_BYTES: usize = 48 * 1024 * 1024;

/// What a pipe gives at once.
const PIECE: usize = 32 * 1024;

/// The best of so many counts: whatever else the machine did made the others slower.
const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let secrets: Vec<String> = (0..N_SECRETS)
        .map(|number| secret(&mut chance, number))
        .collect();
    let text = log(&mut chance, &secrets);
    let named = secrets
        .iter()
        .enumerate()
        .map(|(number, text)| (format!("SECRET_{number}"), Secret::new(text.as_str())));
    let masker = Masker::new(named)?;
    let patterns = masker.forms();
    let search = AhoCorasick::new(&patterns)?;

    let (mut masking, mut searching) = (Duration::MAX, Duration::MAX);
    let mut n_masked = 0;
    for _ in 0..ROUNDS {
        let began = Instant::now();
        n_masked = mask(&masker, &text);
        masking = masking.min(began.elapsed());
        let began = Instant::now();
        let n_found = search.find_iter(&text).count();
        searching = searching.min(began.elapsed());
        if n_found < n_masked {
            return Err("the search found less than the mask".into());
        }
    }
    if n_masked < N_SECRETS {
        return Err("the mask found less than there is".into());
    }
    let speed = |time: Duration| text.len() as f64 / time.as_secs_f64();
    writeln!(
        std::io::stdout(),
        "{{\"secrets\":{N_SECRETS},\"patterns\":{},\"bytes\":{},\"masked\":{:.0},\"searched\":{:.0}}}",
        patterns.len(),
        text.len(),
        speed(masking),
        speed(searching),
    )?;
    Ok(())
}

/// Masks a text that arrives as from a pipe, and returns how many masks were given out.
fn mask(masker: &Masker, text: &[u8]) -> usize {
    let mut stream = masker.stream();
    let mut output = Vec::with_capacity(2 * PIECE);
    for piece in text.chunks(PIECE) {
        output.clear();
        stream.push(piece, &mut output);
    }
    stream.finish(&mut output);
    usize::try_from(stream.masked()).unwrap_or(usize::MAX)
}

/// A token, a passphrase, a document of JSON or a key of several lines.
fn secret(chance: &mut Chance, number: usize) -> String {
    match number % 4 {
        0 => chance.word(40),
        1 => format!(
            "{} {}/{}&{}",
            chance.word(6),
            chance.word(5),
            chance.word(7),
            chance.word(6)
        ),
        2 => format!(
            "{{\n  \"id\": \"{}\",\n  \"key\": \"{}\"\n}}",
            chance.word(12),
            chance.word(32)
        ),
        _ => format!(
            "-----BEGIN KEY-----\n{}\n{}\n{}\n-----END KEY-----\n",
            chance.word(64),
            chance.word(64),
            chance.word(22)
        ),
    }
}

/// What tools print: words, paths, numbers and digests, and every few thousand lines a secret.
fn log(chance: &mut Chance, secrets: &[String]) -> Vec<u8> {
    let mut text = Vec::with_capacity(N_BYTES + 1024);
    let mut line = 0_usize;
    while text.len() < N_BYTES {
        line += 1;
        let written = match chance.below(4) {
            0 => format!(
                "2026-01-01T00:00:00Z INFO  module.network: still creating... [{line}s elapsed]\n"
            ),
            1 => format!("   Compiling {} v0.{}.1\n", chance.word(9), line % 90),
            2 => format!("sha256:{} /usr/lib/{}.so\n", chance.hex(64), chance.word(8)),
            _ => format!(
                "{{\"level\":\"info\",\"msg\":\"{} {}\",\"n\":{line}}}\n",
                chance.word(5),
                chance.word(11)
            ),
        };
        text.extend_from_slice(written.as_bytes());
        if line.is_multiple_of(3_000) {
            let secret = &secrets[line / 3_000 % secrets.len()];
            text.extend_from_slice(format!("password: {secret}\n").as_bytes());
        }
    }
    text
}

/// Numbers that look like chance and are the same in every run (Marsaglia's xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or_default() % bound
    }

    fn of(&mut self, letters: &[u8], length: usize) -> String {
        (0..length)
            .map(|_| char::from(letters[self.below(letters.len())]))
            .collect()
    }

    fn word(&mut self, length: usize) -> String {
        self.of(
            b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
            length,
        )
    }

    fn hex(&mut self, length: usize) -> String {
        self.of(b"0123456789abcdef", length)
    }
}
