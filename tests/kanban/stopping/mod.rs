//! The end: what runs is finished, what does not is given back, and the report names what is neither.

mod drain;
mod hanging;
mod stop;
