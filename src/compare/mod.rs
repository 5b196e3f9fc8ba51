//! Two traces held against each other: align, fields, timing, divergence, verdict; and replay.
