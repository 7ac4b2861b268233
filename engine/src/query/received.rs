//! What merchants received of the state's money, counted from the journal: nothing that decides needs it, so no memory is kept for it.

use satang_core::ids::MerchantId;
use satang_core::money::Satang;
use satang_core::record::{
    AuthorizationRecord, Closing, Record, RecordError, RecordHeader, RecordKind, ReversalRecord, extra_of,
};
use satang_log::log::{Cursor, LogError};
use std::collections::BTreeMap;

/// What each merchant received of the state's money in front of a record of its own, over all programmes, in satang: the state's part
/// of approved authorizations and of captures, less what refunds gave back. A hold that was not captured is nothing yet. The records
/// are durable.
pub fn received_by(
    cursor: &mut impl Cursor,
    merchants: &BTreeMap<MerchantId, u64>,
) -> Result<BTreeMap<MerchantId, Satang>, LogError> {
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
    while cursor.next_sequence() <= through
        && let Some(frame) = cursor.next_frame()?
    {
        for (_, header, bytes) in frame.records() {
            counter.take(&header, bytes).map_err(|why| LogError::Damaged {
                file: cursor.describe(header.sequence),
                offset: 0,
                sequence: header.sequence,
                what: why.to_string(),
            })?;
        }
    }
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

    fn take(&mut self, header: &RecordHeader, bytes: &[u8]) -> Result<(), RecordError> {
        match RecordKind::from_number(header.kind) {
            Some(RecordKind::Authorization) => {
                let record = AuthorizationRecord::view(bytes)?;
                if let Some(satang) = self.of(record.merchant(), header)
                    && record.approved()
                    && extra_of(record, bytes).expires().is_none()
                {
                    *satang += i128::from(record.state().get());
                }
            }
            Some(RecordKind::Capture | RecordKind::Reversal) => match Record::decode(header, bytes)? {
                Record::Capture(record) => {
                    if let Some(satang) = self.of(record.merchant(), header) {
                        *satang += i128::from(record.captured().0.get());
                    }
                }
                Record::Reversal(record) => self.give_back(header, &record),
                _ => {}
            },
            _ => {}
        }
        Ok(())
    }
}
