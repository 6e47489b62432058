//! The queue, from outside: jobs go in, workers and claims act, and the rows tell what became of them.
//! Time is moved in the rows.

mod claims;
mod endings;
mod groups;
mod inspect;
mod rescue;
mod stage;
mod waits;
