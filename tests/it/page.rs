//! The page in a real browser: it asks nobody, reads well, and follows a run.
#![cfg(target_os = "linux")]

mod browser;

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Stdio},
};

use serde_json::Value;

use self::browser::{DARK, DESKTOP, Look, PHONE, Tab, browser};
use crate::world::{Ran, World};

/// Each word is on something that differs from it by this ratio at least (WCAG 2.2, 1.4.3).
const CONTRAST: f64 = 4.5;

/// Measures the contrast of each text that is seen, and returns those below the wanted one.
const LOW_CONTRAST: &str = r"(() => {
    const numbers = (colour) => (colour.match(/[\d.]+/g) || []).map(Number);
    const part = (value) => { const s = value / 255; return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4; };
    const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
    const seen = (colour) => { const found = numbers(colour); return found.length >= 3 && (found.length === 3 || found[3] > 0.99) ? found : null; };
    const behind = (element) => {
        const shape = element.closest('text') && element.parentElement.closest('a, g, svg').querySelector(':scope > rect');
        if (shape) return seen(getComputedStyle(shape).fill);
        const band = element.closest('text') && element.closest('.band')?.querySelector('rect');
        if (band) return seen(getComputedStyle(band).fill);
        for (let at = element; at; at = at.parentElement) {
            const found = seen(getComputedStyle(at).backgroundColor);
            if (found) return found;
        }
        return [255, 255, 255];
    };
    for (const details of document.querySelectorAll('details')) details.open = true;
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const low = []; let measured = 0;
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const element = node.parentElement;
        if (!node.data.trim() || element.closest('title, script, style') || !element.checkVisibility()) continue;
        const style = getComputedStyle(element);
        const [one, other] = [seen(element.closest('text') ? style.fill : style.color), behind(element)].map(light);
        const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        measured += 1;
        if (!(ratio >= WANTED)) low.push(`${ratio.toFixed(2)} ${element.tagName}.${element.className?.baseVal ?? element.className}: ${node.data.trim().slice(0, 40)}`);
    }
    return measured > 50 ? low : [`only ${measured} texts`];
})()";

/// A plan of which the second phase fails, is repeated, and holds others up.
const SMALL: &str = r#"
name: app
description: A small server
environments: { production: {} }
decisions:
  tls: { question: Who signs?, options: [letsencrypt, own], preferred: letsencrypt }
goals: [{ text: It answers, proof: app }]
risks: [{ text: The node vanishes, likelihood: medium, impact: low, mitigation: Nothing on it is the only copy }]
phases:
  - id: build
    tasks:
      - { id: compile, run: { script: 'for n in $(seq 60); do echo "line $n"; done', changes: false } }
      - { id: test, needs: compile, run: { script: 'echo tested', changes: false } }
  - id: ship
    environment: production
    tasks:
      - { id: app, needs: test, run: { script: 'echo the reason >&2; exit 3' }, retry: { attempts: 2, exit: 3, delay: 1s } }
      - { id: page, needs: app, run: { script: 'echo page' } }
      - { id: signed, gate: { decisions: [tls] } }
"#;

fn written(world: &World, name: &str) -> String {
    let path = world.out(name);
    let path = path.to_str().expect("it is UTF-8");
    let ran = world.call(&["checkpoint", "--format", "html", "--out", path]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    format!("file://{path}")
}

/// What holds for every page, in each look.
fn check(tab: &mut Tab<'_>, looks: &[Look]) {
    for look in looks {
        tab.look(*look);
        let wider = tab.evaluate("document.documentElement.scrollWidth - innerWidth");
        assert_eq!(
            wider,
            0,
            "nobody scrolls sideways at {} px: {}",
            look.width,
            widest(tab)
        );
        let low = tab.evaluate(&LOW_CONTRAST.replace("WANTED", &CONTRAST.to_string()));
        assert_eq!(low, serde_json::json!([]), "contrast in {}", look.scheme);
    }
    assert!(tab.complaints().is_empty(), "{:?}", tab.complaints());
}

fn widest(tab: &mut Tab<'_>) -> Value {
    tab.evaluate(
        "[...document.body.querySelectorAll('*')].filter((e) => e.getBoundingClientRect().right > innerWidth && !e.closest('.scroll, .wide')).map((e) => e.outerHTML.slice(0, 120)).slice(0, 5)",
    )
}

#[test]
fn a_page_asks_nobody_and_reads_well_on_a_desk_on_a_phone_and_in_the_dark() {
    let world = World::new(SMALL);
    let ran = world.run(&[]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    let url = written(&world, "page.html");
    let mut browser = browser();
    let mut tab = browser.open(&url, DESKTOP);
    for (name, look) in [("desktop", DESKTOP), ("phone", PHONE), ("dark", DARK)] {
        tab.look(look);
        tab.screenshot(name, true);
    }
    check(&mut tab, &[DESKTOP, PHONE, DARK]);
    assert_eq!(tab.requests(), [url], "the page itself, and nothing else");
    assert_eq!(tab.evaluate("document.documentElement.lang"), "en");
    assert_eq!(tab.evaluate("document.title"), "app: failed");
    let landmarks = "['header', 'main', 'nav', 'footer'].every((name) => document.querySelectorAll(`body > ${name}, header ${name}`).length === 1)";
    assert_eq!(tab.evaluate(landmarks), true);
    let in_graph = tab.evaluate("[...document.querySelectorAll('.graph .node')].map((node) => node.getAttribute('href')).sort()");
    let expected = [
        "app@production",
        "compile",
        "page@production",
        "signed@production",
        "test",
    ]
    .map(|task| format!("#task-{task}"));
    assert_eq!(in_graph, serde_json::json!(expected));
}

#[test]
fn a_deep_link_opens_its_task_and_the_full_log_is_behind_the_last_lines() {
    let world = World::new(SMALL);
    drop(world.run(&[]));
    let url = written(&world, "page.html");
    let mut browser = browser();
    let mut tab = browser.open(&format!("{url}#task-compile"), PHONE);
    let place = "document.getElementById('task-compile')";
    assert_eq!(
        tab.evaluate(&format!("{place}.closest('details').open")),
        true
    );
    let top = tab.evaluate(&format!("{place}.getBoundingClientRect().top"));
    let top = top.as_f64().expect("a number");
    assert!((0.0..844.0).contains(&top), "it is in view: {top}");
    let shown = tab.evaluate(&format!(
        "{place}.closest('details').querySelector('pre').textContent"
    ));
    let shown = shown.as_str().expect("a text");
    assert!(
        shown.ends_with("line 60") && !shown.contains("line 40\n"),
        "{shown}"
    );
    let log = tab.evaluate(&format!(
        "{place}.closest('details').querySelector('.caption a').href"
    ));
    tab.go(log.as_str().expect("a link"));
    let whole = tab.evaluate("document.body.innerText");
    assert!(
        whole.as_str().is_some_and(|text| text.contains("line 1\n")),
        "{whole}"
    );
}

/// Phases of tasks that need one or two of the phase before.
fn large_plan() -> String {
    let mut plan = "name: large\nphases:\n".to_owned();
    for phase in 0..5 {
        plan.push_str(&format!("  - id: phase-{phase}\n    tasks:\n"));
        for task in 0..40 {
            let needs = match phase {
                0 => String::new(),
                _ => format!(
                    ", needs: [t{}-{task}, t{}-{}]",
                    phase - 1,
                    phase - 1,
                    (task * 7 + phase) % 40
                ),
            };
            let script = if (phase, task) == (3, 11) {
                "exit 1"
            } else {
                "true"
            };
            plan.push_str(&format!("      - {{ id: t{phase}-{task}{needs}, run: {{ script: '{script}', changes: false }} }}\n"));
        }
    }
    plan
}

#[test]
fn two_hundred_tasks_begin_as_phases_and_scroll_inside_their_box() {
    let world = World::new(&large_plan());
    assert_eq!(world.run(&[]).code, Some(1));
    let url = written(&world, "large.html");
    let mut browser = browser();
    let mut tab = browser.open(&url, DESKTOP);
    assert_eq!(
        tab.evaluate("document.querySelectorAll('.strip li').length"),
        5
    );
    assert_eq!(
        tab.evaluate("document.querySelector('.graph').checkVisibility()"),
        false
    );
    tab.screenshot("large", false);
    tab.evaluate("document.getElementById('all-tasks').open = true");
    let overlapping = tab.evaluate(
        "(() => { const boxes = [...document.querySelectorAll('.node .box')].map((box) => box.getBBox());
        const over = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
        return [boxes.length, boxes.filter((a, i) => boxes.some((b, j) => i < j && over(a, b))).length]; })()",
    );
    assert_eq!(overlapping, serde_json::json!([200, 0]));
    tab.evaluate("document.getElementById('graph').scrollIntoView()");
    tab.screenshot("large-graph", false);
    check(&mut tab, &[PHONE, DARK]);
}

#[test]
fn what_a_plan_and_its_output_hold_stays_text() {
    let world = World::new(HOSTILE);
    let ran = world.run(&[]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    let url = written(&world, "hostile.html");
    let size = fs::metadata(world.out("hostile.html"))
        .expect("a page")
        .len();
    assert!(
        size < 400_000,
        "a log of a megabyte is not in the page: {size}"
    );
    let mut browser = browser();
    let mut tab = browser.open(&url, PHONE);
    check(&mut tab, &[PHONE, DESKTOP]);
    assert_eq!(tab.requests(), [url]);
    assert_eq!(
        tab.evaluate("document.querySelectorAll('script, img, iframe, link').length"),
        0
    );
    assert_eq!(tab.evaluate("typeof globalThis.broken"), "undefined");
    let text = tab.evaluate("document.body.textContent");
    let text = text.as_str().expect("a text");
    assert!(
        text.contains("<script>globalThis.broken = 1</script> ]]>"),
        "it is shown as it is"
    );
    assert!(!text.contains('\u{202e}') && text.contains("‹U+202E›"));
    tab.screenshot("hostile", false);
}

/// Names, words and output that want to be more than text.
const HOSTILE: &str = r#"
name: app
description: "<script>globalThis.broken = 1</script> ]]> \u202Edesrever"
phases:
  - id: first
    name: "</style><img src=https://example.org/a.png onerror=globalThis.broken=1>"
    tasks:
      - id: loud
        name: "<script>globalThis.broken = 1</script>"
        run:
          changes: false
          script: |
            head -c 1000000 /dev/zero | tr '\0' 'x'
            printf '\n<script>globalThis.broken = 1</script> ]]>\n\342\200\256desrever \033[31mred\033[0m\n'
            head -c 10000 /dev/zero | tr '\0' 'y' >&2
            exit 1
"#;

/// A task that tells a secret.
const TELLING: &str = "
name: app
secrets: { KEY: {} }
phases:
  - id: ship
    tasks: [{ id: a, env: { K: '${{ secrets.KEY }}', GREETING: hello }, run: { script: 'echo $GREETING $K', changes: false } }]
";

#[test]
fn runs_stand_the_latest_first_with_what_changed_and_without_secrets() {
    let world = World::new(TELLING).with("KEY", "hunter2-correct-horse");
    world.run(&[]).tells("0: a succeeded");
    world.write("deploy.yaml", &TELLING.replace("hello", "good-day"));
    world.run(&[]).tells("0: a succeeded");
    let url = written(&world, "runs.html");
    let text = fs::read_to_string(world.out("runs.html")).expect("a page");
    assert!(!text.contains("hunter2") && text.contains("good-day ***"));
    let mut browser = browser();
    let mut tab = browser.open(&url, DESKTOP);
    let runs = tab.evaluate("[...document.querySelectorAll('.run')].map((run) => [run.open, run.querySelectorAll('.bar').length])");
    assert_eq!(runs, serde_json::json!([[true, 1], [false, 1]]));
    let about = tab.evaluate("document.querySelector('.run .name').textContent.includes(document.querySelector('.facts').textContent.match(/local-\\S+/)[0])");
    assert_eq!(about, true, "the run that the page is about is the first");
    let attempts =
        tab.evaluate("document.querySelectorAll('[aria-label=\"Attempts of a\"] tbody tr').length");
    assert_eq!(attempts, 2);
    let changed =
        tab.evaluate("document.querySelector('[aria-label=\"What changed in a\"]').textContent");
    let changed = changed.as_str().expect("a text");
    assert!(
        changed.contains("env.GREETING")
            && changed.contains("hello")
            && changed.contains("good-day"),
        "{changed}"
    );
}

/// A run whose page is served.
struct Watched {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
    url: String,
}

impl Watched {
    fn start(world: &World) -> Self {
        let mut child = world
            .program(&["run", "--watch-page"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut line = String::new();
        let url = loop {
            line.clear();
            assert_ne!(
                stderr.read_line(&mut line).expect("it is text"),
                0,
                "it says where the page is"
            );
            if let Some(url) = line.trim_end().strip_prefix("page: ") {
                break url.to_owned();
            }
        };
        Self { child, stderr, url }
    }

    fn end(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).expect("it is text");
        (self.child.wait().expect("it is ours").code(), rest)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // One that has ended already cannot be killed.
        drop(self.child.kill());
    }
}

/// Two tasks that each wait for the test.
const SLOW: &str = "
name: app
phases:
  - id: only
    tasks:
      - { id: first, run: { script: 'echo begun; until test -e $OUT/go-1; do sleep 0.05; done; echo said', changes: false } }
      - { id: second, needs: first, run: { script: 'until test -e $OUT/go-2; do sleep 0.05; done', changes: false } }
";

#[test]
fn a_served_page_follows_the_run_to_its_end_without_being_loaded_again() {
    let world = World::new(SLOW);
    let watched = Watched::start(&world);
    let mut browser = browser();
    let mut tab = browser.open(&watched.url, DESKTOP);
    let state = |task: &str| {
        format!("document.querySelector('[data-part=\"task-{task}\"] > summary .word').textContent")
    };
    tab.evaluate("window.loadedOnce = true");
    tab.wait_until(&format!("{}.endsWith('running')", state("first")));
    tab.wait_until(
        "document.querySelector('[data-part=\"task-first\"] pre')?.textContent.includes('begun')",
    );
    tab.screenshot("live", true);
    // What a person opened stays open.
    tab.evaluate("document.querySelector('[data-part=\"task-second\"] > summary').click()");
    world.allow("go-1");
    tab.wait_until(&format!("{}.includes('done')", state("first")));
    tab.wait_until(&format!("{}.endsWith('running')", state("second")));
    assert_eq!(
        tab.evaluate("document.querySelector('[data-part=\"task-second\"]').open"),
        true
    );
    let log = tab.evaluate("fetch(document.querySelector('[data-part=\"task-first\"] .caption a').href).then((answer) => answer.text())");
    assert_eq!(log, "begun\nsaid\n");
    world.allow("go-2");
    tab.wait_until("document.getElementById('live').textContent === 'the run is over'");
    assert!(
        tab.evaluate(&state("second"))
            .as_str()
            .is_some_and(|words| words.contains("done"))
    );
    assert_eq!(
        tab.evaluate("window.loadedOnce"),
        true,
        "it was never loaded again"
    );
    let (code, rest) = watched.end();
    assert_eq!(code, Some(0), "{rest}");
    let home = tab.evaluate("location.origin");
    let home = home.as_str().expect("an address");
    assert!(
        tab.requests().iter().all(|url| url.starts_with(home)),
        "{:?}",
        tab.requests()
    );
    assert!(tab.complaints().is_empty(), "{:?}", tab.complaints());
}

#[test]
fn a_server_answers_for_its_own_name_and_nothing_but_the_page() {
    let world = World::new(SLOW);
    let watched = Watched::start(&world);
    let address = watched
        .url
        .strip_prefix("http://")
        .and_then(|rest| rest.split('/').next())
        .expect("an address");
    let path = watched.url.split(address).nth(1).expect("a path");
    let ask = |line: &str, host: &str| {
        use std::io::Write as _;
        let mut stream = std::net::TcpStream::connect(address).expect("it listens");
        write!(
            stream,
            "{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        )
        .expect("it listens");
        let mut answer = String::new();
        stream
            .read_to_string(&mut answer)
            .expect("it answers with text");
        answer
    };
    let status = |line: &str, host: &str| {
        let answer = ask(line, host);
        answer.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    let page = ask(&format!("GET {path}"), address);
    assert!(
        page.starts_with("HTTP/1.1 200")
            && page.contains("content-security-policy: default-src 'none'"),
        "{page}"
    );
    assert!(
        page.contains("x-content-type-options: nosniff")
            && page.contains("cache-control: no-store")
    );
    assert_eq!(status(&format!("GET {path}summary.json"), address), "200");
    assert_eq!(status(&format!("GET {path}"), "attacker.example"), "421");
    assert_eq!(
        status(&format!("GET {path}"), &format!("attacker.example:{}", 80)),
        "421"
    );
    assert_eq!(status(&format!("POST {path}"), address), "405");
    for elsewhere in [
        "/".to_owned(),
        "/events".to_owned(),
        format!("{path}../records.jsonl"),
        format!("{path}logs/none/../../records.jsonl"),
        format!("{path}deploy.yaml"),
    ] {
        assert_eq!(
            status(&format!("GET {elsewhere}"), address),
            "404",
            "{elsewhere}"
        );
    }
    world.allow("go-1");
    world.allow("go-2");
    let (code, rest) = watched.end();
    assert_eq!(code, Some(0), "{rest}");
}

#[test]
fn a_port_that_is_taken_is_said_before_anything_runs() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = taken.local_addr().expect("it is bound").port();
    let world = World::new(SLOW);
    let ran: Ran = world.run(&[&format!("--watch-page={port}")]);
    assert_eq!(ran.code, Some(2), "{}", ran.all());
    assert!(
        ran.stderr
            .contains(&format!("the page cannot be served at `127.0.0.1:{port}`")),
        "{}",
        ran.stderr
    );
    assert!(ran.events("task-started").is_empty());
}
