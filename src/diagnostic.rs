//! Source texts, places in them, and problems that can be shown there.
