//! Drives the scheduler against the world.
