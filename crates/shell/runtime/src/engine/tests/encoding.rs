//! Tests of values and arguments as bytes.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::engine::*;

proptest! {
    #[test]
    fn a_pickle_and_its_buffers_come_back_aligned(
        pickle in vec(any::<u8>(), 0..300),
        buffers in vec(vec(any::<u8>(), 0..200), 1..6),
    ) {
        let slices: Vec<&[u8]> = buffers.iter().map(Vec::as_slice).collect();
        let value: Encoded<'_> = Encoded::Pickle(&pickle, &slices);
        let bytes = value.to_payload();
        prop_assert_eq!(bytes.len(), value.size());

        let View::Pickle(read, places) = read_value(&bytes).unwrap() else { panic!("no pickle") };

        prop_assert_eq!(read, &pickle[..]);
        prop_assert!(places.iter().all(|place| place.start % 64 == 0));
        let found: Vec<&[u8]> = places.into_iter().map(|place| &bytes[place]).collect();
        prop_assert_eq!(found, slices);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..100)) {
        drop(read_value(&bytes));
        drop(read_arguments(&bytes));
    }

    #[test]
    fn numbers_and_texts_come_back(int in any::<i64>(), float in any::<f64>(), text in ".*") {
        let bytes = Encoded::Int(int).to_payload();
        prop_assert_eq!(read_value(&bytes).unwrap(), View::Int(int));
        let bytes = Encoded::Text(&text).to_payload();
        prop_assert_eq!(read_value(&bytes).unwrap(), View::Text(&text));
        let bytes = Encoded::Float(float).to_payload();
        let View::Float(read) = read_value(&bytes).unwrap() else { panic!("no float") };
        prop_assert_eq!(read.to_bits(), float.to_bits());
    }
}

#[test]
fn arguments_come_back_in_order_with_the_names_of_the_last() {
    let long = vec![b'x'; 1000];
    let mut writer = ArgumentWriter::new(4);
    writer.value(Encoded::None);
    writer.dependency(300);
    writer.value(Encoded::Bytes(&long));
    writer.value(Encoded::Bool(true));
    let bytes = writer.finish(["size", "größe"].into_iter());

    let (arguments, names) = read_arguments(&bytes).unwrap();

    assert_eq!(arguments.len(), 4);
    assert_eq!(arguments[1], Argument::Dependency(300));
    let Argument::Value(third) = arguments[2] else { panic!("no value") };
    assert_eq!(read_value(third).unwrap(), View::Bytes(&long));
    assert_eq!(names, ["size", "größe"]);
}
