//! A test of the title, as the kernel shows it.

use super::*;

#[test]
fn the_title_replaces_the_command_line() {
    set_title("aktis: x").unwrap();

    let shown = fs::read("/proc/self/cmdline").unwrap();
    let end = shown.iter().position(|&byte| byte == 0).unwrap_or(shown.len());
    assert_eq!(&shown[..end], b"aktis: x");
}
