//! What happens next: a pure state machine over a task graph. This module performs no I/O and reads no clock.
