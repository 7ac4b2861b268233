//! The machine's clock where nothing is decided by it: in log lines, and for audit.log where the engine gives no time.

use satang_core::calendar::Instant;
use std::time::{SystemTime, UNIX_EPOCH};

/// The machine's time. A simulated clock shows in answers, not here. A clock without sense shows a bound of the calendar.
pub(crate) fn machine_time() -> Instant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let ms = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    Instant::from_unix_ms(ms.min(Instant::MAX.unix_ms()))
}
