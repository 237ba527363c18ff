//! The autotuner.
