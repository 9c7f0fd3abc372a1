//! `run --watch-page`: the page of the run while it goes on.

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    future::Future,
    rc::Rc,
};

use tokio::sync::watch;

use super::{CliError, Exit, output, page_files, report_files, session::Session};
use crate::{
    checkpoint::Summary,
    event::{Event, Record},
    github::Nonce,
    graph::TaskGraph,
    ident::TaskKey,
    page::{Frame, PageServer},
    report::Reporter,
};

/// Lines of what runs that are shown.
const LINES: usize = 20;

/// A page that waits for its run.
pub struct PageWatch {
    server: PageServer,
    seen: Rc<Seen>,
}

/// What the page has to know that is in no ledger.
struct Seen {
    changes: watch::Sender<u64>,
    /// The last lines of what runs, masked.
    lines: RefCell<BTreeMap<TaskKey, VecDeque<String>>>,
}

/// Hears of what happens.
struct Listener(Rc<Seen>);

/// Starts to serve the page, where one is wanted, and says where.
///
/// # Errors
///
/// The port is taken.
pub fn start(port: Option<u16>) -> Result<Option<PageWatch>, CliError> {
    let Some(port) = port else {
        return Ok(None);
    };
    let word = Nonce::random().map_err(|error| CliError::from_error(Exit::Bug, &error))?;
    let server = PageServer::start(port, word.as_str()).map_err(|error| {
        CliError::from_error(Exit::Usage, &error)
            .hint("`--watch-page` without a port takes a free one")
    })?;
    output::words(&format!("page: {}\n", server.url()));
    let seen = Rc::new(Seen {
        changes: watch::Sender::new(0),
        lines: RefCell::default(),
    });
    Ok(Some(PageWatch { server, seen }))
}

impl PageWatch {
    /// Returns what tells the page that something happened.
    pub fn reporter(&self) -> Box<dyn Reporter> {
        Box::new(Listener(self.seen.clone()))
    }
}

/// Carries out `run`, with the page beside it where there is one.
pub async fn beside<T>(
    page: Option<PageWatch>,
    session: &Session,
    graph: &TaskGraph<'_>,
    run: impl Future<Output = T>,
) -> T {
    let Some(PageWatch { server, seen }) = page else {
        return run.await;
    };
    let make = |over| match frame(session, graph, &seen, over) {
        Ok(frame) => Some(frame),
        Err(error) => {
            tracing::warn!(error = error.message, "the page stays as it was");
            None
        }
    };
    server.beside(seen.changes.subscribe(), make, run).await
}

fn frame(
    session: &Session,
    graph: &TaskGraph<'_>,
    seen: &Seen,
    over: bool,
) -> Result<Frame, CliError> {
    let replayed = report_files::replayed(&session.state, session.plan())?;
    let document = session.read.document.as_ref();
    let summary = report_files::summary(graph, &session.values, document, &replayed);
    let lines = seen.lines.borrow();
    let running = lines
        .iter()
        .map(|(task, lines)| {
            (
                task.clone(),
                lines.iter().cloned().collect::<Vec<_>>().join("\n"),
            )
        })
        .collect();
    let served = page_files::served_page(graph, &summary, &replayed, &running);
    Ok(Frame {
        title: title(&summary),
        page: served.page,
        parts: served.parts,
        json: format!("{:#}\n", summary.to_json()),
        logs: served.logs,
        over,
    })
}

fn title(summary: &Summary) -> String {
    format!("{}: {}", summary.title.plan, summary.overall.state.words())
}

impl Seen {
    fn changed(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }
}

impl Reporter for Listener {
    fn record(&mut self, record: &Record) {
        if let Event::TaskFinished { task, .. } = &record.event {
            self.0.lines.borrow_mut().remove(task);
        }
        self.0.changed();
    }

    fn output(&mut self, task: &TaskKey, line: &str) {
        let mut all = self.0.lines.borrow_mut();
        let lines = all.entry(task.clone()).or_default();
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back(crate::report::shortened(line, 400));
        drop(all);
        self.0.changed();
    }

    fn notice(&mut self, _: &str) {}
}
