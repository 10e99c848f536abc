//! The pull queue as its users see it.

mod smoke;
