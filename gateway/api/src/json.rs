//! JSON whose objects keep the order of their keys, as a document for readers must.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A JSON value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Json {
    /// Keys and values, in order.
    Object(IndexMap<String, Json>),
    /// An array.
    List(Vec<Json>),
    /// A text, a number, a boolean or null.
    Leaf(Value),
}

impl Json {
    /// An object of these keys.
    pub fn object<const N: usize>(fields: [(&str, Json); N]) -> Json {
        Json::Object(fields.map(|(key, value)| (key.to_owned(), value)).into())
    }

    /// The keys of an object; of anything else there are none.
    pub fn fields(&self) -> impl Iterator<Item = (&String, &Json)> {
        let fields = match self {
            Json::Object(fields) => Some(fields),
            Json::List(_) | Json::Leaf(_) => None,
        };
        fields.into_iter().flatten()
    }

    /// The value of a key, when this is an object that has it.
    pub fn get(&self, key: &str) -> Option<&Json> {
        match self {
            Json::Object(fields) => fields.get(key),
            Json::List(_) | Json::Leaf(_) => None,
        }
    }

    /// The value of a key.
    ///
    /// # Panics
    /// When this is no object that has it.
    pub fn get_mut(&mut self, key: &str) -> &mut Json {
        match self {
            Json::Object(fields) => fields.get_mut(key),
            Json::List(_) | Json::Leaf(_) => None,
        }
        .unwrap_or_else(|| panic!("there is no {key}"))
    }

    /// Sets a key.
    ///
    /// # Panics
    /// When this is no object.
    pub fn set(&mut self, key: &str, value: impl Into<Json>) {
        let Json::Object(fields) = self else {
            panic!("{key} is set in what is no object");
        };
        fields.insert(key.to_owned(), value.into());
    }

    /// Lays another value over this one: objects key by key, what stands under `allOf` one by one, and everything else is replaced.
    pub fn lay_over(&mut self, over: &Json) {
        match (self, over) {
            (Json::Object(below), Json::Object(over)) => {
                for (key, over) in over {
                    match (below.get_mut(key), over) {
                        (Some(Json::List(below)), Json::List(over)) if key == "allOf" => {
                            assert_eq!(below.len(), over.len(), "every part of allOf has one over it");
                            below
                                .iter_mut()
                                .zip(over)
                                .for_each(|(below, over)| below.lay_over(over));
                        }
                        (Some(below), over) => below.lay_over(over),
                        (None, over) => {
                            below.insert(key.clone(), over.clone());
                        }
                    }
                }
            }
            (below, over) => *below = over.clone(),
        }
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Json {
        Json::Leaf(text.into())
    }
}

impl From<u64> for Json {
    fn from(number: u64) -> Json {
        Json::Leaf(number.into())
    }
}

impl From<bool> for Json {
    fn from(truth: bool) -> Json {
        Json::Leaf(truth.into())
    }
}

impl<T: Into<Json>> From<Vec<T>> for Json {
    fn from(elements: Vec<T>) -> Json {
        Json::List(elements.into_iter().map(Into::into).collect())
    }
}
