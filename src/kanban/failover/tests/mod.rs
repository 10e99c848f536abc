//! The pure parts.

mod law;
mod pack;
mod rest;
