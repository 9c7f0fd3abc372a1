//! The two programs from outside: real git, real connections, real signals.

mod connections;
mod git;
mod http;
mod init;
mod started;
