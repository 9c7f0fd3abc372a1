//! The rendered job graph on this machine, on stand-ins.
