//! Backends that lock, refuse, and vanish.
