//! The command line: arguments in, exit code out; one file a verb.
