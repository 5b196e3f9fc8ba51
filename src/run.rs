//! Scenario x target -> trace.
