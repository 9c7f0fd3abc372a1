//! Deployments planned as code, rehearsed on a laptop, run on GitHub Actions, and told truthfully on the pull request.
//!
//! The modules form layers; a lower one never imports a higher one, and `tests/it/layers.rs` holds that.
//!
//! | layer | modules |
//! |--|--|
//! | 0 | [`ident`], [`digest`], [`secret`], [`diagnostic`], [`expression`], [`portable`], [`http`] |
//! | 1 | [`plan`], [`document`], [`event`] |
//! | 2 | [`graph`] |
//! | 3 | [`ledger`], [`schedule`], [`process`], [`builder`], [`image`], [`attestation`], [`github`], [`container`], [`cloud`] |
//! | 4 | [`bundle`], [`login`], [`probe`], [`render`], [`terraform`], [`tools`], [`workflow`] |
//! | 5 | [`execute`], [`report`], [`checkpoint`], [`page`], [`rehearse`] |
//! | 6 | [`cli`] |

pub mod attestation;
pub mod builder;
pub mod bundle;
pub mod checkpoint;
pub mod cli;
pub mod cloud;
pub mod container;
pub mod diagnostic;
pub mod digest;
pub mod document;
pub mod event;
pub mod execute;
pub mod expression;
pub mod github;
pub mod graph;
pub mod http;
pub mod ident;
pub mod image;
pub mod ledger;
pub mod login;
pub mod page;
pub mod plan;
pub mod portable;
pub mod probe;
pub mod process;
pub mod rehearse;
pub mod render;
pub mod report;
pub mod schedule;
pub mod secret;
pub mod terraform;
pub mod tools;
pub mod workflow;
