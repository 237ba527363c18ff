//! A simulator for PTX.
