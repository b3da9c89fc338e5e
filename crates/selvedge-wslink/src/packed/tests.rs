use std::collections::BTreeMap;

use proptest::{
    collection::{hash_map, vec},
    prelude::*,
};
use serde_json::json;

use super::*;
use crate::{attachment::Attachment, timestamp::Timestamp};

#[test]
fn structs_become_maps_and_come_back() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Point {
        x: f64,
        label: Option<String>,
    }
    let point = Point { x: 1.5, label: None };
    let packed = Packed::encode(&point).unwrap();
    assert_eq!(packed.decode::<serde_json::Value>().unwrap(), json!({"x": 1.5, "label": null}));
    assert_eq!(packed.decode::<Point>().unwrap(), point);
}

#[test]
fn numbers_keep_their_64_bits_and_whole_numbers_serve_as_floats() {
    for number in [0, -1, i64::MAX, i64::MIN] {
        assert_eq!(Packed::encode(&number).unwrap().decode::<i64>().unwrap(), number);
    }
    assert_eq!(Packed::encode(&u64::MAX).unwrap().decode::<u64>().unwrap(), u64::MAX);
    assert_eq!(Packed::encode(&3).unwrap().decode::<f64>().unwrap(), 3.0);
    assert!(Packed::encode(&f64::NAN).unwrap().decode::<f64>().unwrap().is_nan());
}

#[test]
fn a_value_keeps_its_form_as_part_of_another() {
    let by_number = std::collections::BTreeMap::from([(1, Attachment::from(vec![7]))]);
    let time = Timestamp { seconds: 1, nanoseconds: 2 };
    let value = Packed::encode(&(by_number, time, u64::MAX, 1.0, 1.0_f32, "é", ())).unwrap();
    let list = Packed::encode(&[value.clone(), Packed::nil()]).unwrap();
    let expected = [&[0x92], value.as_bytes(), &[0xc0]].concat();
    assert_eq!(list.as_bytes(), expected);
    assert_eq!(list.decode::<Vec<Packed>>().unwrap(), [value, Packed::nil()]);
    let from_json: Packed = serde_json::from_value(json!({"a": [1, null]})).unwrap();
    assert_eq!(from_json, Packed::encode(&json!({"a": [1, null]})).unwrap());
    assert_eq!(serde_json::to_value(&from_json).unwrap(), json!({"a": [1, null]}));
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Layer {
    name: String,
    #[serde(default)]
    opacity: Option<f32>,
}

#[derive(Debug, PartialEq, Deserialize)]
enum Mode {
    Off,
    Level(u8),
    Range { from: i8, to: i8 },
}

/// Decodes a JSON value; returns the text of the error if that fails.
fn told<T: DeserializeOwned + fmt::Debug>(value: serde_json::Value) -> String {
    let packed = Packed::encode(&value).unwrap();
    packed.decode_for::<T>("k").unwrap_err().to_string()
}

#[test]
fn errors_name_the_place_the_type_and_the_value_given() {
    #[track_caller]
    fn check<T: DeserializeOwned + fmt::Debug>(value: serde_json::Value, expected: &str) {
        assert_eq!(told::<T>(value), expected);
    }
    check::<i64>(json!(""), r#"state `k` is not an i64: got the text "", expected i64"#);
    check::<i64>(json!("x"), r#"state `k` is not an i64: got the text "x", expected i64"#);
    check::<u8>(json!(null), "state `k` is not a u8: got nothing (null), expected u8");
    check::<u8>(json!(-1), "state `k` is not a u8: got -1, expected u8");
    check::<u8>(json!(300), "state `k` is not a u8: got 300, expected u8");
    check::<i64>(json!(1.5), "state `k` is not an i64: got 1.5, expected i64");
    check::<bool>(json!(1), "state `k` is not a bool: got 1, expected a boolean");
    check::<String>(json!([1]), "state `k` is not a String: got a list, expected a string");
    check::<f64>(json!({}), "state `k` is not an f64: got a map, expected f64");
    check::<Vec<i64>>(
        json!([1, "2"]),
        r#"state `k` is not a Vec<i64>: `k[1]`: got the text "2", expected i64"#,
    );
    check::<[u8; 2]>(json!([1, 2, 3]), "state `k` is not a [u8; 2]: got 3 items, expected 2");
    let layer = |layer| json!([{"name": "a"}, layer]);
    check::<Vec<Layer>>(
        layer(json!({"name": 5})),
        "state `k` is not a Vec<Layer>: `k[1].name`: got 5, expected a string",
    );
    check::<Vec<Layer>>(
        layer(json!({})),
        "state `k` is not a Vec<Layer>: `k[1]`: the field `name` is missing",
    );
    check::<Vec<Layer>>(
        layer(json!({"nmae": "b"})),
        "state `k` is not a Vec<Layer>: `k[1]`: there is no field `nmae`, expected `name`",
    );
    check::<Mode>(json!("Ofd"), r#"state `k` is not a Mode: got "Ofd", expected `Off`"#);
    check::<Mode>(
        json!({"Range": {"from": 1, "to": "2"}}),
        r#"state `k` is not a Mode: `k.to`: got the text "2", expected i8"#,
    );
    let long = told::<i64>(json!("x".repeat(100_000)));
    assert!(long.len() < 200, "{long}");
}

#[test]
fn enums_come_back() {
    let mode = |value| Packed::encode(&value).unwrap().decode::<Mode>().unwrap();
    assert_eq!(mode(json!("Off")), Mode::Off);
    assert_eq!(mode(json!({"Off": null})), Mode::Off);
    assert_eq!(mode(json!({"Level": 3})), Mode::Level(3));
    assert_eq!(mode(json!({"Range": {"from": 1, "to": 2}})), Mode::Range { from: 1, to: 2 });
    assert_eq!(mode(json!({"Range": [1, 2]})), Mode::Range { from: 1, to: 2 });
}

#[test]
fn whole_floats_are_integers_where_they_are_exact() {
    let exact = 9_007_199_254_740_992_i64;
    let decode = |float: f64| Packed::encode(&float).unwrap().decode::<i64>();
    assert_eq!(decode(exact as f64).unwrap(), exact);
    assert_eq!(decode(-exact as f64).unwrap(), -exact);
    assert_eq!(decode(-0.0).unwrap(), 0);
    let packed = Packed::encode(&(exact as f64)).unwrap();
    assert_eq!(packed.decode::<u64>().unwrap(), exact as u64);
    assert_eq!(packed.decode::<i128>().unwrap(), i128::from(exact));
    let told = decode(1_009_513_310_189_256_287_u64 as f64).unwrap_err().to_string();
    assert!(told.contains("beyond 2^53 a page sends a BigInt"), "{told}");
    for float in [f64::NAN, f64::INFINITY, 1e300, 0.5] {
        assert!(decode(float).is_err(), "{float}");
    }
}

#[test]
fn numbers_as_keys_go_in_both_directions() {
    use std::collections::{BTreeMap, HashMap};
    let rows = HashMap::from([(7_u32, "a")]);
    let packed = Packed::encode(&rows).unwrap();
    assert_eq!(packed.as_bytes(), b"\x81\xa17\xa1a", "as in JavaScript");
    assert_eq!(packed.decode::<HashMap<u32, String>>().unwrap()[&7], "a");
    assert_eq!(packed.decode::<HashMap<String, String>>().unwrap()["7"], "a");
    let wide = BTreeMap::from([(i128::MIN, 1), (-1, 2), (i128::MAX, 3)]);
    // Keys may have any number of digits, but are 64-bit numbers before they become text.
    assert!(Packed::encode(&wide).is_err());
    let signed = BTreeMap::from([(i64::MIN, 1), (-1, 2), (i64::MAX, 3)]);
    assert_eq!(Packed::encode(&signed).unwrap().decode::<BTreeMap<i64, u8>>().unwrap(), signed);
    let numbers = Packed(Bytes::from_static(&[0x81, 7, 1]).into());
    assert_eq!(numbers.decode::<HashMap<u32, u8>>().unwrap()[&7], 1);
    assert_eq!(numbers.decode::<HashMap<String, u8>>().unwrap()["7"], 1);
    assert_eq!(numbers.decode::<serde_json::Value>().unwrap(), json!({"7": 1}));
    let told = packed.decode::<HashMap<u8, u8>>().unwrap_err().to_string();
    assert!(told.ends_with(r#"`7`: got the text "a", expected u8"#), "{told}");
}

#[test]
fn a_date_is_text_for_all_other_types() {
    let time = Timestamp { seconds: 1_700_000_000, nanoseconds: 0 };
    let packed = Packed::encode(&BTreeMap::from([("at", time)])).unwrap();
    let text = "2023-11-14T22:13:20Z";
    assert_eq!(packed.decode::<serde_json::Value>().unwrap(), json!({ "at": text }));
    assert_eq!(packed.decode::<BTreeMap<String, String>>().unwrap()["at"], text);
    assert_eq!(packed.decode::<BTreeMap<String, Timestamp>>().unwrap()["at"], time);
    assert_eq!(packed.decode::<Packed>().unwrap(), packed);
    let told = packed.decode::<BTreeMap<String, i64>>().unwrap_err().to_string();
    assert!(told.ends_with("`at`: got the date 2023-11-14T22:13:20Z, expected i64"), "{told}");
    let told = Packed::encode("x").unwrap().decode::<Timestamp>().unwrap_err().to_string();
    assert!(told.ends_with(r#"got the text "x", expected a date"#), "{told}");
}

#[test]
fn values_that_a_client_could_not_hold_are_not_encoded() {
    #[track_caller]
    fn check<T: Serialize>(value: T, expected: &str) {
        let told = Packed::encode_for("layers", &value).unwrap_err().to_string();
        assert!(told.ends_with(expected), "{told}");
    }
    let keys = "but the keys of a map are text or whole numbers";
    let by_nothing = BTreeMap::from([(None::<u8>, 1)]);
    check(
        [BTreeMap::from([("options", &by_nothing)])],
        &format!("`layers[0].options`: a key is nothing (null), {keys}"),
    );
    check(BTreeMap::from([((1, 2), 1)]), &format!("a key is a list, {keys}"));
    check(BTreeMap::from([(true, 1)]), &format!("a key is true, {keys}"));
    check(
        BTreeMap::from([("a", u128::MAX)]),
        "`layers.a`: 340282366920938463463374607431768211455 does not fit into 64 bits; send it as text",
    );
    check(
        [Timestamp { seconds: i64::MAX, nanoseconds: 0 }],
        "`layers[0]`: a date is out of range: pages know 100 million days before and after 1970",
    );
    let bytes = Packed(Bytes::from_static(&[0x91, 0xa1, 0xff]).into());
    check(bytes, "`layers[0]`: a text is not UTF-8; send it as bytes");
}

#[test]
fn an_f32_comes_back_and_looks_as_it_was_written() {
    let packed = Packed::encode(&0.1_f32).unwrap();
    assert_eq!(packed.decode::<f32>().unwrap(), 0.1);
    assert_eq!(packed.decode::<f64>().unwrap(), 0.1);
    let list = Packed::encode(&[0.1_f32]).unwrap();
    assert_eq!(list.as_bytes()[1], 0xca, "four bytes each");
    assert_eq!(list.decode::<Vec<f32>>().unwrap(), [0.1]);
}

/// Generates bytes that are mostly the beginning of a value.
fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    let marker =
        prop_oneof![0x80..=0x84_u8, 0x90..=0x94_u8, 0xa0..=0xa4_u8, 0xc0..=0xdf_u8, any::<u8>()];
    vec(marker, 0..60)
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|value| json!(value)),
        any::<i64>().prop_map(|value| json!(value)),
        any::<u64>().prop_map(|value| json!(value)),
        any::<f64>().prop_map(|value| json!(value)),
        ".{0,8}".prop_map(|value| json!(value)),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(|items| json!(items)),
            hash_map("[a-z0-9é]{0,5}", inner, 0..6).prop_map(|entries| json!(entries)),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_can_be_inspected(bytes in any_bytes()) {
        let Some(value) = Packed::checked(bytes.into()) else { return Ok(()) };
        drop(value.decode::<serde_json::Value>());
        drop(value.decode::<Vec<std::collections::HashMap<u8, Timestamp>>>());
        drop(value.decode::<Mode>());
        prop_assert_eq!(&value.decode::<Packed>().unwrap(), &value);
        match value.clone().fitting() {
            Ok(fitting) => {
                prop_assert_eq!(fitting.clone().fitting().unwrap(), fitting.clone());
                prop_assert!(Packed::encode(&fitting).is_ok());
            }
            Err(fault) => prop_assert!(fault.of("key").chars().count() < 400),
        }
    }

    #[test]
    fn what_json_can_say_comes_back(value in any_json()) {
        let packed = Packed::encode(&value).unwrap();
        prop_assert_eq!(packed.decode::<serde_json::Value>().unwrap(), value);
        prop_assert_eq!(Packed::encode(&packed).unwrap(), packed);
    }
}

/// Bytes that are large enough to be shared, and one byte of which is their own.
fn large(byte: u8) -> Attachment {
    let mut bytes = vec![7; 100_000];
    bytes[50_000] = byte;
    Attachment::from(bytes)
}

/// Whether these bytes are kept where the others are.
fn is_shared(bytes: &[u8], with: &Attachment) -> bool {
    with.0.as_ptr_range().contains(&bytes.as_ptr())
}

#[test]
fn large_bytes_are_shared_by_the_values_that_contain_them() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Picture {
        name: String,
        content: Attachment,
        size: (u32, u32),
    }
    let picture = |byte| Picture { name: "a".into(), content: large(byte), size: (1, 2) };
    let one = picture(1);
    let packed = Packed::encode(&one).unwrap();
    let nested = Packed::encode(&(1, [&packed])).unwrap();
    for value in [&packed, &nested] {
        assert!(value.storage().slices().any(|slice| is_shared(slice, &one.content)));
    }
    assert_eq!(packed.decode::<Picture>().unwrap(), one);
    assert_eq!(nested.decode::<(u8, [Picture; 1])>().unwrap().1[0], one);
    assert_eq!(packed.size(), packed.as_bytes().len());
    assert_eq!(packed, Packed::encode(&picture(1)).unwrap());
    assert_ne!(packed, Packed::encode(&picture(2)).unwrap());
    assert_eq!(Packed::checked(packed.bytes()).unwrap(), packed);
}

#[test]
fn large_bytes_are_shared_with_the_value_that_they_come_from() {
    let received = Packed::from_checked(Packed::encode(&(large(1), 5)).unwrap().bytes());
    let (content, number): (Attachment, i64) = received.decode().unwrap();
    assert!(content == large(1) && number == 5);
    assert!(received.as_bytes().as_ptr_range().contains(&content.0.as_ptr()));
    let (part, _): (Packed, i64) = received.decode().unwrap();
    assert!(received.as_bytes().as_ptr_range().contains(&part.as_bytes().as_ptr()));
    let text = serde_json::to_string(&Attachment::from(vec![1, 2])).unwrap();
    assert_eq!(text, "[1,2]", "other serializers get bytes as usual");
    let small = Packed::encode(&(vec![0; 100_000], Attachment::from(vec![1, 2]))).unwrap();
    let (_, bytes): (Packed, Attachment) = small.decode().unwrap();
    assert!(!small.as_bytes().as_ptr_range().contains(&bytes.0.as_ptr()), "it would keep the list");
}

#[test]
fn a_list_that_is_longer_than_announced_keeps_its_large_bytes() {
    struct Undecided(Vec<Attachment>);
    impl Serialize for Undecided {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq as _;
            let mut list = serializer.serialize_seq(None)?;
            self.0.iter().try_for_each(|item| list.serialize_element(item))?;
            list.end()
        }
    }
    let items: Vec<Attachment> = (0..20).map(large).collect();
    let packed = Packed::encode(&Undecided(items.clone())).unwrap();
    assert_eq!(packed.decode::<Vec<Attachment>>().unwrap(), items);
}
