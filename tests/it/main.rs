//! Tests of the program from outside, one file a verb.

mod container;
mod process;
mod render;
mod resume;
mod world;
