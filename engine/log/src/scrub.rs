//! Reading once more what was written for good, so that bits that turned are found before somebody needs them.

use std::ops::ControlFlow;

/// Damage that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScrubFinding {
    /// Relative to the data folder.
    pub file: String,
    /// Where in it, in bytes.
    pub offset: u64,
    pub what: String,
}

/// Who has files read once more.
pub trait ScrubMonitor {
    /// So many bytes were read since it was told last: says whether to go on, and may pause before it does.
    fn read(&mut self, bytes: u64) -> ControlFlow<()>;

    /// There is damage. It is told of once in a pass.
    fn found(&mut self, finding: ScrubFinding);
}
