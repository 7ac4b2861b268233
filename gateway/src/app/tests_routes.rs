//! The table of routes against what was written from it: docs/OPERATIONS.md and `/openapi.json`.

use super::Refused;
use super::routes::{ROUTES, Route, RouteBody};
use crate::keys::Role;
use expect_test::expect_file;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;

const OPERATIONS: &str = include_str!("../../../docs/OPERATIONS.md");
/// The lines around what is generated there.
const BEGIN: &str =
    "<!-- from gateway/src/app/routes.rs; UPDATE_EXPECT=1 cargo test -p satang --lib roles -->\n";
const END: &str = "<!-- end -->\n";

/// Routes of the same roles share a row up to this width.
const CELL_BYTES_MAX: usize = 130;

/// Which role may use which route, as a table in Markdown.
fn table_of_roles() -> String {
    let mut table = String::from("| route |");
    for role in Role::ALL {
        write!(table, " {} |", role.name()).unwrap();
    }
    table.push_str("\n|---|");
    table.push_str(&"---|".repeat(Role::ALL.len()));
    table.push('\n');
    for routes in ROUTES.chunk_by(|one, next| one.roles == next.roles) {
        let Some(roles) = routes[0].roles else { continue };
        let may = Role::ALL.map(|role| if roles.contains(&role) { " yes |" } else { " |" });
        let mut cell = String::new();
        for route in routes {
            let name = format!("`{} {}`", route.method, route.template);
            if cell.len() + name.len() > CELL_BYTES_MAX {
                writeln!(table, "| {cell} |{}", may.concat()).unwrap();
                cell.clear();
            }
            let between = if cell.is_empty() { "" } else { ", " };
            write!(cell, "{between}{name}").unwrap();
        }
        writeln!(table, "| {cell} |{}", may.concat()).unwrap();
    }
    table
}

#[test]
fn the_operator_reads_the_roles_of_every_route() {
    let (before, rest) = OPERATIONS.split_once(BEGIN).expect("the table begins");
    let (_, after) = rest.split_once(END).expect("the table ends");
    let written = format!("{before}{BEGIN}{}{END}{after}", table_of_roles());
    expect_file!["../../../docs/OPERATIONS.md"].assert_eq(&written);
    for open in ROUTES.iter().filter(|route| route.roles.is_none()) {
        assert!(
            after.contains(&format!("`{}`", open.template)),
            "{}",
            open.template
        );
    }
}

fn document() -> Value {
    serde_json::from_str(super::OPENAPI).unwrap()
}

fn described<'d>(document: &'d Value, route: &Route) -> &'d Value {
    let method = route.method.as_str().to_ascii_lowercase();
    let operation = &document["paths"][route.template][&method];
    assert!(
        operation.is_object(),
        "{method} {} is not described",
        route.template
    );
    operation
}

#[test]
fn the_document_describes_every_route_and_no_other() {
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let there: BTreeSet<(&str, String)> = paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(|method| (path.as_str(), method.to_ascii_uppercase()))
        })
        .collect();
    let wanted = ROUTES
        .iter()
        .map(|route| (route.template, route.method.as_str().to_owned()));
    assert_eq!(there, wanted.collect());
    let operations: BTreeSet<String> = ROUTES.iter().map(Route::operation).collect();
    assert_eq!(operations.len(), ROUTES.len(), "two routes have one name");
    for route in ROUTES {
        let operation = described(&document, route);
        assert_eq!(operation["operationId"], route.operation());
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let in_path = parameters.filter(|parameter| parameter["in"] == "path");
        let named: Vec<&Value> = in_path.map(|parameter| &parameter["name"]).collect();
        assert_eq!(named, Vec::from_iter(route.parameter()), "{}", route.template);
    }
}

#[test]
fn the_document_says_who_may_call() {
    let document = document();
    let scheme = &document["components"]["securitySchemes"]["key"];
    assert_eq!(
        (&scheme["type"], &scheme["scheme"]),
        (&json!("http"), &json!("bearer"))
    );
    assert_eq!(document["security"], json!([{ "key": [] }]));
    for route in ROUTES {
        let (operation, name) = (described(&document, route), route.operation());
        let responses = &operation["responses"];
        let Some(roles) = route.roles else {
            assert_eq!(operation["security"], json!([]), "{name}");
            assert!(responses["401"].is_null() && responses["403"].is_null(), "{name}");
            continue;
        };
        assert!(operation["security"].is_null(), "{name}");
        assert_eq!(responses["401"]["$ref"], "#/components/responses/Unauthorized");
        let forbidden = match roles.len() == Role::ALL.len() {
            true => String::new(),
            false => roles.iter().map(|role| format!("{role:?}")).collect(),
        };
        let forbidden = format!("/components/responses/Forbidden{forbidden}");
        assert_eq!(responses["403"]["$ref"], format!("#{forbidden}"), "{name}");
        if roles.len() < Role::ALL.len() {
            let told = document.pointer(&forbidden).unwrap()["description"].as_str();
            let needs = Refused::Role(roles).to_string();
            let needs = needs.strip_prefix("this needs a key of the role ").unwrap();
            assert_eq!(
                told.unwrap(),
                format!("The key has another role; this needs {needs}.")
            );
        }
    }
}

#[test]
fn the_document_says_what_becomes_of_a_body() {
    let document = document();
    for route in ROUTES {
        let (operation, name) = (described(&document, route), route.operation());
        let is_read = route.body != RouteBody::Unread;
        assert_eq!(operation["requestBody"].is_object(), is_read, "{name}");
        for (status, is_told) in [
            ("408", is_read),
            ("413", route.body == RouteBody::Whole),
            ("405", true),
            ("431", true),
            ("505", true),
        ] {
            let told = operation["responses"][status].is_object();
            assert_eq!(told, is_told, "{name}: {status}");
        }
    }
}
