//! The command `heijunka`.
fn main() {}
