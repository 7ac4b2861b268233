//! Whether something keeps the machine's clock right, as the kernel knows it: the engine tells a clock that jumps or does not fit the
//! journal, and cannot tell one that is a few hours off.

use anyhow::bail;

/// Whether a time daemon (NTP, PTP) has set the kernel's clock lately; `None` when the kernel does not say.
pub fn keeps_the_clock() -> Option<bool> {
    // SAFETY: `timex` is made of integers, for which zeros are a value.
    let mut asked: libc::timex = unsafe { core::mem::zeroed() };
    // SAFETY: it writes to `asked` alone, which is ours; with `modes` 0 it sets nothing.
    match unsafe { libc::adjtimex(&raw mut asked) } {
        -1 => None,
        _ => Some(asked.status & libc::STA_UNSYNC == 0),
    }
}

/// What a start under a real clock has to warn of.
///
/// # Errors
/// When a clock that somebody keeps is asked for, and nobody is known to keep it.
pub fn check(keeps: Option<bool>, is_required: bool) -> anyhow::Result<Option<&'static str>> {
    let what = match keeps {
        Some(true) => return Ok(None),
        Some(false) => "the kernel calls the clock unsynchronized: no time daemon keeps it",
        None => "the kernel does not say whether a time daemon keeps the clock",
    };
    if is_required {
        bail!(
            "--require-synced-clock: {what}. Start one (chrony, systemd-timesyncd), and wait until it has set the clock"
        );
    }
    Ok(Some(what))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_clock_that_nobody_keeps_is_a_warning_or_a_refusal() {
        assert_eq!(check(Some(true), true).unwrap(), None);
        for keeps in [Some(false), None] {
            assert!(check(keeps, false).unwrap().is_some());
            let refused = check(keeps, true).unwrap_err().to_string();
            assert!(refused.starts_with("--require-synced-clock: "), "{refused}");
        }
    }
}
