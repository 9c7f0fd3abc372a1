//! The rendered job graph on this machine, on stand-ins.
mod loopback;
pub mod registry;
mod request_log;
