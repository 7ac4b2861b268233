//! Which path is which route. Segments of a path are taken as sent: no id has a character that needs escaping.

use super::Failure;
use http::Method;

/// A route and the ids in its path, unparsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route<'p> {
    Health,
    Ready,
    Metrics,
    OpenApi,
    Authorize,
    AuthorizeBatch,
    Reverse { txn_id: &'p str },
    Quote,
    Wallet { wallet_id: &'p str },
    Programs,
    Program { id: &'p str },
    PutMerchant { merchant_id: &'p str },
    PutWalletStatus { wallet_id: &'p str },
    PutProgramStatus { id: &'p str },
    PutClock,
    TakeSnapshot,
    ImportMerchants,
    ImportEnrollments,
}

impl<'p> Route<'p> {
    /// The route of a method and path.
    ///
    /// # Errors
    /// [`Failure::NoRoute`]; [`Failure::MethodNotAllowed`] when the path is one of another method.
    pub(super) fn find(method: &Method, path: &'p str) -> Result<Route<'p>, Failure> {
        let (allows, route) = Route::of_path(path).ok_or(Failure::NoRoute)?;
        match method == allows || (method == Method::HEAD && allows == Method::GET) {
            true => Ok(route),
            false => Err(Failure::MethodNotAllowed(allows)),
        }
    }

    /// The route of a path and its method; each path has one.
    fn of_path(path: &'p str) -> Option<(Method, Route<'p>)> {
        let mut segments = path.strip_prefix('/')?.split('/');
        let mut next = || segments.next();
        let found = match (next(), next(), next(), next(), next()) {
            (Some("healthz"), None, ..) => (Method::GET, Route::Health),
            (Some("readyz"), None, ..) => (Method::GET, Route::Ready),
            (Some("metrics"), None, ..) => (Method::GET, Route::Metrics),
            (Some("openapi.json"), None, ..) => (Method::GET, Route::OpenApi),
            (Some("v1"), Some(collection), id, action, None) => Route::of_v1(collection, id, action)?,
            _ => return None,
        };
        Some(found)
    }

    fn of_v1(collection: &str, id: Option<&'p str>, action: Option<&'p str>) -> Option<(Method, Route<'p>)> {
        Some(match (collection, id, action) {
            ("authorizations", None, None) => (Method::POST, Route::Authorize),
            ("authorizations", Some("batch"), None) => (Method::POST, Route::AuthorizeBatch),
            ("authorizations", Some(txn_id), Some("reversals")) => (Method::POST, Route::Reverse { txn_id }),
            ("quotes", None, None) => (Method::POST, Route::Quote),
            ("wallets", Some(wallet_id), None) => (Method::GET, Route::Wallet { wallet_id }),
            ("wallets", Some(wallet_id), Some("status")) => {
                (Method::PUT, Route::PutWalletStatus { wallet_id })
            }
            ("programs", None, None) => (Method::GET, Route::Programs),
            ("programs", Some(id), None) => (Method::GET, Route::Program { id }),
            ("programs", Some(id), Some("status")) => (Method::PUT, Route::PutProgramStatus { id }),
            ("merchants", Some("import"), None) => (Method::POST, Route::ImportMerchants),
            ("merchants", Some(merchant_id), None) => (Method::PUT, Route::PutMerchant { merchant_id }),
            ("enrollments", Some("import"), None) => (Method::POST, Route::ImportEnrollments),
            ("clock", None, None) => (Method::PUT, Route::PutClock),
            ("snapshots", None, None) => (Method::POST, Route::TakeSnapshot),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_taken_from_the_path() {
        let find = |method: Method, path| Route::find(&method, path);
        assert_eq!(
            find(Method::GET, "/v1/wallets/1").ok(),
            Some(Route::Wallet { wallet_id: "1" })
        );
        let reverse = find(Method::POST, "/v1/authorizations/x/reversals").ok();
        assert_eq!(reverse, Some(Route::Reverse { txn_id: "x" }));
    }

    #[test]
    fn unknown_paths_are_no_route_and_known_ones_name_their_method() {
        for path in [
            "/",
            "",
            "/v1",
            "/v1/",
            "/v2/authorizations",
            "/v1/authorizations/",
            "/v1/wallets",
            "/v1/a/b/c/d",
        ] {
            assert!(
                matches!(Route::find(&Method::POST, path), Err(Failure::NoRoute)),
                "{path}"
            );
        }
        let refused = Route::find(&Method::GET, "/v1/authorizations");
        assert!(matches!(refused, Err(Failure::MethodNotAllowed(Method::POST))));
    }
}
