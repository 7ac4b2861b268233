//! The desk.

use super::Failure;
use crate::wire::problem::Problem;
use satang_core::desk::DeskRefusal;

/// What is answered when the desk does not decide so.
pub(super) fn refused(refusal: DeskRefusal) -> Failure {
    Problem::new(
        409,
        refusal.name(),
        "The desk does not decide so.",
        refusal.name().to_owned(),
    )
    .into()
}
