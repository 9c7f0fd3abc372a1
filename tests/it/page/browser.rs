//! A real chromium, driven over a pipe by its DevTools protocol. All tests share one; each has a tab of its own.
//!
//! With `--remote-debugging-pipe` the browser reads commands from descriptor 3 and answers on 4, each message a line of
//! JSON that ends with a zero byte. A shell leads stdin and stdout there, so nothing of ours has to be unsafe.

use std::{
    collections::HashMap,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Instant,
};

use serde_json::{Value, json};

use crate::world::DEADLINE;

/// Says in the failure of a test how to get what is missing.
const MISSING: &str =
    "chromium does not start; `cargo xtask setup` installs it (Debian: apt-get install chromium)";

/// A size and a colour scheme.
#[derive(Clone, Copy)]
pub struct Look {
    pub width: u32,
    pub height: u32,
    pub scheme: &'static str,
}

pub const DESKTOP: Look = Look {
    width: 1280,
    height: 900,
    scheme: "light",
};
pub const DARK: Look = Look {
    scheme: "dark",
    ..DESKTOP
};
pub const PHONE: Look = Look {
    width: 390,
    height: 844,
    scheme: "light",
};

/// A browser that runs.
pub struct Browser {
    stdin: ChildStdin,
    heard: Arc<Heard>,
    next: u64,
    /// Ends when its pipe is closed, which happens at the latest when this process does.
    child: Child,
}

#[derive(Default)]
struct Heard {
    said: Mutex<Said>,
    more: Condvar,
}

#[derive(Default)]
struct Said {
    answers: HashMap<u64, Value>,
    events: Vec<Value>,
    is_over: bool,
}

/// The browser of all tests, for one test at a time.
pub fn browser() -> MutexGuard<'static, Browser> {
    static BROWSER: OnceLock<Mutex<Browser>> = OnceLock::new();
    let browser = BROWSER.get_or_init(|| Mutex::new(Browser::start()));
    // A test that failed leaves its tab, which no other looks at.
    browser.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Browser {
    fn start() -> Self {
        // The shell stays behind the browser and removes its profile.
        let script = r#"profile=$(mktemp -d) || exit 1
            "$@" --user-data-dir="$profile" 3<&0 4>&1 </dev/null >/dev/null 2>&1
            rm -rf "$profile""#;
        let mut child = Command::new("sh")
            .args(["-c", script, "sh", "chromium"])
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--no-first-run",
                "--hide-scrollbars",
                "--remote-debugging-pipe",
                // Nobody but this machine has an address.
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
            ])
            .env("TMPDIR", env!("CARGO_TARGET_TMPDIR"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell starts");
        let stdin = child.stdin.take().expect("it is piped");
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let heard = Arc::new(Heard::default());
        let listener = heard.clone();
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while matches!(stdout.read_until(0, &mut message), Ok(1..)) {
                message.pop();
                listener.hear(serde_json::from_slice(&message).expect("messages are JSON"));
                message.clear();
            }
            listener.end();
        });
        let mut browser = Self {
            stdin,
            heard,
            next: 1,
            child,
        };
        browser.ask("Browser.getVersion", None, json!({}));
        browser
    }

    /// Opens a tab.
    pub fn open(&mut self, url: &str, look: Look) -> Tab<'_> {
        let target = self.ask("Target.createTarget", None, json!({ "url": "about:blank" }));
        let id = target["targetId"]
            .as_str()
            .expect("it has an id")
            .to_owned();
        let attached = self.ask(
            "Target.attachToTarget",
            None,
            json!({ "targetId": id, "flatten": true }),
        );
        let session = attached["sessionId"]
            .as_str()
            .expect("it has an id")
            .to_owned();
        let mut tab = Tab {
            browser: self,
            session,
            target: id,
        };
        for domain in ["Page", "Runtime", "Network", "Log"] {
            tab.ask(&format!("{domain}.enable"), json!({}));
        }
        tab.look(look);
        tab.go(url);
        tab
    }

    fn ask(&mut self, method: &str, session: Option<&str>, parameters: Value) -> Value {
        let id = self.next;
        self.next += 1;
        let mut message = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.stdin.write_all(&bytes).expect(MISSING);
        let answer = self.heard.wait(method, |said| said.answers.remove(&id));
        assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
        answer["result"].clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.child.kill());
    }
}

impl Heard {
    fn hear(&self, message: Value) {
        let mut said = self.said.lock().expect("nobody panics with it");
        match message["id"].as_u64() {
            Some(id) => drop(said.answers.insert(id, message)),
            None => said.events.push(message),
        }
        self.more.notify_all();
    }

    fn end(&self) {
        self.said.lock().expect("nobody panics with it").is_over = true;
        self.more.notify_all();
    }

    fn wait<T>(&self, what: &str, mut find: impl FnMut(&mut Said) -> Option<T>) -> T {
        let deadline = Instant::now() + DEADLINE;
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(found) = find(&mut said) {
                return found;
            }
            let (is_over, left) = (
                said.is_over,
                deadline.saturating_duration_since(Instant::now()),
            );
            if is_over || left.is_zero() {
                drop(said);
                assert!(!is_over, "{MISSING}");
                panic!("the browser did not answer {what} in time");
            }
            said = self
                .more
                .wait_timeout(said, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

/// A page in the browser.
pub struct Tab<'b> {
    browser: &'b mut Browser,
    session: String,
    target: String,
}

impl Tab<'_> {
    pub fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.browser.ask(method, Some(&self.session), parameters)
    }

    /// Sets size and colours.
    pub fn look(&mut self, look: Look) {
        let size = json!({ "width": look.width, "height": look.height, "deviceScaleFactor": 1, "mobile": look.width < 600 });
        self.ask("Emulation.setDeviceMetricsOverride", size);
        let feature = json!({ "name": "prefers-color-scheme", "value": look.scheme });
        self.ask(
            "Emulation.setEmulatedMedia",
            json!({ "features": [feature] }),
        );
    }

    /// Goes to an address and waits until all is there.
    pub fn go(&mut self, url: &str) {
        self.forget("Page.loadEventFired");
        let went = self.ask("Page.navigate", json!({ "url": url }));
        assert!(went["errorText"].is_null(), "{url}: {went}");
        if !went["loaderId"].is_null() {
            self.browser.heard.wait("the load", |said| {
                said.events
                    .iter()
                    .any(|event| is(event, &self.session, "Page.loadEventFired"))
                    .then_some(())
            });
        }
    }

    fn forget(&self, method: &str) {
        let mut said = self
            .browser
            .heard
            .said
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        said.events
            .retain(|event| !is(event, &self.session, method));
    }

    /// Returns what an expression of JavaScript is; a promise is awaited.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let parameters =
            json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let result = self.ask("Runtime.evaluate", parameters);
        assert!(
            result["exceptionDetails"].is_null(),
            "{expression}: {}",
            result["exceptionDetails"]
        );
        result["result"]["value"].clone()
    }

    /// Waits until an expression is true, looking again whenever the page changes.
    pub fn wait_until(&mut self, expression: &str) {
        self.evaluate(&format!(
            "new Promise((resolve) => {{
                const look = () => {{ if ({expression}) {{ observer.disconnect(); resolve(true); }} }};
                const observer = new MutationObserver(look);
                observer.observe(document, {{ subtree: true, childList: true, attributes: true, characterData: true }});
                look();
            }})"
        ));
    }

    fn events(&self, method: &str) -> Vec<Value> {
        let said = self
            .browser
            .heard
            .said
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let own = said
            .events
            .iter()
            .filter(|event| is(event, &self.session, method));
        own.map(|event| event["params"].clone()).collect()
    }

    /// The addresses that the page asked.
    pub fn requests(&self) -> Vec<String> {
        let requests = self.events("Network.requestWillBeSent");
        requests
            .iter()
            .map(|request| {
                request["request"]["url"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect()
    }

    /// What the console shows: words, errors, breaches of the policy.
    pub fn complaints(&self) -> Vec<String> {
        let methods = [
            "Runtime.consoleAPICalled",
            "Runtime.exceptionThrown",
            "Log.entryAdded",
        ];
        let all = methods.iter().flat_map(|method| self.events(method));
        all.map(|event| event.to_string()).collect()
    }

    /// Writes a picture of the page, or of what is seen of it, into the folder of screenshots.
    pub fn screenshot(&mut self, name: &str, whole: bool) {
        let picture = self.ask(
            "Page.captureScreenshot",
            json!({ "format": "png", "captureBeyondViewport": whole }),
        );
        let folder = match std::env::var_os("DEPLOY_ACTION_SCREENSHOTS") {
            Some(folder) => PathBuf::from(folder),
            None => PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("page"),
        };
        fs::create_dir_all(&folder).expect("a folder");
        let data = picture["data"].as_str().expect("a picture");
        let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, data);
        fs::write(
            folder.join(format!("{name}.png")),
            bytes.expect("it is base64"),
        )
        .expect("a file");
    }
}

impl Drop for Tab<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let target = json!({ "targetId": self.target });
            self.browser.ask("Target.closeTarget", None, target);
        }
    }
}

fn is(event: &Value, session: &str, method: &str) -> bool {
    event["method"] == method && event["sessionId"] == session
}
