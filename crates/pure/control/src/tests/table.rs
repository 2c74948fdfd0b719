//! Keys and values.

use types::{Failure, Key, Payload};

use crate::Table;

#[test]
fn a_value_is_put_kept_replaced_listed_and_deleted() {
    let mut table = Table::new(100);

    assert_eq!(table.put(key("a1"), value(b"x"), false), Ok(true));
    assert_eq!(table.put(key("a1"), value(b"y"), false), Ok(false));
    assert_eq!(table.put(key("a2"), value(b"y"), true), Ok(true));
    assert_eq!(table.put(key("a2"), value(b"zz"), true), Ok(false));
    assert_eq!(table.put(key("b"), value(b"z"), true), Ok(true));
    table.check();

    assert_eq!(table.get(&key("a1")), Some(&value(b"x")));
    assert_eq!(table.get(&Key { namespace: "other".to_owned(), ..key("a1") }), None);
    assert!(table.keys(&key("a")).eq(&[key("a1"), key("a2")]));
    assert_eq!(table.delete(key("a"), false), 0);
    assert_eq!(table.delete(key("a"), true), 2);
    assert_eq!(table.delete(key("b"), false), 1);
    assert_eq!(table.keys(&key("")).count(), 0);
    table.check();
}

#[test]
fn a_table_that_is_full_refuses_what_is_new_and_takes_what_is_smaller() {
    let mut table = Table::new(4);
    let full = || Err(Failure::StoreFull("the key-value table holds at most 4 bytes".to_owned()));
    assert_eq!(table.put(key("k"), value(b"abc"), true), Ok(true));

    assert_eq!(table.put(key("l"), value(b""), true), full());
    assert_eq!(table.put(key("k"), value(b"abcd"), true), full());
    assert_eq!(table.put(key("k"), value(b"ab"), true), Ok(false));
    assert_eq!(table.put(key("l"), value(b""), true), Ok(true));
    table.check();
}

fn key(name: &str) -> Key {
    Key { namespace: "n".to_owned(), name: name.as_bytes().to_vec() }
}

fn value(bytes: &[u8]) -> Payload {
    Payload::from(bytes)
}
