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
    Authorization { txn_id: &'p str },
    Reverse { txn_id: &'p str },
    Hold,
    Capture { txn_id: &'p str },
    Void { txn_id: &'p str },
    Register,
    RegisterBatch,
    Quote,
    Wallet { wallet_id: &'p str },
    Programs,
    Program { id: &'p str },
    RegistrationProgress { id: &'p str },
    ReloadPrograms,
    PutMerchant { merchant_id: &'p str },
    PutWalletStatus { wallet_id: &'p str },
    PutProgramStatus { id: &'p str },
    Move { wallet_id: &'p str },
    PutClock,
    TakeSnapshot,
    ImportMerchants,
    ImportEnrollments,
    ImportList { list: &'p str },
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
            ("authorizations", Some(txn_id), None) if !txn_id.is_empty() => {
                (Method::GET, Route::Authorization { txn_id })
            }
            ("authorizations", Some(txn_id), Some("reversals")) => (Method::POST, Route::Reverse { txn_id }),
            ("holds", None, None) => (Method::POST, Route::Hold),
            ("holds", Some(txn_id), Some("capture")) => (Method::POST, Route::Capture { txn_id }),
            ("holds", Some(txn_id), Some("void")) => (Method::POST, Route::Void { txn_id }),
            ("registrations", None, None) => (Method::POST, Route::Register),
            ("registrations", Some("batch"), None) => (Method::POST, Route::RegisterBatch),
            ("quotes", None, None) => (Method::POST, Route::Quote),
            ("wallets", Some(wallet_id), None) => (Method::GET, Route::Wallet { wallet_id }),
            ("wallets", Some(wallet_id), Some("status")) => {
                (Method::PUT, Route::PutWalletStatus { wallet_id })
            }
            ("wallets", Some(wallet_id), Some("moves")) => (Method::POST, Route::Move { wallet_id }),
            ("programs", None, None) => (Method::GET, Route::Programs),
            ("programs", Some("reload"), None) => (Method::POST, Route::ReloadPrograms),
            ("programs", Some(id), None) => (Method::GET, Route::Program { id }),
            ("programs", Some(id), Some("registration")) => (Method::GET, Route::RegistrationProgress { id }),
            ("programs", Some(id), Some("status")) => (Method::PUT, Route::PutProgramStatus { id }),
            ("merchants", Some("import"), None) => (Method::POST, Route::ImportMerchants),
            ("merchants", Some(merchant_id), None) => (Method::PUT, Route::PutMerchant { merchant_id }),
            ("enrollments", Some("import"), None) => (Method::POST, Route::ImportEnrollments),
            ("lists", Some(list), Some("import")) => (Method::POST, Route::ImportList { list }),
            ("clock", None, None) => (Method::PUT, Route::PutClock),
            ("snapshots", None, None) => (Method::POST, Route::TakeSnapshot),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every route, with an id of its own kind.
    const ALL: [Route<'_>; 28] = [
        Route::Health,
        Route::Ready,
        Route::Metrics,
        Route::OpenApi,
        Route::Authorize,
        Route::AuthorizeBatch,
        Route::Authorization { txn_id: "txn_id" },
        Route::Reverse { txn_id: "txn_id" },
        Route::Hold,
        Route::Capture { txn_id: "txn_id" },
        Route::Void { txn_id: "txn_id" },
        Route::Move {
            wallet_id: "wallet_id",
        },
        Route::Register,
        Route::RegisterBatch,
        Route::Quote,
        Route::Wallet {
            wallet_id: "wallet_id",
        },
        Route::Programs,
        Route::Program { id: "id" },
        Route::RegistrationProgress { id: "id" },
        Route::ReloadPrograms,
        Route::TakeSnapshot,
        Route::PutMerchant {
            merchant_id: "merchant_id",
        },
        Route::PutWalletStatus {
            wallet_id: "wallet_id",
        },
        Route::PutProgramStatus { id: "id" },
        Route::PutClock,
        Route::ImportMerchants,
        Route::ImportEnrollments,
        Route::ImportList { list: "list" },
    ];

    /// How often a route is in the list, so that a new one is put there.
    #[test]
    fn the_list_has_every_route() {
        let source = include_str!("route.rs");
        let (_, rest) = source.split_once("enum Route<'p> {").unwrap();
        let (variants, _) = rest.split_once("\n}").unwrap();
        assert_eq!(
            variants.lines().filter(|line| line.ends_with(',')).count(),
            ALL.len()
        );
        for (index, route) in ALL.iter().enumerate() {
            assert!(!ALL[..index].contains(route), "{route:?} is there twice");
        }
    }

    #[test]
    fn the_document_describes_every_route_and_no_other() {
        let document: serde_json::Value = serde_json::from_str(super::super::OPENAPI).unwrap();
        let mut described = Vec::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            let filled = path.replace(['{', '}'], "");
            for method in methods.as_object().unwrap().keys() {
                let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).unwrap();
                let route = Route::find(&method, &filled);
                let route = route.unwrap_or_else(|_| panic!("{method} {path} is no route"));
                // The id in the path is the parameter of the same name.
                let place = ALL.iter().position(|known| *known == route);
                described.push(place.unwrap_or_else(|| panic!("{method} {path} is {route:?}")));
            }
        }
        described.sort_unstable();
        let every: Vec<usize> = (0..ALL.len()).collect();
        assert_eq!(described, every, "not described, or twice");
    }

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
