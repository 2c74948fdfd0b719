//! The parts of control, one by one; the roles' tests put them together.

mod functions;
mod packing;
mod table;
