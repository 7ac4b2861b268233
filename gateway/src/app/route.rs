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
    Replace { wallet_id: &'p str },
    PutClock,
    TakeSnapshot,
    ImportMerchants,
    ImportEnrollments,
    ImportList { list: &'p str },
    Merchant { merchant_id: &'p str },
    JoinProgram { merchant_id: &'p str },
    BindPlatform { merchant_id: &'p str },
    PutMerchantStatus { merchant_id: &'p str },
    PutMerchantPayout { merchant_id: &'p str },
    WithdrawConsent { merchant_id: &'p str },
    PutAuthorizationPayout { txn_id: &'p str },
    Payouts,
    PutPersonStatus,
    ErasePerson,
    OpenClawback,
    Clawbacks,
    Clawback { case_id: &'p str },
    PayClawback { case_id: &'p str },
    CloseClawback { case_id: &'p str },
}

/// The methods that a path takes, each with its route; few paths take a second.
struct Resource<'p> {
    first: (Method, Route<'p>),
    second: Option<(Method, Route<'p>)>,
}

impl<'p> Resource<'p> {
    const fn of(method: Method, route: Route<'p>) -> Resource<'p> {
        Resource {
            first: (method, route),
            second: None,
        }
    }

    fn and(self, method: Method, route: Route<'p>) -> Resource<'p> {
        Resource {
            second: Some((method, route)),
            ..self
        }
    }

    fn routes(&self) -> impl Iterator<Item = &(Method, Route<'p>)> {
        core::iter::once(&self.first).chain(&self.second)
    }
}

impl<'p> Route<'p> {
    /// The route of a method and path.
    ///
    /// # Errors
    /// [`Failure::NoRoute`]; [`Failure::MethodNotAllowed`] when the path is one of other methods.
    pub(super) fn find(method: &Method, path: &'p str) -> Result<Route<'p>, Failure> {
        let resource = Route::of_path(path).ok_or(Failure::NoRoute)?;
        let wanted = if *method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        match resource.routes().find(|(allows, _)| allows == wanted) {
            Some((_, route)) => Ok(*route),
            None => Err(Failure::MethodNotAllowed(
                resource.routes().map(|(allows, _)| allows.clone()).collect(),
            )),
        }
    }

    /// What a path stands for.
    fn of_path(path: &'p str) -> Option<Resource<'p>> {
        let mut segments = path.strip_prefix('/')?.split('/');
        let mut next = || segments.next();
        let found = match (next(), next(), next(), next(), next()) {
            (Some("healthz"), None, ..) => Resource::of(Method::GET, Route::Health),
            (Some("readyz"), None, ..) => Resource::of(Method::GET, Route::Ready),
            (Some("metrics"), None, ..) => Resource::of(Method::GET, Route::Metrics),
            (Some("openapi.json"), None, ..) => Resource::of(Method::GET, Route::OpenApi),
            (Some("v1"), Some(collection), id, action, None) => Route::of_v1(collection, id, action)?,
            _ => return None,
        };
        Some(found)
    }

    fn of_v1(collection: &str, id: Option<&'p str>, action: Option<&'p str>) -> Option<Resource<'p>> {
        let (get, post, put) = (
            |route| Resource::of(Method::GET, route),
            |route| Resource::of(Method::POST, route),
            |route| Resource::of(Method::PUT, route),
        );
        Some(match (collection, id, action) {
            ("authorizations", None, None) => post(Route::Authorize),
            ("authorizations", Some("batch"), None) => post(Route::AuthorizeBatch),
            ("authorizations", Some(txn_id), None) if !txn_id.is_empty() => {
                get(Route::Authorization { txn_id })
            }
            ("authorizations", Some(txn_id), Some("payout")) => put(Route::PutAuthorizationPayout { txn_id }),
            ("authorizations", Some(txn_id), Some("reversals")) => post(Route::Reverse { txn_id }),
            ("holds", None, None) => post(Route::Hold),
            ("holds", Some(txn_id), Some("capture")) => post(Route::Capture { txn_id }),
            ("holds", Some(txn_id), Some("void")) => post(Route::Void { txn_id }),
            ("registrations", None, None) => post(Route::Register),
            ("registrations", Some("batch"), None) => post(Route::RegisterBatch),
            ("quotes", None, None) => post(Route::Quote),
            ("wallets", Some(wallet_id), None) => get(Route::Wallet { wallet_id }),
            ("wallets", Some(wallet_id), Some("status")) => put(Route::PutWalletStatus { wallet_id }),
            ("wallets", Some(wallet_id), Some("moves")) => post(Route::Move { wallet_id }),
            ("wallets", Some(wallet_id), Some("replacement")) => post(Route::Replace { wallet_id }),
            ("programs", None, None) => get(Route::Programs),
            ("programs", Some("reload"), None) => post(Route::ReloadPrograms),
            ("programs", Some(id), None) => get(Route::Program { id }),
            ("programs", Some(id), Some("registration")) => get(Route::RegistrationProgress { id }),
            ("programs", Some(id), Some("status")) => put(Route::PutProgramStatus { id }),
            ("merchants", Some("import"), None) => post(Route::ImportMerchants),
            ("merchants", Some(merchant_id), None) => {
                get(Route::Merchant { merchant_id }).and(Method::PUT, Route::PutMerchant { merchant_id })
            }
            ("merchants", Some(merchant_id), Some(action)) => Route::of_merchant(merchant_id, action)?,
            ("payouts", None, None) => get(Route::Payouts),
            ("persons", Some("status"), None) => put(Route::PutPersonStatus),
            ("persons", Some("erase"), None) => post(Route::ErasePerson),
            ("clawbacks", None, None) => get(Route::Clawbacks).and(Method::POST, Route::OpenClawback),
            ("clawbacks", Some(case_id), None) => get(Route::Clawback { case_id }),
            ("clawbacks", Some(case_id), Some("payments")) => post(Route::PayClawback { case_id }),
            ("clawbacks", Some(case_id), Some("close")) => post(Route::CloseClawback { case_id }),
            ("enrollments", Some("import"), None) => post(Route::ImportEnrollments),
            ("lists", Some(list), Some("import")) => post(Route::ImportList { list }),
            ("clock", None, None) => put(Route::PutClock),
            ("snapshots", None, None) => post(Route::TakeSnapshot),
            _ => return None,
        })
    }

    fn of_merchant(merchant_id: &'p str, action: &str) -> Option<Resource<'p>> {
        let (method, route) = match action {
            "registrations" => (Method::POST, Route::JoinProgram { merchant_id }),
            "platform" => (Method::POST, Route::BindPlatform { merchant_id }),
            "consent-withdrawal" => (Method::POST, Route::WithdrawConsent { merchant_id }),
            "status" => (Method::PUT, Route::PutMerchantStatus { merchant_id }),
            "payout" => (Method::PUT, Route::PutMerchantPayout { merchant_id }),
            _ => return None,
        };
        Some(Resource::of(method, route))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every route, with an id of its own kind.
    const ALL: [Route<'_>; 44] = [
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
        Route::Replace {
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
        Route::Merchant {
            merchant_id: "merchant_id",
        },
        Route::JoinProgram {
            merchant_id: "merchant_id",
        },
        Route::BindPlatform {
            merchant_id: "merchant_id",
        },
        Route::PutMerchantStatus {
            merchant_id: "merchant_id",
        },
        Route::PutMerchantPayout {
            merchant_id: "merchant_id",
        },
        Route::WithdrawConsent {
            merchant_id: "merchant_id",
        },
        Route::PutAuthorizationPayout { txn_id: "txn_id" },
        Route::Payouts,
        Route::PutPersonStatus,
        Route::ErasePerson,
        Route::OpenClawback,
        Route::Clawbacks,
        Route::Clawback { case_id: "case_id" },
        Route::PayClawback { case_id: "case_id" },
        Route::CloseClawback { case_id: "case_id" },
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
        let allowed = |method: Method, path| match Route::find(&method, path) {
            Err(Failure::MethodNotAllowed(allowed)) => allowed,
            other => panic!("{method} {path}: {other:?}"),
        };
        assert_eq!(allowed(Method::GET, "/v1/authorizations"), [Method::POST]);
        assert_eq!(
            allowed(Method::POST, "/v1/merchants/x"),
            [Method::GET, Method::PUT]
        );
        assert_eq!(allowed(Method::PUT, "/v1/clawbacks"), [Method::GET, Method::POST]);
    }

    #[test]
    fn a_path_of_several_methods_has_a_route_for_each() {
        let find = |method: Method, path| Route::find(&method, path).ok();
        let merchant_id = "x";
        assert_eq!(
            find(Method::GET, "/v1/merchants/x"),
            Some(Route::Merchant { merchant_id })
        );
        assert_eq!(
            find(Method::HEAD, "/v1/merchants/x"),
            Some(Route::Merchant { merchant_id })
        );
        assert_eq!(
            find(Method::PUT, "/v1/merchants/x"),
            Some(Route::PutMerchant { merchant_id })
        );
        assert_eq!(find(Method::POST, "/v1/clawbacks"), Some(Route::OpenClawback));
        assert_eq!(find(Method::GET, "/v1/clawbacks"), Some(Route::Clawbacks));
    }
}
