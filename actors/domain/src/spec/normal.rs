//! The normal form of a spec: its JSON with sorted keys and nothing that is absent, itself a spec, and the digest
//! over it.
//!
//! Two texts that differ in comments, order of keys, quoting or `container`/`image` have one normal form.
//! Deliberately absent: YAML for people, which the raw text is.

use super::Spec;
use crate::id::Digest;
use serde_json::Value;

impl Spec {
    /// The normal form: JSON without blanks, keys sorted, absent values left out. `Spec::parse` reads it back.
    pub fn normal_form(&self) -> String {
        // A spec is made of texts, lists and maps with text keys, all of which JSON can hold.
        escaped(&serde_json::to_value(self).map(sorted).unwrap_or_default().to_string())
    }

    /// The digest of the normal form, which names a spec version.
    pub fn digest(&self) -> Digest {
        Digest::of(self.normal_form().as_bytes())
    }
}

/// JSON with what YAML does not take as it is (its `c-printable`) written as an escape; such characters stand in
/// texts only, and are all of the basic plane.
fn escaped(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                escaped.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => escaped.push(c),
        }
    }
    escaped
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(pairs) => {
            let mut pairs: Vec<(String, Value)> = pairs.into_iter().collect();
            pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(pairs.into_iter().map(|(key, value)| (key, sorted(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

/// `env` in the format's two forms: a map, or a list where something is passed through.
pub(super) mod environment {
    use super::super::EnvironmentValue;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::collections::BTreeMap;

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Written {
        Map(BTreeMap<String, String>),
        List(Vec<Entry>),
    }

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Entry {
        Name(String),
        Pair(BTreeMap<String, String>),
    }

    pub(in super::super) fn serialize<S: Serializer>(
        env: &BTreeMap<String, EnvironmentValue>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let literals: BTreeMap<String, String> = env
            .iter()
            .filter_map(|(name, value)| match value {
                EnvironmentValue::Literal(text) => Some((name.clone(), text.clone())),
                EnvironmentValue::PassedThrough => None,
            })
            .collect();
        if literals.len() == env.len() {
            return Written::Map(literals).serialize(serializer);
        }
        let entry = |(name, value): (&String, &EnvironmentValue)| match value {
            EnvironmentValue::Literal(text) => Entry::Pair(BTreeMap::from([(name.clone(), text.clone())])),
            EnvironmentValue::PassedThrough => Entry::Name(name.clone()),
        };
        Written::List(env.iter().map(entry).collect()).serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<String, EnvironmentValue>, D::Error> {
        let literal = |(name, text)| (name, EnvironmentValue::Literal(text));
        Ok(match Written::deserialize(deserializer)? {
            Written::Map(pairs) => pairs.into_iter().map(literal).collect(),
            Written::List(entries) => entries
                .into_iter()
                .flat_map(|entry| match entry {
                    Entry::Name(name) => vec![(name, EnvironmentValue::PassedThrough)],
                    Entry::Pair(pair) => pair.into_iter().map(literal).collect(),
                })
                .collect(),
        })
    }
}

/// A key that is a switch, or a word.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
enum Written {
    Switch(bool),
    Word(String),
}

/// `published` in the format's words: `false`, `true`, `"draft"`.
pub(super) mod publication {
    use super::{super::Publication, Written};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub(in super::super) fn serialize<S: Serializer>(
        value: &Publication,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Publication::Unpublished => Written::Switch(false),
            Publication::Ready => Written::Switch(true),
            Publication::Draft => Written::Word("draft".to_owned()),
        }
        .serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Publication, D::Error> {
        match Written::deserialize(deserializer)? {
            Written::Switch(false) => Ok(Publication::Unpublished),
            Written::Switch(true) => Ok(Publication::Ready),
            Written::Word(word) if word == "draft" => Ok(Publication::Draft),
            Written::Word(word) => {
                Err(D::Error::custom(format!("`{word}` is none of true, false, \"draft\"")))
            }
        }
    }
}

/// `autoMerge` in the format's words: `false`, `true`, `"merge"`, `"squash"`, `"rebase"`.
pub(super) mod auto_merge {
    use super::{super::AutoMerge, Written};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub(in super::super) fn serialize<S: Serializer>(
        value: &AutoMerge,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            AutoMerge::Off => Written::Switch(false),
            AutoMerge::Any => Written::Switch(true),
            AutoMerge::Merge => Written::Word("merge".to_owned()),
            AutoMerge::Squash => Written::Word("squash".to_owned()),
            AutoMerge::Rebase => Written::Word("rebase".to_owned()),
        }
        .serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<AutoMerge, D::Error> {
        match Written::deserialize(deserializer)? {
            Written::Switch(false) => Ok(AutoMerge::Off),
            Written::Switch(true) => Ok(AutoMerge::Any),
            Written::Word(word) => AutoMerge::named(&word).ok_or_else(|| {
                D::Error::custom(format!(
                    "`{word}` is none of true, false, \"merge\", \"squash\", \"rebase\""
                ))
            }),
        }
    }
}
