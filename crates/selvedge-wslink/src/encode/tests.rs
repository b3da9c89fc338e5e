use std::collections::BTreeMap;

use serde::ser::SerializeSeq as _;

use super::*;

#[track_caller]
fn check<T: Serialize>(value: T, expected: &[u8]) {
    assert_eq!(encode(&value).unwrap().bytes, expected);
}

fn refusal<T: Serialize>(value: T) -> String {
    encode(&value).err().unwrap().to_string()
}

#[derive(Serialize)]
enum Shape {
    Empty,
    Wrapped(u8),
    Pair(u8, u8),
    Named { a: u8 },
}

#[test]
fn structs_and_enums_look_as_in_json() {
    check(Shape::Empty, b"\xa5Empty");
    check(Shape::Wrapped(1), b"\x81\xa7Wrapped\x01");
    check(Shape::Pair(1, 2), b"\x81\xa4Pair\x92\x01\x02");
    check(Shape::Named { a: 1 }, b"\x81\xa5Named\x81\xa1a\x01");
    check((Some(1), None::<u8>, (), 'x'), b"\x94\x01\xc0\xc0\xa1x");
}

#[test]
fn whole_numbers_of_any_type_have_64_bits_or_are_refused() {
    check(i128::from(7), &[7]);
    check(i128::from(-7), &[0xf9]);
    check(u128::from(u64::MAX), &[0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    check(i128::from(i64::MIN), &[0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0]);
    let refused = "does not fit into 64 bits; send it as text";
    assert_eq!(refusal(i128::from(u64::MAX) + 1), format!("18446744073709551616 {refused}"));
    assert_eq!(refusal(u128::MAX), format!("{} {refused}", u128::MAX));
    let inside = BTreeMap::from([("ids", [0, i128::MIN])]);
    assert!(refusal(inside).starts_with("`ids[1]`: -17014"));
}

#[test]
fn an_f32_is_sent_as_the_number_that_is_written_the_same() {
    let written = |number: f32| {
        let sent = written_the_same(number);
        assert_eq!(sent as f32, number);
        assert_eq!(sent.to_string(), number.to_string());
    };
    let numbers = [0.1, -0.1, 1.5, 16.1, 1234.567, 0.000_1, 1.0e-20, 16_777_216.0, 123_456.79];
    numbers.into_iter().for_each(written);
    let numbers = [7999.999, 8000.001, 1.0 / 3.0, f32::from_bits(1), f32::EPSILON, -0.0];
    numbers.into_iter().for_each(written);
    assert_eq!(written_the_same(f32::MAX), f64::from(f32::MAX));
    assert!(written_the_same(f32::NAN).is_nan());
    check(
        BTreeMap::from([("a", 0.1_f32)]),
        &[&b"\x81\xa1a\xcb"[..], &0.1_f64.to_be_bytes()].concat(),
    );
    check([0.1_f32], &[&[0x91, 0xca][..], &0.1_f32.to_be_bytes()].concat());
}

#[test]
fn lists_hold_the_items_that_were_given_even_if_another_count_was_announced() {
    struct Announced(Option<usize>, u8);
    impl Serialize for Announced {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut list = serializer.serialize_seq(self.0)?;
            (0..self.1).try_for_each(|item| list.serialize_element(&item))?;
            list.end()
        }
    }
    check([Announced(None, 2), Announced(Some(5), 1)], &[0x92, 0x92, 0, 1, 0x91, 0]);
    let long = encode(&Announced(None, 20)).unwrap().bytes;
    assert_eq!(long[..4], [0xdc, 0, 20, 0]);
    assert_eq!(long.len(), 23);
}

#[test]
fn unlimited_nesting_is_refused() {
    struct Endless;
    impl Serialize for Endless {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            [Endless].serialize(serializer)
        }
    }
    assert!(refusal(Endless).contains("nested more than 95 deep"));
    #[derive(Serialize)]
    enum Tree {
        Branches(Vec<Tree>, u8),
        Leaf,
    }
    let tree = (0..60).fold(Tree::Leaf, |tree, _| Tree::Branches(vec![tree], 0));
    assert!(refusal([tree]).contains("nested more than 95 deep"));
}

#[test]
fn only_maps_and_extensions_need_a_check() {
    #[track_caller]
    fn check_doubt<T: Serialize>(value: T, expected: bool) {
        assert_eq!(encode(&value).unwrap().is_doubtful, expected);
    }
    #[derive(Serialize)]
    struct Prototype {
        __proto__: u8,
    }
    check_doubt((1, "a", [Shape::Named { a: 1 }, Shape::Pair(1, 2)]), false);
    check_doubt([BTreeMap::from([("a", 1)])], true);
    check_doubt(Some(crate::Timestamp { seconds: 1, nanoseconds: 0 }), true);
    check_doubt([Prototype { __proto__: 1 }], true);
    let packed = crate::Packed::encode(&BTreeMap::from([("a", 1)])).unwrap();
    check_doubt([packed], false); // it was checked when it was encoded
}
