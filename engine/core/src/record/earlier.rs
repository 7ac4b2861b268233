//! What a citizen's earlier right in a programme leaves to the one that a record grants or changes.

use crate::ids::WalletId;

/// What an earlier right of the citizen in the same programme leaves to a new one. It is one of the two: a right that was used
/// does not lapse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// It lapsed unused, and the new one takes its place in the count. It was held through this wallet.
    Lapsed(WalletId),
    /// It was used: the citizen goes on drawing on the room of this wallet, which is another one than the new right's.
    Used {
        /// The citizen's home wallet in the programme.
        home: WalletId,
    },
}

impl Earlier {
    /// Whether a right was used; and the wallet's number plus 1, 0 for none: as records keep it.
    pub(super) fn to_number(earlier: Option<Earlier>) -> (bool, u64) {
        match earlier {
            None => (false, 0),
            Some(Earlier::Lapsed(wallet)) => (false, wallet.number() + 1),
            Some(Earlier::Used { home }) => (true, home.number() + 1),
        }
    }

    /// What [`Earlier::to_number`] made; the number was checked when the record was read.
    pub(super) fn from_number(used: bool, number: u64) -> Option<Earlier> {
        let wallet = number.checked_sub(1).map(WalletId::from_number)?;
        Some(match used {
            false => Earlier::Lapsed(wallet),
            true => Earlier::Used { home: wallet },
        })
    }

    /// The wallet of a right that lapsed.
    pub fn lapsed(self) -> Option<WalletId> {
        match self {
            Earlier::Lapsed(wallet) => Some(wallet),
            Earlier::Used { .. } => None,
        }
    }

    /// The citizen's home wallet.
    pub fn home(self) -> Option<WalletId> {
        match self {
            Earlier::Lapsed(_) => None,
            Earlier::Used { home } => Some(home),
        }
    }
}
