//! What merchants received of the state's money, counted from the journal: nothing that decides needs it, so no memory is kept for it.

use crate::journal::{ScanError, Visitor, scan_through};
use crate::storage::Storage;
use satang_core::ids::MerchantId;
use satang_core::money::Satang;
use satang_core::record::{
    AuthorizationRecord, Closing, Position, Record, RecordHeader, RecordKind, ReversalRecord, extra_of,
};
use std::collections::BTreeMap;

/// What each merchant received of the state's money in front of a record of its own, over all programmes, in satang: the state's part
/// of approved authorizations and of captures, less what refunds gave back. A hold that was not captured is nothing yet. The records
/// are durable.
///
/// # Errors
/// [`ScanError`].
pub fn received_by<S: Storage>(
    storage: &S,
    merchants: &BTreeMap<MerchantId, u64>,
) -> Result<BTreeMap<MerchantId, Satang>, ScanError> {
    let of_each = merchants.iter().map(|(merchant, before)| {
        let counting = Counting {
            before: *before,
            satang: 0,
        };
        (*merchant, counting)
    });
    let mut counter = Counter {
        merchants: of_each.collect(),
    };
    let through = merchants.values().max().copied().unwrap_or(0);
    scan_through(storage, through, &mut counter)?;
    let counted = counter.merchants.into_iter();
    Ok(counted
        .map(|(merchant, counting)| {
            let satang = u64::try_from(counting.satang).unwrap_or(0);
            (merchant, Satang::new(satang))
        })
        .collect())
}

struct Counter {
    merchants: BTreeMap<MerchantId, Counting>,
}

struct Counting {
    before: u64,
    /// Below zero in a journal that gives back what was never received: no money, but a finding of whoever verifies it.
    satang: i128,
}

impl Counter {
    /// The merchant's sum, when the record counts for it.
    fn of(&mut self, merchant: MerchantId, header: &RecordHeader) -> Option<&mut i128> {
        let counting = self.merchants.get_mut(&merchant)?;
        (header.sequence < counting.before).then_some(&mut counting.satang)
    }

    fn give_back(&mut self, header: &RecordHeader, record: &ReversalRecord) {
        // What voids a hold gives back room, and no money.
        if record.gives_back()
            && record.closes() != Some(Closing::Voided)
            && let Some(satang) = self.of(record.merchant(), header)
        {
            *satang -= i128::from(record.state().get());
        }
    }
}

impl Visitor for Counter {
    fn record(&mut self, header: &RecordHeader, bytes: &[u8], _: Position) -> Result<(), String> {
        let told = |error: satang_core::record::RecordError| error.to_string();
        match RecordKind::from_number(header.kind) {
            Some(RecordKind::Authorization) => {
                let record = AuthorizationRecord::view(bytes).map_err(told)?;
                if let Some(satang) = self.of(record.merchant(), header)
                    && record.approved()
                    && extra_of(record, bytes).expires().is_none()
                {
                    *satang += i128::from(record.state().get());
                }
            }
            Some(RecordKind::Capture | RecordKind::Reversal) => {
                match Record::decode(header, bytes).map_err(told)? {
                    Record::Capture(record) => {
                        if let Some(satang) = self.of(record.merchant(), header) {
                            *satang += i128::from(record.captured().0.get());
                        }
                    }
                    Record::Reversal(record) => self.give_back(header, &record),
                    _ => {}
                }
            }
            _ => {}
        }
        Ok(())
    }
}
