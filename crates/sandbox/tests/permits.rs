//! Without a permit there is no process: not by mistake, not by trying. Each file in `tests/refused`
//! is a way around the permit that must not compile.

#[test]
fn ways_around_the_permit_do_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/refused/*.rs");
}
