//! Tests of the program from outside, one file a verb.

mod act;
mod action;
mod cancel;
mod checkpoint;
mod close;
mod container;
mod explain;
mod github_output;
mod graph;
mod layers;
mod lint;
mod look;
mod look_json;
mod process;
mod reference;
mod rehearse;
mod rehearse_world;
mod render;
mod resume;
mod run;
mod status;
mod world;
