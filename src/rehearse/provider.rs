//! The stand-in for terraform providers: it speaks terraform's plugin protocol and serves real schemas.
//!
//! Terraform does what it does with a real provider: init, validate, plan, apply, refresh, destroy. The cloud behind it is one file
//! of JSON. Attributes are what the schema says; what a schema does not say stands in one file of rules a provider. Computed
//! values follow from the object and the rules, so that a rehearsal that is repeated says the same.
//!
//! [`install`] makes the mirror from which terraform installs the stand-ins, [`serve`] is one of them. No token that a provider is
//! configured with is written or shown.
mod catalog;
mod checks;
mod cloud;
mod computed;
mod fault;
mod grpc;
mod json;
mod kept;
mod mirror;
mod msgpack;
mod objects;
mod planned;
mod problem;
mod rules;
mod schema;
mod serve;
mod service;
mod template;
mod value;
mod wire;

pub use catalog::{CatalogError, is_known};
pub use mirror::{Mirror, MirrorError, MirrorOptions, ProviderVersion, VERSION, install};
pub use rules::RulesError;
pub use schema::SchemaError;
pub use serve::{ServeError, serve};
pub use service::ServiceOptions;
