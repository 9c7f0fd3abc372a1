//! Terraform's backends as they are out there: a local file, a real PostgreSQL, a real S3 server, and a server of the `http` backend.
//!
//! Each can be asked for its state and its lock without terraform, and each but the local one can go away and come back.

mod postgres;
mod s3;
mod states;

use std::{fs, path::Path};

pub use postgres::Postgres;
pub use s3::S3Server;
pub use states::StateServer;

/// Which backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackendKind {
    /// A file in the module's folder.
    Local,
    /// PostgreSQL, which locks by the session.
    Pg,
    /// S3, with a lock file beside the state.
    S3,
    /// A server of states, which locks by a call.
    Http,
}

impl BackendKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Local, Self::Pg, Self::S3, Self::Http];

    /// Its name in terraform.
    pub fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Pg => "pg",
            Self::S3 => "s3",
            Self::Http => "http",
        }
    }

    /// Whether a lock outlives the process that took it.
    pub fn keeps_locks(self) -> bool {
        match self {
            Self::Local | Self::Pg => false,
            Self::S3 | Self::Http => true,
        }
    }
}

/// A running backend with one state.
pub struct Backend(Kind);

enum Kind {
    Local,
    Pg(Postgres),
    S3(S3Server),
    Http(StateServer),
}

impl Backend {
    /// Starts a backend without a state.
    ///
    /// # Panics
    ///
    /// Its program is missing or does not start.
    pub fn start(kind: BackendKind) -> Self {
        Self(match kind {
            BackendKind::Local => Kind::Local,
            BackendKind::Pg => Kind::Pg(Postgres::start()),
            BackendKind::S3 => Kind::S3(S3Server::start()),
            BackendKind::Http => Kind::Http(StateServer::start()),
        })
    }

    /// Which one it is.
    pub fn kind(&self) -> BackendKind {
        match &self.0 {
            Kind::Local => BackendKind::Local,
            Kind::Pg(_) => BackendKind::Pg,
            Kind::S3(_) => BackendKind::S3,
            Kind::Http(_) => BackendKind::Http,
        }
    }

    /// The block of a module that keeps its state here.
    pub fn block(&self) -> String {
        match &self.0 {
            Kind::Local => "terraform {\n  backend \"local\" {}\n}\n".to_owned(),
            Kind::Pg(server) => server.backend(),
            Kind::S3(server) => server.backend(),
            Kind::Http(server) => server.backend(),
        }
    }

    /// The state that was written last; the local one lies in the module's folder.
    pub fn state(&self, module: &Path) -> Option<String> {
        match &self.0 {
            Kind::Local => fs::read_to_string(module.join("terraform.tfstate")).ok(),
            Kind::Pg(server) => server.state(),
            Kind::S3(server) => server.state(),
            Kind::Http(server) => server.state(),
        }
        .filter(|state| !state.is_empty())
    }

    /// Whether somebody holds the lock. Of the local one that can be seen by the file that its holder writes and removes.
    pub fn is_locked(&self, module: &Path) -> bool {
        match &self.0 {
            Kind::Local => module.join(".terraform.tfstate.lock.info").exists(),
            Kind::Pg(server) => server.is_locked(),
            Kind::S3(server) => server.is_locked(),
            Kind::Http(server) => server.is_locked(),
        }
    }

    /// Is not there any more, with what it holds; the local one stays.
    pub fn go_away(&mut self) {
        match &mut self.0 {
            Kind::Local => {}
            Kind::Pg(server) => server.go_away(),
            Kind::S3(server) => server.go_away(),
            Kind::Http(server) => server.set_gone(true),
        }
    }

    /// Stands still, and takes and answers nothing, or goes on; the local one does not.
    pub fn freeze(&self, is_frozen: bool) {
        match &self.0 {
            Kind::Local => {}
            Kind::Pg(server) => server.freeze(is_frozen),
            Kind::S3(server) => server.freeze(is_frozen),
            Kind::Http(server) => server.set_frozen(is_frozen),
        }
    }

    /// Is there again, with what it held.
    ///
    /// # Panics
    ///
    /// It does not start.
    pub fn come_back(&mut self) {
        match &mut self.0 {
            Kind::Local => {}
            Kind::Pg(server) => server.come_back(),
            Kind::S3(server) => server.come_back(),
            Kind::Http(server) => server.set_gone(false),
        }
    }
}
