//! The rendered job graph on this machine, on stand-ins.
pub mod hub;
mod loopback;
pub mod registry;
mod request_log;
