//! Mistakes and the errors that they get. `TRYBUILD=overwrite` rewrites what is expected.

#[test]
fn mistakes_are_reported_where_they_stand() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
