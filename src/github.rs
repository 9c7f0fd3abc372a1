//! GitHub: what a runner tells a job, what a job tells its runner, and the REST calls.
