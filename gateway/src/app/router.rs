//! From a method and a path to a route of the table. Segments of a path are taken as sent: no id has a character that needs
//! escaping.

use super::Failure;
use super::routes::{ROUTES, Route};
use http::Method;
use std::sync::LazyLock;

static ROUTER: LazyLock<Node> = LazyLock::new(|| {
    let mut root = Node::default();
    for route in ROUTES {
        root.insert(route.template, route);
    }
    root
});

/// How a path may go on after some of its segments.
#[derive(Default)]
struct Node {
    words: Vec<(&'static str, Node)>,
    parameter: Option<Box<Node>>,
    /// The routes whose path ends here, one for each method.
    routes: Vec<&'static Route>,
}

/// The route of a request, and the segment in the place of its parameter; empty without one.
///
/// # Errors
/// [`Failure::NoRoute`]; [`Failure::MethodNotAllowed`] when the path is one of other methods.
pub(super) fn find<'p>(method: &Method, path: &'p str) -> Result<(&'static Route, &'p str), Failure> {
    // No authorization, and no collection.
    if path == "/v1/authorizations/" {
        return Err(Failure::NoRoute);
    }
    let (routes, id) = ROUTER.find(path, "").ok_or(Failure::NoRoute)?;
    let wanted = if *method == Method::HEAD {
        &Method::GET
    } else {
        method
    };
    match routes.iter().find(|route| route.method == *wanted) {
        Some(route) => Ok((route, id)),
        None => {
            let allowed = routes.iter().map(|route| route.method.clone());
            Err(Failure::MethodNotAllowed(allowed.collect()))
        }
    }
}

impl Node {
    /// Puts a route where the rest of its template leads to.
    fn insert(&mut self, rest: &'static str, route: &'static Route) {
        let Some((segment, rest)) = first_segment(rest) else {
            self.routes.push(route);
            return;
        };
        if segment.starts_with('{') {
            return self.parameter.get_or_insert_default().insert(rest, route);
        }
        let at = self.words.iter().position(|(word, _)| *word == segment);
        let at = at.unwrap_or_else(|| {
            self.words.push((segment, Node::default()));
            self.words.len() - 1
        });
        self.words[at].1.insert(rest, route);
    }

    /// The routes where the rest of a path leads to: by its words where it can, else by its parameter.
    fn find<'n, 'p>(&'n self, rest: &'p str, id: &'p str) -> Option<(&'n [&'static Route], &'p str)> {
        let Some((segment, rest)) = first_segment(rest) else {
            let ends_here = rest.is_empty() && !self.routes.is_empty();
            return ends_here.then_some((&self.routes[..], id));
        };
        let word = self.words.iter().find(|(word, _)| *word == segment);
        word.and_then(|(_, node)| node.find(rest, id))
            .or_else(|| self.parameter.as_ref()?.find(rest, segment))
    }
}

/// The segment after the slash that a path begins with, and what follows it; none at the end.
fn first_segment(path: &str) -> Option<(&str, &str)> {
    let path = path.strip_prefix('/')?;
    Some(path.split_at(path.find('/').unwrap_or(path.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn found(method: Method, path: &str) -> (&'static str, &str) {
        let (route, id) = find(&method, path).unwrap();
        (route.template, id)
    }

    #[test]
    fn ids_are_taken_from_the_path() {
        for route in ROUTES {
            let path = route.template.replace(['{', '}'], "");
            let id = route.parameter().unwrap_or_default();
            assert_eq!(found(route.method.clone(), &path), (route.template, id));
        }
        let template = "/v1/wallets/{wallet_id}";
        assert_eq!(found(Method::GET, "/v1/wallets/1"), (template, "1"));
        assert_eq!(found(Method::HEAD, "/v1/wallets/1"), (template, "1"));
        assert_eq!(found(Method::GET, "/v1/wallets/"), (template, ""));
    }

    #[test]
    fn a_word_is_an_id_where_the_rest_of_the_path_asks_for_one() {
        let batch = "/v1/authorizations/batch";
        assert_eq!(found(Method::POST, batch), (batch, ""));
        let reversals = "/v1/authorizations/{txn_id}/reversals";
        let path = "/v1/authorizations/batch/reversals";
        assert_eq!(found(Method::POST, path), (reversals, "batch"));
        let status = "/v1/merchants/{merchant_id}/status";
        assert_eq!(found(Method::PUT, "/v1/merchants//status"), (status, ""));
    }

    #[test]
    fn a_path_that_leads_nowhere_is_no_route() {
        for path in [
            "",
            "/",
            "v1/clock",
            "/v1",
            "/v1/",
            "/v1/clock/",
            "/v2/authorizations",
            "/v1/authorizations/",
            "/v1/authorizations/x/",
            "/v1/wallets",
            "/v1/a/b/c/d",
            "//healthz",
        ] {
            assert!(
                matches!(find(&Method::POST, path), Err(Failure::NoRoute)),
                "{path}"
            );
        }
    }

    #[test]
    fn a_path_of_other_methods_names_them() {
        let allowed = |method: Method, path| match find(&method, path) {
            Err(Failure::MethodNotAllowed(allowed)) => allowed,
            other => panic!("{method} {path}: {other:?}"),
        };
        assert_eq!(allowed(Method::GET, "/v1/authorizations"), [Method::POST]);
        let (get, post, put) = (Method::GET, Method::POST, Method::PUT);
        assert_eq!(
            allowed(post.clone(), "/v1/merchants/x"),
            [get.clone(), put.clone()]
        );
        assert_eq!(allowed(put, "/v1/clawbacks"), [get, post]);
    }
}
