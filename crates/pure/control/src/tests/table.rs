//! Keys and values.

use types::{Failure, Payload};

use crate::Table;

#[test]
fn a_value_is_put_kept_replaced_listed_and_deleted() {
    let mut table = Table::new(100);

    assert_eq!(table.put("n", b"a1".to_vec(), value(b"x"), false), Ok(true));
    assert_eq!(table.put("n", b"a1".to_vec(), value(b"y"), false), Ok(false));
    assert_eq!(table.put("n", b"a2".to_vec(), value(b"y"), true), Ok(true));
    assert_eq!(table.put("n", b"a2".to_vec(), value(b"zz"), true), Ok(false));
    assert_eq!(table.put("n", b"b".to_vec(), value(b"z"), true), Ok(true));
    table.check();

    assert_eq!(table.get("n", b"a1"), Some(&value(b"x")));
    assert_eq!(table.get("other", b"a1"), None);
    assert_eq!(table.names("n", b"a"), [b"a1".to_vec(), b"a2".to_vec()]);
    assert_eq!(table.delete("n", b"a", false), 0);
    assert_eq!(table.delete("n", b"a", true), 2);
    assert_eq!(table.delete("n", b"b", false), 1);
    assert_eq!(table.names("n", b""), Vec::<Vec<u8>>::new());
    table.check();
}

#[test]
fn a_table_that_is_full_refuses_what_is_new_and_takes_what_is_smaller() {
    let mut table = Table::new(4);
    let full = || Err(Failure::StoreFull("the key-value table holds at most 4 bytes".to_owned()));
    assert_eq!(table.put("n", b"k".to_vec(), value(b"abc"), true), Ok(true));

    assert_eq!(table.put("n", b"l".to_vec(), value(b""), true), full());
    assert_eq!(table.put("n", b"k".to_vec(), value(b"abcd"), true), full());
    assert_eq!(table.put("n", b"k".to_vec(), value(b"ab"), true), Ok(false));
    assert_eq!(table.put("n", b"l".to_vec(), value(b""), true), Ok(true));
    table.check();
}

fn value(bytes: &[u8]) -> Payload {
    Payload::from(bytes)
}
