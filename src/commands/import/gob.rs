//! Go's gob encoding, as far as messages need it: in it `mods` keeps its conversations.
//!
//! A stream describes its own types, so that whatever version has written it is read by the names of its fields. What
//! is not a message's (interfaces, types with an encoding of their own) is refused. No length is trusted.

use std::collections::HashMap;

/// A value, with the names of its fields. What is zero is left out by the encoder.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number or a flag.
    Number(u64),
    /// A string or bytes.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<Value>),
    /// A struct.
    Struct(Vec<(String, Value)>),
}

impl Value {
    /// A field of a struct.
    pub fn field(&self, name: &str) -> Option<&Self> {
        let Self::Struct(fields) = self else { return None };
        fields.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// A text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            _ => None,
        }
    }

    /// The elements of a list.
    pub fn elements(&self) -> &[Self] {
        match self {
            Self::List(list) => list,
            _ => &[],
        }
    }

    fn int(&self) -> i64 {
        match self {
            Self::Number(bits) => signed(*bits),
            _ => 0,
        }
    }
}

/// How deep values may lie in each other.
const DEEPEST: usize = 32;
/// The longest name of a field, in bytes: it is kept with every value, of which a file may have millions.
const LONGEST_NAME: usize = 64;

/// A type that a stream describes, or that every stream knows.
#[derive(Debug, Clone)]
enum Type {
    Number,
    Bytes,
    List(i64),
    Map(i64, i64),
    Struct(Vec<(String, i64)>),
    Unread,
}

/// The first value of a stream.
pub fn decode(bytes: &[u8]) -> Option<Value> {
    let mut types = built_in();
    let mut rest = bytes;
    loop {
        let length = usize::try_from(number(&mut rest)?).ok()?;
        let mut message = rest.get(..length)?;
        rest = rest.get(length..)?;
        let id = signed(number(&mut message)?);
        if id < 0 {
            let described = value(&types, WIRE_TYPE, &mut message, 0)?;
            types.insert(id.checked_neg()?, described_type(&described)?);
            continue;
        }
        if !matches!(types.get(&id)?, Type::Struct(_)) && number(&mut message)? != 0 {
            return None;
        }
        return value(&types, id, &mut message, 0);
    }
}

const WIRE_TYPE: i64 = 16;

/// The types that describe types, by the numbers that Go gives them.
fn built_in() -> HashMap<i64, Type> {
    let fields = |list: &[(&str, i64)]| Type::Struct(list.iter().map(|(name, id)| ((*name).to_owned(), *id)).collect());
    HashMap::from([
        (1, Type::Number),
        (2, Type::Number),
        (3, Type::Number),
        (4, Type::Number),
        (5, Type::Bytes),
        (6, Type::Bytes),
        (7, Type::Unread),
        (8, Type::Unread),
        (
            WIRE_TYPE,
            fields(&[
                ("array", 17),
                ("slice", 19),
                ("struct", 20),
                ("map", 23),
                ("gob", 24),
                ("binary", 24),
                ("text", 24),
            ]),
        ),
        (17, fields(&[("common", 18), ("elem", 2), ("len", 2)])),
        (18, fields(&[("name", 6), ("id", 2)])),
        (19, fields(&[("common", 18), ("elem", 2)])),
        (20, fields(&[("common", 18), ("fields", 22)])),
        (21, fields(&[("name", 6), ("id", 2)])),
        (22, Type::List(21)),
        (23, fields(&[("common", 18), ("key", 2), ("elem", 2)])),
        (24, fields(&[("common", 18)])),
    ])
}

fn described_type(described: &Value) -> Option<Type> {
    let elem = |of: &Value, name: &str| of.field(name).map(Value::int);
    if let Some(list) = described.field("slice").or_else(|| described.field("array")) {
        return Some(Type::List(elem(list, "elem")?));
    }
    if let Some(map) = described.field("map") {
        return Some(Type::Map(elem(map, "key")?, elem(map, "elem")?));
    }
    if let Some(of) = described.field("struct") {
        let fields = of.field("fields").map(Value::elements).unwrap_or_default();
        let name = |f: &Value| f.field("name")?.text().filter(|name| name.len() <= LONGEST_NAME);
        let field = |f: &Value| Some((name(f)?, f.field("id")?.int()));
        return Some(Type::Struct(fields.iter().map(field).collect::<Option<_>>()?));
    }
    Some(Type::Unread)
}

fn value(types: &HashMap<i64, Type>, id: i64, rest: &mut &[u8], depth: usize) -> Option<Value> {
    if depth > DEEPEST {
        return None;
    }
    match types.get(&id)? {
        Type::Number => number(rest).map(Value::Number),
        Type::Bytes => {
            let length = usize::try_from(number(rest)?).ok()?;
            let bytes = rest.get(..length)?.to_vec();
            *rest = rest.get(length..)?;
            Some(Value::Bytes(bytes))
        }
        Type::List(of) => {
            let count = number(rest)?;
            // Each element has a byte at least.
            (count <= rest.len() as u64).then_some(())?;
            (0..count).map(|_| value(types, *of, rest, depth + 1)).collect::<Option<_>>().map(Value::List)
        }
        Type::Map(key, of) => {
            let count = number(rest)?;
            (count <= rest.len() as u64).then_some(())?;
            let pair = |rest: &mut &[u8]| {
                let key = value(types, *key, rest, depth + 1)?;
                Some((key.text().unwrap_or_default(), value(types, *of, rest, depth + 1)?))
            };
            (0..count).map(|_| pair(rest)).collect::<Option<_>>().map(Value::Struct)
        }
        Type::Struct(fields) => {
            let (mut at, mut found) = (0usize, Vec::new());
            loop {
                let step = usize::try_from(number(rest)?).ok()?;
                if step == 0 {
                    return Some(Value::Struct(found));
                }
                at = at.checked_add(step)?;
                let (name, of) = fields.get(at - 1)?;
                found.push((name.clone(), value(types, *of, rest, depth + 1)?));
            }
        }
        Type::Unread => None,
    }
}

/// A number below 128 is its own byte; else the byte before says, negated, how many bytes it has.
fn number(rest: &mut &[u8]) -> Option<u64> {
    let (first, tail) = rest.split_first()?;
    *rest = tail;
    if *first < 128 {
        return Some(u64::from(*first));
    }
    let count = usize::from(first.wrapping_neg());
    let bytes = rest.get(..count).filter(|bytes| bytes.len() <= 8)?;
    *rest = rest.get(count..)?;
    Some(bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

/// The lowest bit says whether the others are complemented.
fn signed(bits: u64) -> i64 {
    let half = (bits >> 1).cast_signed();
    if bits & 1 == 1 { !half } else { half }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The example of the encoding's own documentation: `type Point struct { X, Y int }`, `Point{22, 33}`.
    const POINT: &[u8] = &[
        0x1f, 0xff, 0x81, 0x03, 0x01, 0x01, 0x05, 0x50, 0x6f, 0x69, 0x6e, 0x74, 0x01, 0xff, 0x82, 0x00, 0x01, 0x02,
        0x01, 0x01, 0x58, 0x01, 0x04, 0x00, 0x01, 0x01, 0x59, 0x01, 0x04, 0x00, 0x00, 0x00, 0x07, 0xff, 0x82, 0x01,
        0x2c, 0x01, 0x42, 0x00,
    ];

    #[test]
    fn the_documented_example_is_read() {
        let point = decode(POINT).unwrap();
        assert_eq!((point.field("X").map(Value::int), point.field("Y").map(Value::int)), (Some(22), Some(33)));
    }

    #[test]
    fn a_long_name_is_not_kept_a_million_times_and_no_number_is_too_low() {
        let text = |text: &[u8]| {
            [[&[0xfe][..], &u16::try_from(text.len()).unwrap().to_be_bytes()].concat(), text.to_vec()].concat()
        };
        let message = |id: u8, body: &[u8]| text(&[&[id], body].concat());
        // type 65: a struct with one number of this name; type 66: a list of those.
        let decoded = |name: &[u8], count: u8| {
            let field = [&[1][..], &text(name), &[1, 6, 0]].concat();
            let of = [&[3, 1, 1, 1, b'S', 1, 0xff, 130, 0, 1, 1][..], &field, &[0, 0]].concat();
            let list = [2, 1, 1, 1, b'L', 1, 0xff, 132, 0, 1, 0xff, 130, 0, 0];
            let values = [vec![0xff, 132, 0, count], [1, 5, 0].repeat(usize::from(count))].concat();
            decode(
                &[
                    message(0xff, &[&[129][..], &of].concat()),
                    message(0xff, &[&[131][..], &list].concat()),
                    text(&values),
                ]
                .concat(),
            )
        };
        let list = decoded(b"Name", 3).unwrap();
        assert_eq!(list.elements().len(), 3);
        assert_eq!(list.elements()[2].field("Name").map(Value::int), Some(-3));
        assert_eq!(decoded(&[b'N'; 65], 3), None);
        // The lowest number there is, which has no positive one.
        let lowest = [&[9, 0xf8][..], &[0xff; 8], &[0]].concat();
        assert_eq!(decode(&lowest), None);
        let described = [&[0xf8][..], &[0xff; 8], &[2, 1, 1, 1, b'L', 1, 6, 0, 1, 4, 0, 0]].concat();
        assert_eq!(decode(&text(&described)), None);
    }

    #[test]
    fn what_is_cut_or_garbled_is_none_and_no_panic() {
        for end in 0..POINT.len() {
            assert_eq!(decode(&POINT[..end]), None, "{end}");
        }
        for at in 0..POINT.len() {
            for byte in [0, 1, 0x7f, 0x80, 0xf8, 0xff] {
                let mut garbled = POINT.to_vec();
                garbled[at] = byte;
                decode(&garbled);
            }
        }
    }
}
