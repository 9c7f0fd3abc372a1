//! One publication through a proxy that makes it fail, held against what the registry then holds.

use std::{collections::BTreeMap, net::SocketAddr, path::Path};

use crate::{
    ask::{tag_digest, whole},
    fault::Fault,
    layout::write_layout,
    proxy::Proxy,
    push::{Ended, Publisher},
    schedule::Schedule,
    tool::LOGIN,
};

const TAGS: [&str; 3] = ["1.4.0", "1.4", "latest"];

/// How a publication that met faults came out, where it came out right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Survived {
    /// All tags name the image.
    Published,
    /// It failed, said truly what each tag names, and the next run finished it; with what it said of the cause.
    Failed(String),
}

/// What the tags of a repository were before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    /// An older image under every tag.
    Older,
    /// The image itself under one of them.
    Some,
}

/// Publishes through a proxy whose faults are drawn by `seed`, into a repository of its own.
///
/// # Errors
///
/// What is not as it was said to be, with the words of the program and what went over the wire.
pub fn survive(program: &Path, registry: SocketAddr, seed: u64) -> Result<Survived, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let layout = folder.path().join("image");
    // One in eight is sent in pieces, where it cannot be sent as a whole.
    let large = "x".repeat(if seed % 8 == 6 { 9 << 20 } else { 1 });
    let image = write_layout(&layout, &["one", "two", &large]);
    let repository = format!("soak/seed-{seed}");
    let to = |server: SocketAddr, tags: &[&str]| -> Vec<String> {
        tags.iter()
            .map(|tag| format!("{server}/{repository}:{tag}"))
            .collect()
    };
    // Each has a home of its own: what one learned of the registry is not known to the other.
    let publish = |server: SocketAddr, layout: &Path, tags: &[&str]| {
        let publisher = Publisher::new(program);
        publisher.log_in(&server.to_string(), LOGIN);
        publisher.publish(layout, &to(server, tags))
    };
    let direct = |layout: &Path, tags: &[&str]| {
        let ended = publish(registry, layout, tags);
        (ended.code == Some(0))
            .then_some(())
            .ok_or_else(|| format!("without a fault: {ended:?}"))
    };
    match before(seed) {
        Before::Nothing => {}
        Before::Older => {
            let older = folder.path().join("older");
            write_layout(&older, &["one", "another two"]);
            direct(&older, &TAGS)?;
        }
        Before::Some => direct(&layout, &TAGS[..1])?,
    }
    let named: BTreeMap<&str, Option<String>> = tags(registry, &repository);
    let proxy = Proxy::with(registry, Schedule::seeded(seed));
    let ended = publish(proxy.address(), &layout, &TAGS);
    let judged = judge(
        &ended,
        registry,
        &repository,
        &image,
        &named,
        &lied_about(&proxy),
    );
    let survived = judged.map_err(|wrong| tell(&wrong, &ended, &proxy))?;
    if let Survived::Failed(_) = survived {
        direct(&layout, &TAGS).map_err(|wrong| tell(&wrong, &ended, &proxy))?;
        let all = tags(registry, &repository);
        if all.values().any(|found| found.as_ref() != Some(&image)) {
            let wrong = format!("the next run ended well and left {all:?}");
            return Err(tell(&wrong, &ended, &proxy));
        }
    }
    Ok(survived)
}

fn before(seed: u64) -> Before {
    match seed % 4 {
        0 => Before::Older,
        1 => Before::Some,
        _ => Before::Nothing,
    }
}

fn tags<'t>(registry: SocketAddr, repository: &str) -> BTreeMap<&'t str, Option<String>> {
    TAGS.into_iter()
        .map(|tag| (tag, tag_digest(registry, repository, tag)))
        .collect()
}

/// The tags of which a digest was told that was not theirs.
fn lied_about(proxy: &Proxy) -> Vec<&'static str> {
    let exchanges = proxy.exchanges();
    let lies = |tag: &&str| {
        exchanges.iter().any(|exchange| {
            exchange.fault == Some(Fault::WrongDigest)
                && exchange
                    .request
                    .path()
                    .ends_with(&format!("/manifests/{tag}"))
        })
    };
    TAGS.into_iter().filter(lies).collect()
}

/// Holds what was said against what is there.
fn judge(
    ended: &Ended,
    registry: SocketAddr,
    repository: &str,
    image: &str,
    before: &BTreeMap<&str, Option<String>>,
    lied_about: &[&str],
) -> Result<Survived, String> {
    let now = tags(registry, repository);
    match ended.code {
        Some(0) => {
            if let Some((tag, found)) = now
                .iter()
                .find(|(_, found)| found.as_deref() != Some(image))
            {
                return Err(format!("exit 0, and `{tag}` names {found:?}"));
            }
            whole(registry, repository, image)?;
            if !ended
                .stdout
                .trim_end()
                .ends_with(&format!("/{repository}@{image}"))
            {
                return Err("exit 0 without the reference on stdout".to_owned());
            }
            Ok(Survived::Published)
        }
        Some(1 | 10) => {
            for (tag, found) in &now {
                let is_image = found.as_deref() == Some(image);
                let is_former = *found == before[tag];
                match said(&ended.stderr, repository, tag) {
                    Some("moved") if is_image => {}
                    Some("not moved") if is_former && !is_image => {}
                    // It says what it was told.
                    Some("not moved") if (is_former || is_image) && lied_about.contains(tag) => {}
                    Some("not known") if is_image || is_former => {}
                    said => return Err(format!("`{tag}` names {found:?}, said: {said:?}")),
                }
            }
            if now.values().any(|found| found.as_deref() == Some(image)) {
                whole(registry, repository, image)?;
            }
            cause(&ended.stderr)
                .map(Survived::Failed)
                .ok_or_else(|| "the error has no cause".to_owned())
        }
        code => Err(format!("exit {code:?}")),
    }
}

/// What the error says of a tag: in which of its lists it stands.
fn said<'e>(stderr: &'e str, repository: &str, tag: &str) -> Option<&'e str> {
    let line = stderr.lines().find(|line| line.contains("ended early; "))?;
    let (_, lists) = line.split_once("ended early; ")?;
    if lists == "no tag was moved" {
        return Some("not moved");
    }
    let name = format!("/{repository}:{tag}`");
    lists
        .split("; ")
        .find(|list| list.contains(&name))
        .and_then(|list| list.split_once(':'))
        .map(|(what, _)| what)
}

/// The first cause that an error names.
fn cause(stderr: &str) -> Option<String> {
    let mut causes = stderr
        .lines()
        .filter_map(|line| line.trim().strip_prefix("caused by: "));
    causes.next().map(str::to_owned)
}

fn tell(wrong: &str, ended: &Ended, proxy: &Proxy) -> String {
    let exchanges: Vec<String> = proxy
        .exchanges()
        .iter()
        .map(|exchange| {
            let request = &exchange.request;
            format!(
                "  {} {} -> {:?} {:?}",
                request.method, request.target, exchange.status, exchange.fault
            )
        })
        .collect();
    format!(
        "{wrong}\nexit {:?}\nstdout: {}\nstderr: {}\n{}",
        ended.code,
        ended.stdout,
        ended.stderr,
        exchanges.join("\n")
    )
}
