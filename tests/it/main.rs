//! Tests of the program from outside, one file a verb.

mod container;
mod explain;
mod process;
mod resume;
mod run;
mod world;
