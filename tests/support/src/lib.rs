//! The hermetic world in which the tests run the program.
