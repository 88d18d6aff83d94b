//! Random operations, against a list of pairs that does the same in the plainest way.

use http::{HeaderName, HeaderValue};
use proptest::{collection::vec, prelude::*, sample::select};
use towline::HttpHeaderMap;

use crate::support::{canonical, raw};

type Pairs = Vec<(String, String)>;

/// What can be done to a map. Names and values are valid, but for those of `AppendUnchecked` and of
/// some `Append`.
#[derive(Clone, Debug)]
enum Operation {
    Append(String, String),
    AppendUnchecked(String, String),
    Insert(String, String),
    SetAll(Pairs),
    Extend(Pairs),
    TryExtend(Pairs),
    Merge(Pairs),
    Remove(String),
    GetOrAppend(String, String),
    PopFirst,
    Clear,
}

fn name() -> impl Strategy<Value = String> {
    select(vec!["a", "A", "b", "B", "x-c", "X-C", "date", "Date"]).prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = String> {
    select(vec!["", "1", " 2 ", "1, 2", "3,,", "\"4, 5\", 6", ","]).prop_map(str::to_owned)
}

fn pairs() -> impl Strategy<Value = Pairs> {
    vec((name(), value()), 0..6)
}

/// Pairs of which some are invalid.
fn any_pairs() -> impl Strategy<Value = Pairs> {
    let name = prop_oneof![20 => name(), 1 => Just("a b".to_owned())];
    let value = prop_oneof![20 => value(), 1 => Just("1\r\n2".to_owned())];
    vec((name, value), 0..6)
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        6 => (name(), value()).prop_map(|(name, value)| Operation::Append(name, value)),
        1 => (name(), "[\r\n]{1,2}").prop_map(|(name, value)| Operation::Append(name, value)),
        2 => (name(), value()).prop_map(|(name, value)| Operation::AppendUnchecked(name, value)),
        1 => ("[ :a]{0,2}", "[\r\n,a]{0,3}")
            .prop_map(|(name, value)| Operation::AppendUnchecked(name, value)),
        3 => (name(), value()).prop_map(|(name, value)| Operation::Insert(name, value)),
        2 => any_pairs().prop_map(Operation::SetAll),
        2 => pairs().prop_map(Operation::Extend),
        2 => any_pairs().prop_map(Operation::TryExtend),
        2 => any_pairs().prop_map(Operation::Merge),
        2 => name().prop_map(Operation::Remove),
        2 => (name(), value()).prop_map(|(name, value)| Operation::GetOrAppend(name, value)),
        2 => Just(Operation::PopFirst),
        1 => Just(Operation::Clear),
    ]
}

fn is_valid(name: &str, value: &str) -> bool {
    !name.is_empty() && !name.contains([' ', ':']) && !value.contains(['\r', '\n'])
}

fn all_valid(pairs: &[(String, String)]) -> bool {
    pairs.iter().all(|(name, value)| is_valid(name, value))
}

/// The values that a line means; only `date` is no list among the names here.
fn members(name: &str, value: &str) -> Vec<String> {
    let mut members = vec![String::new()];
    let mut in_quotes = false;
    for letter in value.chars() {
        in_quotes ^= letter == '"';
        if letter == ',' && !in_quotes && !name.eq_ignore_ascii_case("date") {
            members.push(String::new());
        } else {
            members.last_mut().unwrap().push(letter);
        }
    }
    let trimmed = members
        .iter()
        .map(|member| member.trim_matches([' ', '\t']));
    trimmed.map(str::to_owned).collect()
}

fn values(pairs: &Pairs, name: &str) -> Vec<String> {
    let of_name = pairs
        .iter()
        .filter(|(other, _)| other.eq_ignore_ascii_case(name));
    of_name
        .flat_map(|(name, value)| members(name, value))
        .collect()
}

fn insert(pairs: &mut Pairs, name: &str, value: &str) {
    let field = (name.to_owned(), value.to_owned());
    let is = |other: &(String, String)| other.0.eq_ignore_ascii_case(name);
    match pairs.iter().position(is) {
        None => pairs.push(field),
        Some(first) => {
            let mut rest = pairs.split_off(first + 1);
            rest.retain(|other| !is(other));
            pairs[first] = field;
            pairs.append(&mut rest);
        }
    }
}

fn borrowed(pairs: &Pairs) -> impl Iterator<Item = (&str, &str)> {
    pairs.iter().map(|(name, value)| (&**name, &**value))
}

/// Does the same to both, and looks at what comes back.
fn apply(map: &mut HttpHeaderMap, model: &mut Pairs, operation: Operation) {
    match operation {
        Operation::Append(name, value) => {
            let result = map.append(&name, &value);
            assert_eq!(result.is_ok(), is_valid(&name, &value));
            if result.is_ok() {
                model.push((name, value));
            }
        }
        Operation::AppendUnchecked(name, value) => {
            map.append_unchecked(&name, &value);
            model.push((name, value));
        }
        Operation::Insert(name, value) => {
            map.insert(&name, &value).unwrap();
            insert(model, &name, &value);
        }
        Operation::SetAll(pairs) => set_all(map, model, &pairs),
        Operation::Extend(pairs) => {
            map.extend(borrowed(&pairs).map(|(name, value)| {
                let name: HeaderName = name.parse().unwrap();
                (name, value.parse::<HeaderValue>().unwrap())
            }));
            let lower =
                borrowed(&pairs).map(|(name, value)| (name.to_lowercase(), value.to_owned()));
            model.extend(lower);
        }
        Operation::TryExtend(pairs) => {
            let result = map.try_extend(borrowed(&pairs));
            assert_eq!(result.is_ok(), all_valid(&pairs));
            if result.is_ok() {
                model.extend(pairs);
            }
        }
        Operation::Merge(pairs) => {
            let mut other = HttpHeaderMap::new();
            for (name, value) in borrowed(&pairs) {
                other.append_unchecked(name, value);
            }
            map.merge(&other);
            model.extend(pairs);
        }
        other => take(map, model, other),
    }
}

fn set_all(map: &mut HttpHeaderMap, model: &mut Pairs, pairs: &Pairs) {
    let result = map.set_all(borrowed(pairs));
    assert_eq!(result.is_ok(), all_valid(pairs));
    if result.is_err() {
        return;
    }
    for (index, (name, value)) in pairs.iter().enumerate() {
        if values(&pairs[..index].to_vec(), name).is_empty() {
            insert(model, name, value);
        } else {
            model.push((name.clone(), value.clone()));
        }
    }
}

/// The operations that give something back.
fn take(map: &mut HttpHeaderMap, model: &mut Pairs, operation: Operation) {
    let texts = |values: Vec<&[u8]>| -> Vec<String> {
        let texts = values.into_iter().map(<[u8]>::to_vec);
        texts
            .map(|value| String::from_utf8(value).unwrap())
            .collect()
    };
    match operation {
        Operation::Remove(name) => {
            let expected = values(model, &name);
            let removed = map.remove(&name);
            assert_eq!(removed.is_some(), !expected.is_empty());
            let removed = removed.unwrap_or_default();
            assert_eq!(
                texts(removed.iter().map(|value| &value[..]).collect()),
                expected
            );
            model.retain(|(other, _)| !other.eq_ignore_ascii_case(&name));
        }
        Operation::GetOrAppend(name, value) => {
            let found = texts(map.get_or_append(&name, &value).unwrap());
            if values(model, &name).is_empty() {
                model.push((name.clone(), value));
            }
            assert_eq!(found, values(model, &name));
        }
        Operation::PopFirst => {
            let popped = map.pop_first();
            assert_eq!(popped.is_some(), !model.is_empty());
            if let Some((name, value)) = popped {
                let expected = model.remove(0);
                assert_eq!(name, *expected.0);
                assert_eq!(value, *expected.1);
            }
        }
        Operation::Clear => {
            map.clear();
            model.clear();
        }
        other => unreachable!("{other:?} gives nothing back"),
    }
}

fn assert_same(map: &HttpHeaderMap, model: &Pairs) {
    let expected: Vec<_> = borrowed(model).collect();
    assert_eq!(raw(map), expected);
    assert_eq!(map.raw_len(), model.len());
    assert_eq!(map.is_empty(), model.is_empty());
    let expected: Pairs = borrowed(model)
        .flat_map(|(name, value)| {
            let lower = name.to_lowercase();
            members(name, value)
                .into_iter()
                .map(move |value| (lower.clone(), value))
        })
        .collect();
    let pairs: Pairs = canonical(map)
        .into_iter()
        .map(|(name, value)| (name, value.to_owned()))
        .collect();
    assert_eq!(pairs, expected);
    assert_eq!(map.len(), expected.len());
    for name in ["a", "B", "x-C", "DATE", "z"] {
        let expected = values(model, name);
        let found = map.get(name).unwrap_or_default();
        assert!(
            found
                .iter()
                .copied()
                .eq(expected.iter().map(String::as_bytes)),
            "{name}"
        );
        assert_eq!(map.first_str(name), expected.first().map(String::as_str));
        assert_eq!(map.contains_key(name), !expected.is_empty());
        let list = expected.iter().filter(|value| !value.is_empty());
        assert!(map.get_list(name).eq(list.map(String::as_bytes)), "{name}");
    }
    let mut distinct: Vec<String> = Vec::new();
    for name in model.iter().map(|(name, _)| name.to_lowercase()) {
        if !distinct.contains(&name) {
            distinct.push(name);
        }
    }
    let names: Vec<_> = map.names().map(|name| name.to_string()).collect();
    assert_eq!(names, distinct);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_map_does_what_a_list_of_pairs_does(operations in vec(operation(), 0..24)) {
        let mut map = HttpHeaderMap::new();
        let mut model = Pairs::new();
        for operation in operations {
            apply(&mut map, &mut model, operation);
            assert_same(&map, &model);
        }
    }

    #[test]
    fn equality_is_that_of_the_pairs(one in pairs(), other in pairs()) {
        let of = |pairs: &Pairs| HttpHeaderMap::try_from_iter(pairs.clone()).unwrap();
        prop_assert_eq!(of(&one) == of(&other), one == other);
        prop_assert_eq!(
            of(&one).eq_canonical(&of(&other)),
            canonical(&of(&one)) == canonical(&of(&other))
        );
    }
}
