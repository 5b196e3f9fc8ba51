use std::time::Duration;

use super::*;
use crate::trace::kept;

fn recording() -> Trace {
    kept::recording("power-off-idle")
        .expect("kept")
        .expect("it loads")
}

#[test]
fn a_stamp_behind_its_own_tsval_is_late_and_one_that_follows_it_is_not() {
    let trace = recording();
    assert_eq!(why_late(&trace), None);
    let last = trace.packets.iter().rposition(|p| p.dir == Dir::Out);
    let last = last.expect("there is one");
    for (by_us, is_late) in [(400, false), (4_000, true)] {
        let mut late = trace.clone();
        late.packets[last].at = late.packets[last].at + Duration::from_micros(by_us);
        let why = why_late(&late);
        assert_eq!(why.is_some(), is_late, "{by_us} us: {why:?}");
        late.meta.provenance = Provenance::Simulated;
        assert_eq!(why_late(&late), None, "what is simulated is never late");
    }
}

#[test]
fn what_the_loop_noted_counts() {
    let mut trace = recording();
    let note = format!("the latest step was 9.0 ms late (measured): {BUSY}");
    trace.meta.notes.push(note.clone());
    assert_eq!(why_late(&trace), None, "words are not what decides");
    // a recording that was made before the summary had the number is read by its note
    let (meta, _) =
        crate::trace::summary::read(&crate::trace::summary::write(&trace)).expect("it was written");
    trace.meta.late = meta.late;
    assert_eq!(why_late(&trace), Some(note));
}
