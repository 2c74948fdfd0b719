//! Tests of the daemon with made-up roles and a real fork server process.
