//! A verdict or a trace for people and for programs: terminal, JSON, ladder.
