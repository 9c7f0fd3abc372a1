//! Tests of the program from outside, one file a verb.

mod container;
mod explain;
mod graph;
mod layers;
mod lint;
mod process;
mod reference;
mod render;
mod resume;
mod run;
mod world;
