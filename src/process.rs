//! One gateway to child processes: own group, one signal, masked streams, and a keeper for what may not be cut.
