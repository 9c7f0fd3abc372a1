//! The hub over real HTTP, asked by octocrab's typed models and by a plain client.
mod client;
mod resources;
mod rules;
mod world;
