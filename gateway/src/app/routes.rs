//! The table of routes: who may use which method and path, what becomes of the body, and who answers. The router, the access check,
//! 405 with its `Allow`, the paths of `/openapi.json` and the table of roles in docs/OPERATIONS.md all come from it.

use super::access::Caller;
use super::{Api, BodySource, Failure};
use crate::keys::Role;
use crate::server::Response;
use http::{HeaderMap, Method};
use satang_core::ids::Name;
use satang_log::storage::Storage;

/// The route that most requests are for.
pub(super) const AUTHORIZE: &Route = &ROUTES[RouteId::Authorize as usize];

/// One method of one path.
#[derive(Debug)]
pub struct Route {
    pub(super) id: RouteId,
    /// GET answers HEAD too.
    pub method: Method,
    /// The path; `{name}` stands for one segment, the id of what is asked about. A path has at most one.
    pub template: &'static str,
    /// What becomes of the request's body.
    pub body: RouteBody,
    /// Whose keys may use it; `None` needs no key.
    pub roles: Option<&'static [Role]>,
    /// Whether it is 503 until recovery is done.
    pub needs_engine: bool,
}

/// Bytes of a body that is one object; more takes an I/O thread from everybody else.
pub(super) const OBJECT_BYTES_MAX: usize = 64 << 10;

/// What a route does with the body of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteBody {
    /// Nothing: it is read off the wire, or ends the connection.
    Unread,
    /// One object, collected whole: at most 64 KiB.
    Object,
    /// Many objects, collected whole: at most [`body_bytes_max`](crate::server::ServerOptions::body_bytes_max).
    Batch,
    /// Read line by line while it arrives, of any length.
    Lines,
}

/// What an answer is made from. `B` is the body: its source, or the bytes of a whole one.
pub(super) struct Call<'c, B> {
    /// The segment in the place of the template's `{name}`, as it was sent; empty without one.
    pub(super) id: &'c str,
    pub(super) headers: &'c HeaderMap,
    /// The name of the caller's key.
    pub(super) by: Option<&'c Name>,
    /// Who may be asked for again, where a body takes long.
    pub(super) caller: &'c Caller<'c>,
    pub(super) body: B,
}

impl Route {
    /// The operation's name in `/openapi.json`.
    pub fn operation(&self) -> String {
        let mut name = format!("{:?}", self.id);
        name[..1].make_ascii_lowercase();
        name
    }

    /// Whether its answer shows what a person has or did, or to whom money goes.
    pub(super) fn shows_persons(&self) -> bool {
        match self.id {
            RouteId::Wallet
            | RouteId::Authorization
            | RouteId::Merchant
            | RouteId::Clawback
            | RouteId::Clawbacks
            | RouteId::Payouts => true,
            RouteId::Authorize
            | RouteId::AuthorizeBatch
            | RouteId::Reverse
            | RouteId::Hold
            | RouteId::Capture
            | RouteId::Void
            | RouteId::Quote
            | RouteId::Register
            | RouteId::RegisterBatch
            | RouteId::ImportEnrollments
            | RouteId::ImportList
            | RouteId::Lists
            | RouteId::Move
            | RouteId::ReplaceWallet
            | RouteId::JoinProgram
            | RouteId::BindPlatform
            | RouteId::Programs
            | RouteId::Program
            | RouteId::RegistrationProgress
            | RouteId::PutAuthorizationPayout
            | RouteId::PutMerchantPayout
            | RouteId::PayClawback
            | RouteId::Metrics
            | RouteId::PutWalletStatus
            | RouteId::PutProgramStatus
            | RouteId::ReloadPrograms
            | RouteId::PutMerchant
            | RouteId::ImportMerchants
            | RouteId::PutMerchantStatus
            | RouteId::WithdrawConsent
            | RouteId::PutPersonStatus
            | RouteId::ErasePerson
            | RouteId::OpenClawback
            | RouteId::CloseClawback
            | RouteId::PutClock
            | RouteId::TakeSnapshot
            | RouteId::Health
            | RouteId::Readiness
            | RouteId::Openapi => false,
        }
    }

    /// The name of the id in the path.
    pub fn parameter(&self) -> Option<&'static str> {
        let (_, rest) = self.template.split_once('{')?;
        rest.split('}').next()
    }
}

/// Makes of the rows the enum of their names, [`ROUTES`] and [`Api::answer`].
macro_rules! routes {
    ($($id:ident: $method:ident $template:literal $body:ident $roles:tt => $on:ident.$handler:ident($($from:ident),*);)*) => {
        /// The name of a row.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum RouteId { $($id),* }

        /// Every route.
        pub static ROUTES: &[Route] = &[$(Route {
            id: RouteId::$id,
            method: Method::$method,
            template: $template,
            body: RouteBody::$body,
            roles: roles!($roles),
            needs_engine: needs_engine!($on),
        }),*];

        impl<S: Storage> Api<S> {
            /// The answer of a route to a caller who may use it.
            pub(super) async fn answer(
                &self,
                id: RouteId,
                call: Call<'_, impl BodySource>,
            ) -> Result<Response, Failure> {
                match id {
                    $(RouteId::$id => answer!(self, call, $body $on.$handler($($from),*)),)*
                }
            }
        }
    };
}

/// The roles of a row.
macro_rules! roles {
    (everyone) => { None };
    ([$($role:ident)+]) => { Some(&[$(Role::$role),+]) };
}

/// The answer of a row: its handler gets the named parts of the call.
macro_rules! answer {
    ($api:expr, $call:ident, Batch $on:ident.$handler:ident($($from:ident),*)) => {{
        let on = on!($api, $on);
        let bytes = $call.body.collect(usize::MAX).await?;
        let Call { id, headers, by, caller, .. } = $call;
        let $call = Call { id, headers, by, caller, body: bytes };
        on.$handler($($call.$from),*).await
    }};
    ($api:expr, $call:ident, Object $on:ident.$handler:ident($($from:ident),*)) => {{
        let on = on!($api, $on);
        let bytes = $call.body.collect(OBJECT_BYTES_MAX).await?;
        let Call { id, headers, by, caller, .. } = $call;
        let $call = Call { id, headers, by, caller, body: &bytes[..] };
        on.$handler($($call.$from),*).await
    }};
    ($api:expr, $call:ident, $body:ident $on:ident.$handler:ident($($from:ident),*)) => {
        on!($api, $on).$handler($($call.$from),*).await
    };
}

/// Whether a row's answer is made by the engine.
macro_rules! needs_engine {
    (ready) => {
        true
    };
    (api) => {
        false
    };
}

/// What has the handlers of a row: the engine once it is there, or the API from the first moment.
macro_rules! on {
    ($api:expr, ready) => {
        $api.ready()?
    };
    ($api:expr, api) => {
        $api
    };
}

routes! {
    // Payments belong to the switch alone: whoever administers does not spend.
    Authorize: POST "/v1/authorizations" Object [Switch] => ready.authorize(body, caller);
    AuthorizeBatch: POST "/v1/authorizations/batch" Batch [Switch] => ready.authorize_batch(headers, body, caller);
    Reverse: POST "/v1/authorizations/{txn_id}/reversals" Object [Switch] => ready.reverse(id, body, caller);
    Hold: POST "/v1/holds" Object [Switch] => ready.hold(body, caller);
    Capture: POST "/v1/holds/{txn_id}/capture" Object [Switch] => ready.capture(id, body, caller);
    Void: POST "/v1/holds/{txn_id}/void" Object [Switch] => ready.void(id, body, caller);
    Quote: POST "/v1/quotes" Object [Switch] => ready.quote(body);

    // Whoever registers citizens and merchants does not see what a wallet holds.
    Register: POST "/v1/registrations" Object [Registrar] => ready.register(body, caller);
    RegisterBatch: POST "/v1/registrations/batch" Batch [Registrar] => ready.register_batch(body, caller);
    ImportEnrollments: POST "/v1/enrollments/import" Lines [Registrar Admin] => ready.import_enrollments(headers, body, caller);
    ImportList: POST "/v1/lists/{list}/import" Lines [Registrar Admin] => ready.import_list(id, headers, body, caller);
    Lists: GET "/v1/lists" Unread [Registrar Admin Viewer] => ready.lists();
    Move: POST "/v1/wallets/{wallet_id}/moves" Object [Registrar Admin] => ready.transfer_person(id, body, by);
    ReplaceWallet: POST "/v1/wallets/{wallet_id}/replacement" Object [Registrar Admin]
        => ready.replace_wallet(id, body, by);
    JoinProgram: POST "/v1/merchants/{merchant_id}/registrations" Object [Registrar Admin]
        => ready.join_program(id, body, by);
    BindPlatform: POST "/v1/merchants/{merchant_id}/platform" Object [Registrar Admin]
        => ready.bind_platform(id, body, by);

    // Policy names nobody, and whoever sends requests must see the rules they are decided by.
    Programs: GET "/v1/programs" Unread [Switch Registrar Settlement Admin Viewer] => ready.programs();
    Program: GET "/v1/programs/{id}" Unread [Switch Registrar Settlement Admin Viewer] => ready.program(id);
    RegistrationProgress: GET "/v1/programs/{id}/registration" Unread [Switch Registrar Settlement Admin Viewer]
        => ready.registration_progress(id, headers);

    // Who pays out holds back, and sees what came back.
    Authorization: GET "/v1/authorizations/{txn_id}" Unread [Settlement Admin Viewer] => ready.authorization(id, caller);
    Merchant: GET "/v1/merchants/{merchant_id}" Unread [Settlement Admin Viewer] => ready.merchant(id);
    Clawbacks: GET "/v1/clawbacks" Unread [Settlement Admin Viewer] => ready.clawbacks();
    Clawback: GET "/v1/clawbacks/{case_id}" Unread [Settlement Admin Viewer] => ready.clawback(id);
    Payouts: GET "/v1/payouts" Unread [Settlement Admin Viewer] => ready.payouts();
    PutAuthorizationPayout: PUT "/v1/authorizations/{txn_id}/payout" Object [Settlement Admin]
        => ready.put_authorization_payout(id, body, by);
    PutMerchantPayout: PUT "/v1/merchants/{merchant_id}/payout" Object [Settlement Admin]
        => ready.put_merchant_payout(id, body, by);
    PayClawback: POST "/v1/clawbacks/{case_id}/payments" Object [Settlement Admin] => ready.pay_clawback(id, body, by);

    Wallet: GET "/v1/wallets/{wallet_id}" Unread [Admin Viewer] => ready.wallet(id);
    Metrics: GET "/metrics" Unread [Admin Viewer] => ready.metrics();

    PutWalletStatus: PUT "/v1/wallets/{wallet_id}/status" Object [Admin] => ready.put_wallet_status(id, body, by);
    PutProgramStatus: PUT "/v1/programs/{id}/status" Object [Admin] => ready.put_program_status(id, body, by);
    ReloadPrograms: POST "/v1/programs/reload" Object [Admin] => ready.reload_programs(body, by);
    PutMerchant: PUT "/v1/merchants/{merchant_id}" Object [Admin] => ready.put_merchant(id, body, by);
    ImportMerchants: POST "/v1/merchants/import" Lines [Admin] => ready.import_merchants(headers, body, caller);
    PutMerchantStatus: PUT "/v1/merchants/{merchant_id}/status" Object [Admin]
        => ready.put_merchant_status(id, body, by);
    WithdrawConsent: POST "/v1/merchants/{merchant_id}/consent-withdrawal" Object [Admin]
        => ready.withdraw_consent(id, body, by);
    PutPersonStatus: PUT "/v1/persons/status" Object [Admin] => ready.put_person_status(body, by);
    ErasePerson: POST "/v1/persons/erase" Object [Admin] => ready.erase_person(body, by);
    OpenClawback: POST "/v1/clawbacks" Object [Admin] => ready.open_clawback(body, by);
    CloseClawback: POST "/v1/clawbacks/{case_id}/close" Object [Admin] => ready.close_clawback(id, body, by);
    PutClock: PUT "/v1/clock" Object [Admin] => ready.put_clock(body);
    TakeSnapshot: POST "/v1/snapshots" Unread [Admin] => ready.take_snapshot();

    Health: GET "/healthz" Unread everyone => api.health();
    Readiness: GET "/readyz" Unread everyone => ready.readiness();
    Openapi: GET "/openapi.json" Unread everyone => api.openapi();
}
