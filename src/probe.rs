//! Observations of the outside: what was asked, what was seen, when.
