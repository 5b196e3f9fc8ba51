//! docs/smoltcp-vs-linux.md is what the program prints, and what it says differs is declared with a reason.

use std::collections::BTreeSet;

use halfopen::compare::Known;
use halfopen::report::smoltcp::{rows, smoltcp_vs_linux};

#[test]
fn the_document_is_what_the_program_prints() {
    let kept = include_str!("../../docs/smoltcp-vs-linux.md");
    let made = smoltcp_vs_linux().expect("it runs anywhere");
    let differs = kept.lines().zip(made.lines()).find(|(k, m)| k != m);
    assert!(
        kept == made,
        "not what is kept; make it anew with `cargo run --release --example smoltcp_vs_linux > \
         docs/smoltcp-vs-linux.md`; the first line that differs: {differs:#?}"
    );
}

#[test]
fn every_kind_of_difference_is_declared_and_occurs() {
    let rows = rows().expect("they run anywhere");
    let found: BTreeSet<_> = rows
        .iter()
        .flat_map(|r| r.kinds.iter().map(|(class, what)| (*class, what.as_str())))
        .collect();
    let known = Known::shipped();
    let declared: BTreeSet<_> = known
        .smoltcp
        .iter()
        .map(|k| (k.class.as_str(), k.what.as_str()))
        .collect();
    assert_eq!(found, declared);
    assert_eq!(declared.len(), known.smoltcp.len(), "each once");
}
