//! Container images: references, assembling without a daemon, pushing, reading back.
