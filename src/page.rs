//! The page that shows a deployment: one HTML file that needs no network and no script, or the same served while it runs.
//!
//! What it says comes from the [`crate::checkpoint::Summary`]; the graph, the runs that the records hold, and the ends of
//! logs stand beside it as [`Content`]. Nothing here reads a file of a ledger or a clock; the caller hands everything in.
mod drawing;
pub mod history;
mod html;
mod layout;
mod log;
mod served;
mod text;
mod timeline;

#[cfg(test)]
mod tests;

pub use history::History;
pub use html::{Content, MadeOf, Part, Variant, anchor, live_parts, to_html};
pub use log::{LogView, Logs, tail};
pub use served::{Frame, PageServer, ServeError};
pub use text::link_of_path;
