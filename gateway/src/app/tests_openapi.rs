//! `gateway/openapi.json` is written from the table of routes, the shapes of answers, the words of the core, and what people write
//! in `gateway/api/openapi.overlay.json`: prose, examples, requests, and what a shape alone does not say.

use super::routes::{ROUTES, Route, RouteBody};
use super::{Failure, Refused};
use crate::keys::Role;
use expect_test::expect_file;
use satang_api::json::Json;
use satang_api::schemas;
use satang_core::outcome::{Reason, ReversalCause};
use satang_core::programme::{CapPeriod, Category};
use satang_core::state::casework::Block;
use std::collections::BTreeSet;

const OVERLAY: &str = include_str!("../../api/openapi.overlay.json");

/// The keys of an operation, in the order in which a reader wants them.
const OPERATION_KEYS: [&str; 8] = [
    "tags",
    "operationId",
    "summary",
    "description",
    "parameters",
    "requestBody",
    "responses",
    "security",
];

fn text(text: impl AsRef<str>) -> Json {
    text.as_ref().into()
}

fn reference(to: &str) -> Json {
    Json::object([("$ref", text(format!("#/components/{to}")))])
}

fn empty() -> Json {
    Json::object([])
}

/// The name of what a caller of another role is answered.
fn forbidden_name(roles: &[Role]) -> String {
    let roles = roles.iter().map(|role| format!("{role:?}"));
    let named: String = if roles.len() == Role::ALL.len() {
        String::new()
    } else {
        roles.collect()
    };
    format!("Forbidden{named}")
}

/// What a caller of another role is answered.
fn forbidden(roles: &'static [Role]) -> Json {
    let needs = Refused::Role(roles).to_string();
    let needs = needs
        .strip_prefix("this needs a key of the role ")
        .expect("it names the roles");
    let description = match roles.len() == Role::ALL.len() {
        true => "The key has a role that may not use this; today every role may.".to_owned(),
        false => format!("The key has another role; this needs {needs}."),
    };
    let problem = Failure::Refused(Refused::Role(roles)).response();
    let problem: Json = serde_json::from_slice(&problem.body).expect("a problem");
    let example = Json::object([("forbidden", Json::object([("value", problem)]))]);
    let media = Json::object([("schema", reference("schemas/Problem")), ("examples", example)]);
    let content = Json::object([("application/problem+json", media)]);
    Json::object([("description", text(description)), ("content", content)])
}

/// The schema of an id in a path.
fn parameter_schema(name: &str) -> &'static str {
    match name {
        "txn_id" | "case_id" => "schemas/Uuid",
        "wallet_id" | "merchant_id" => "schemas/FifteenDigits",
        "id" | "list" => "schemas/Name",
        _ => panic!("no id in a path is called {name}"),
    }
}

/// What the table says of a route.
fn operation(route: &Route) -> Json {
    let mut responses = empty();
    let mut answer =
        |status: &str, name: &str| responses.set(status, reference(&format!("responses/{name}")));
    match (route.body, route.parameter()) {
        (RouteBody::Object | RouteBody::Batch | RouteBody::Lines, _) => answer("400", "Malformed"),
        (RouteBody::Unread, Some(_)) => answer("400", "MalformedPath"),
        (RouteBody::Unread, None) => {}
    }
    if let Some(roles) = route.roles {
        answer("401", "Unauthorized");
        answer("403", &forbidden_name(roles));
    }
    answer("405", "MethodNotAllowed");
    if route.body != RouteBody::Unread {
        answer("408", "BodyTimeout");
    }
    match route.body {
        RouteBody::Object => answer("413", "ObjectTooLarge"),
        RouteBody::Batch => answer("413", "BatchTooLarge"),
        RouteBody::Lines => answer("415", "NoText"),
        RouteBody::Unread => {}
    }
    answer("431", "HeaderTooLarge");
    if route.needs_engine {
        answer("503", "Unavailable");
    }
    answer("505", "HttpVersion");
    let mut parameters = empty();
    if let Some(name) = route.parameter() {
        let schema = reference(parameter_schema(name));
        let parameter = [
            ("name", text(name)),
            ("in", text("path")),
            ("required", true.into()),
            ("schema", schema),
        ];
        parameters.set(name, Json::object(parameter));
    }
    let mut operation = Json::object([
        ("operationId", text(route.operation())),
        ("parameters", parameters),
        ("responses", responses),
    ]);
    if route.roles.is_none() {
        operation.set("security", Vec::<Json>::new());
    }
    operation
}

/// What a caller finds its request by: a parameter of every operation, and a field of every answer.
const IDS: [(&str, &str); 2] = [("X-Request-Id", "RequestId"), ("traceparent", "Traceparent")];

/// A response with the ids among its fields; its keys in their order.
fn with_ids(response: &Json) -> Json {
    let mut headers = response.get("headers").cloned().unwrap_or_else(empty);
    for (field, name) in IDS {
        headers.set(field, reference(&format!("headers/{name}")));
    }
    let mut ordered = empty();
    for (key, value) in response.fields().filter(|(key, _)| *key != "headers") {
        ordered.set(key, value.clone());
        if key == "description" {
            ordered.set("headers", headers.clone());
        }
    }
    ordered
}

/// An operation with what people wrote of it; its keys, and its answers by status, in their order.
fn finished(route: &Route, written: &Json) -> Json {
    let mut operation = operation(route);
    // An answer that is described at its place has no reference any more.
    for (status, _) in written.get("responses").into_iter().flat_map(Json::fields) {
        operation.get_mut("responses").set(status, empty());
    }
    operation.lay_over(written);
    let is_read = route.body != RouteBody::Unread;
    assert_eq!(
        operation.get("requestBody").is_some(),
        is_read,
        "{}",
        route.operation()
    );
    let mut responses: Vec<(String, Json)> = fields(&operation, "responses");
    responses.sort_by(|one, other| one.0.cmp(&other.0));
    for (_, response) in responses.iter_mut().filter(|(_, one)| one.get("$ref").is_none()) {
        *response = with_ids(response);
    }
    operation.set("responses", Json::Object(responses.into_iter().collect()));
    let own = fields(&operation, "parameters").into_iter().map(|(_, one)| one);
    let ids = IDS.map(|(_, name)| reference(&format!("parameters/{name}")));
    operation.set("parameters", own.chain(ids).collect::<Vec<Json>>());
    for (key, _) in operation.fields() {
        assert!(
            OPERATION_KEYS.contains(&key.as_str()),
            "{}: {key}",
            route.operation()
        );
    }
    let mut ordered = empty();
    for key in OPERATION_KEYS {
        if let Some(value) = operation.get(key) {
            ordered.set(key, value.clone());
        }
    }
    ordered
}

fn fields(of: &Json, key: &str) -> Vec<(String, Json)> {
    let fields = of.get(key).into_iter().flat_map(Json::fields);
    fields.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The paths in the order in which people described the operations.
fn paths(written: &Json) -> Json {
    let mut paths = empty();
    for (id, written) in written.fields() {
        let mut named = ROUTES.iter().filter(|route| route.operation() == *id);
        let route = named.next().unwrap_or_else(|| panic!("no route is called {id}"));
        if paths.get(route.template).is_none() {
            paths.set(route.template, empty());
        }
        let method = route.method.as_str().to_ascii_lowercase();
        paths
            .get_mut(route.template)
            .set(&method, finished(route, written));
    }
    assert_eq!(written.fields().count(), ROUTES.len(), "every route is described");
    paths
}

/// Puts the words that the core knows under a schema, or under a property of it.
fn put_words(schemas: &mut Json) {
    let response_codes: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.response_code()).collect();
    let reasons = || Reason::ALL.map(Reason::name).map(text).to_vec();
    let mut put = |schema: &str, property: Option<&str>, words: Vec<Json>| {
        let mut at = schemas.get_mut(schema);
        if let Some(property) = property {
            at = at.get_mut("properties").get_mut(property);
        }
        at.set("enum", words);
    };
    for answer in ["Authorization", "Quote"] {
        put(answer, Some("reason"), reasons());
        put(
            answer,
            Some("response_code"),
            response_codes.iter().map(text).collect(),
        );
    }
    put(
        "CapPeriod",
        None,
        CapPeriod::ALL.map(CapPeriod::name).map(text).to_vec(),
    );
    put(
        "Category",
        None,
        Category::ALL.map(Category::name).map(text).to_vec(),
    );
    let causes = ReversalCause::ALL.map(ReversalCause::name).map(text);
    put("ReversalRequest", Some("reason"), causes.to_vec());
    let or_null = [Json::Leaf(serde_json::Value::Null)];
    put("ReversalShown", Some("cause"), [&causes[..], &or_null].concat());
    let citizen = schemas.get_mut("Wallet").get_mut("properties").get_mut("citizen");
    let excluded = citizen.get_mut("properties").get_mut("excluded");
    excluded.set("enum", Block::ALL.map(|block| text(block.name())).to_vec());
}

/// What people write of a shape narrows it: which fields it has, and of what type they are, the shape alone says.
fn check_narrows(name: &str, shape: &Json, written: &Json) {
    for (key, written) in written.fields() {
        let is_shapes = ["type", "required", "$ref"].contains(&key.as_str());
        assert!(!is_shapes, "{name}: {key} is the shape's");
        match (key.as_str(), shape.get(key)) {
            ("items", Some(shape)) => check_narrows(name, shape, written),
            ("properties", Some(shape)) => {
                for (field, written) in written.fields() {
                    let shape = shape
                        .get(field)
                        .unwrap_or_else(|| panic!("{name} has no {field}"));
                    check_narrows(&format!("{name}.{field}"), shape, written);
                }
            }
            _ => {}
        }
    }
}

/// The schemas: what the shapes say under what people wrote, in the order of what people wrote.
fn all_schemas(written: &Json) -> Json {
    let mut shaped = schemas();
    let mut all = empty();
    for (name, written) in written.fields() {
        let mut schema = match shaped.shift_remove(name.as_str()) {
            Some(shape) => {
                check_narrows(name, &shape, written);
                shape
            }
            None => empty(),
        };
        schema.lay_over(written);
        all.set(name, schema);
    }
    for (name, schema) in shaped {
        all.set(name, schema);
    }
    put_words(&mut all);
    all
}

/// The answers that many routes have, and who may not call.
fn all_responses(written: &Json) -> Json {
    let mut all = written.clone();
    for roles in ROUTES.iter().filter_map(|route| route.roles) {
        all.set(&forbidden_name(roles), forbidden(roles));
    }
    // A head that is too large was not read.
    let with_ids = |(name, response): (&String, &Json)| match name.as_str() {
        "HeaderTooLarge" => (name.clone(), response.clone()),
        _ => (name.clone(), with_ids(response)),
    };
    Json::Object(all.fields().map(with_ids).collect())
}

fn document() -> String {
    let overlay: Json = serde_json::from_str(OVERLAY).expect("the overlay is JSON");
    let part = |key: &str| {
        overlay
            .get(key)
            .unwrap_or_else(|| panic!("{key} is written"))
            .clone()
    };
    let components = Json::object([
        ("securitySchemes", part("securitySchemes")),
        ("schemas", all_schemas(&part("schemas"))),
        ("parameters", part("parameters")),
        ("headers", part("headers")),
        ("responses", all_responses(&part("responses"))),
    ]);
    let document = Json::object([
        ("openapi", text("3.1.0")),
        ("info", part("info")),
        ("servers", part("servers")),
        ("security", part("security")),
        ("tags", part("tags")),
        ("paths", paths(&part("operations"))),
        ("components", components),
    ]);
    serde_json::to_string_pretty(&document).expect("it is JSON") + "\n"
}

#[test]
fn the_document_is_as_it_is_written_from_its_parts() {
    expect_file!["../../openapi.json"].assert_eq(&document());
}

#[test]
fn every_json_answer_is_a_shape() {
    let document: Json = serde_json::from_str(&document()).unwrap();
    let shapes = schemas();
    for route in ROUTES {
        let method = route.method.as_str().to_ascii_lowercase();
        let at = [
            "paths",
            route.template,
            &method,
            "responses",
            "200",
            "content",
            "application/json",
            "schema",
            "$ref",
        ];
        let schema = at.iter().try_fold(&document, |json, key| json.get(key));
        let name = route.operation();
        let Some(Json::Leaf(schema)) = schema else {
            let others = ["health", "readiness", "metrics", "openapi"];
            assert!(others.contains(&name.as_str()), "{name}");
            continue;
        };
        let shape = schema.as_str().unwrap().rsplit('/').next().unwrap();
        // A hold is answered as an authorization is.
        assert!(shapes.contains_key(shape) || shape == "Hold", "{name}: {shape}");
    }
}
