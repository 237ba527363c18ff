//! From an attention problem to a PTX module.
