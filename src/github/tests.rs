//! The REST client against a small GitHub on loopback that keeps comments and fails when it is told to.
mod comments;
mod hub;
mod limits;
mod reading;
