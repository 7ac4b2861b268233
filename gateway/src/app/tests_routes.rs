//! The table of roles in docs/OPERATIONS.md, written from the table of routes.

use super::routes::ROUTES;
use crate::keys::Role;
use expect_test::expect_file;
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
