//! Tests of the objects machine.
