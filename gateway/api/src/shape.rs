//! What an answer is made of, and the JSON Schema that follows from it.
//!
//! A field of [`Option`] is absent when there is nothing; a field of [`Nullable`] is null then. A doc comment is also the
//! description in the document.

use crate::json::Json;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::ops::Deref;

/// A text that the document says nothing more of, or says it at its place.
pub type Text = Cow<'static, str>;

/// The schemas of the document, by name.
pub type Schemas = IndexMap<&'static str, Json>;

/// A part of an answer.
pub trait Shape {
    /// Whether a field may leave the part out.
    const OPTIONAL: bool = false;

    /// The schema where the part stands. Those it refers to are put into `schemas`.
    fn schema(schemas: &mut Schemas) -> Json;

    /// Whether a field does leave it out.
    fn is_absent(&self) -> bool {
        false
    }
}

/// A value, or null.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nullable<T>(pub Option<T>);

impl<T> From<Option<T>> for Nullable<T> {
    fn from(value: Option<T>) -> Nullable<T> {
        Nullable(value)
    }
}

impl<T> Deref for Nullable<T> {
    type Target = Option<T>;

    fn deref(&self) -> &Option<T> {
        &self.0
    }
}

impl<T: Shape> Shape for Nullable<T> {
    fn schema(schemas: &mut Schemas) -> Json {
        let mut schema = T::schema(schemas);
        match schema.get("type").cloned() {
            Some(kind) => {
                schema.set("type", vec![kind, "null".into()]);
                schema
            }
            None => {
                let null = Json::object([("type", "null".into())]);
                Json::object([("oneOf", vec![schema, null].into())])
            }
        }
    }
}

impl<T: Shape> Shape for Option<T> {
    const OPTIONAL: bool = true;

    fn schema(schemas: &mut Schemas) -> Json {
        T::schema(schemas)
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T: Shape> Shape for Vec<T> {
    fn schema(schemas: &mut Schemas) -> Json {
        Json::object([("type", "array".into()), ("items", T::schema(schemas))])
    }
}

impl Shape for Text {
    fn schema(_: &mut Schemas) -> Json {
        Json::object([("type", "string".into())])
    }
}

impl Shape for String {
    fn schema(schemas: &mut Schemas) -> Json {
        Text::schema(schemas)
    }
}

impl Shape for bool {
    fn schema(_: &mut Schemas) -> Json {
        Json::object([("type", "boolean".into())])
    }
}

impl Shape for u64 {
    fn schema(_: &mut Schemas) -> Json {
        Json::object([("type", "integer".into()), ("minimum", 0.into())])
    }
}

impl Shape for f64 {
    fn schema(_: &mut Schemas) -> Json {
        Json::object([("type", "number".into())])
    }
}

/// Puts a schema under its name, unless it is there already; the reference that stands for it.
pub(crate) fn refer(
    name: &'static str,
    schemas: &mut Schemas,
    schema: impl FnOnce(&mut Schemas) -> Json,
) -> Json {
    if !schemas.contains_key(name) {
        // Its place is before those it refers to.
        schemas.insert(name, Json::Leaf(serde_json::Value::Null));
        schemas[name] = schema(schemas);
    }
    Json::object([("$ref", format!("#/components/schemas/{name}").as_str().into())])
}

/// A schema with the words of a doc comment, one text for each of its lines.
pub(crate) fn described(mut schema: Json, lines: &[&str]) -> Json {
    let lines: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    if lines.is_empty() {
        return schema;
    }
    if schema.get("$ref").is_some() {
        schema = Json::object([("allOf", vec![schema].into())]);
    }
    schema.set("description", lines.join(" ").as_str());
    schema
}

/// The schema of an object: each field's name, schema and whether it may be absent.
pub(crate) fn object(fields: Vec<(&str, Json, bool)>) -> Json {
    let required: Vec<&str> = fields
        .iter()
        .filter(|(.., optional)| !optional)
        .map(|(name, ..)| *name)
        .collect();
    let properties = fields
        .into_iter()
        .map(|(name, schema, _)| (name.to_owned(), schema));
    let properties = Json::Object(properties.collect());
    let mut schema = Json::object([("type", "object".into()), ("properties", properties)]);
    if !required.is_empty() {
        schema.set("required", required);
    }
    schema
}

/// Objects that the document has by their names.
macro_rules! shape {
    ($($(#[doc = $doc:literal])* pub struct $name:ident {
        $($(#[doc = $line:literal])* pub $field:ident: $kind:ty,)*
    })*) => {$(
        $crate::shape::structure!($(#[doc = $doc])* $name { $($field: $kind,)* });

        impl $crate::shape::Shape for $name {
            fn schema(schemas: &mut $crate::shape::Schemas) -> $crate::json::Json {
                $crate::shape::refer(stringify!($name), schemas, |schemas| {
                    let object = $crate::shape::fields!(schemas $($($line)*, $field: $kind;)*);
                    $crate::shape::described(object, &[$($doc),*])
                })
            }
        }
    )*};
}

/// Objects that the document shows where they stand. Their own doc comments are for readers of the code.
macro_rules! part {
    ($($(#[doc = $doc:literal])* pub struct $name:ident {
        $($(#[doc = $line:literal])* pub $field:ident: $kind:ty,)*
    })*) => {$(
        $crate::shape::structure!($(#[doc = $doc])* $name { $($field: $kind,)* });

        impl $crate::shape::Shape for $name {
            fn schema(schemas: &mut $crate::shape::Schemas) -> $crate::json::Json {
                $crate::shape::fields!(schemas $($($line)*, $field: $kind;)*)
            }
        }
    )*};
}

/// The struct itself.
macro_rules! structure {
    ($(#[doc = $doc:literal])* $name:ident { $($field:ident: $kind:ty,)* }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[allow(missing_docs)]
        pub struct $name {
            $(#[serde(skip_serializing_if = "crate::shape::Shape::is_absent")] pub $field: $kind,)*
        }
    };
}

/// The schema of its fields.
macro_rules! fields {
    ($schemas:ident $($($line:literal)*, $field:ident: $kind:ty;)*) => {
        $crate::shape::object(vec![$((
            stringify!($field).trim_start_matches("r#"),
            $crate::shape::described(<$kind as $crate::shape::Shape>::schema($schemas), &[$($line),*]),
            <$kind as $crate::shape::Shape>::OPTIONAL,
        )),*])
    };
}

/// Texts of one kind, which the document has by its name.
macro_rules! text {
    ($($(#[doc = $doc:literal])* pub $name:ident;)*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name($crate::shape::Text);

        impl $name {
            /// The text of a value.
            pub fn of(value: &impl std::fmt::Display) -> $name {
                $name(value.to_string().into())
            }
        }

        impl<T: Into<$crate::shape::Text>> From<T> for $name {
            fn from(text: T) -> $name {
                $name(text.into())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::ops::Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl $crate::shape::Shape for $name {
            fn schema(schemas: &mut $crate::shape::Schemas) -> $crate::json::Json {
                $crate::shape::refer(stringify!($name), schemas, |schemas| {
                    $crate::shape::described(<$crate::shape::Text as $crate::shape::Shape>::schema(schemas), &[$($doc),*])
                })
            }
        }
    )*};
}

/// Words of which one stands in an answer.
macro_rules! words {
    ($($(#[doc = $doc:literal])* pub enum $name:ident { $($word:ident = $text:literal,)* })*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[allow(missing_docs)]
        pub enum $name { $(#[serde(rename = $text)] $word,)* }

        impl $crate::shape::Shape for $name {
            fn schema(_: &mut $crate::shape::Schemas) -> $crate::json::Json {
                let words = vec![$($text),*];
                $crate::json::Json::object([("type", "string".into()), ("enum", words.into())])
            }
        }
    )*};
}

pub(crate) use {fields, part, shape, structure, text, words};
