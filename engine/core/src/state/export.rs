//! The little language of snapshots: numbers of 64 bits, and runs of fixed-size entries behind their count.
//!
//! What is taken from a snapshot was checked by its hash; a length that does not fit still gives `None`, never a panic.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Appends a number.
pub(crate) fn number(to: &mut Vec<u8>, number: u64) {
    to.extend_from_slice(&number.to_le_bytes());
}

/// Appends a number of 128 bits.
pub(crate) fn large_number(to: &mut Vec<u8>, large: u128) {
    number(to, large as u64);
    number(to, (large >> 64) as u64);
}

/// Appends `len` entries, each a multiple of 8 bytes.
pub(crate) fn entries<E: IntoBytes + Immutable>(
    to: &mut Vec<u8>,
    len: usize,
    entries: impl Iterator<Item = E>,
) {
    const { assert!(size_of::<E>().is_multiple_of(8)) };
    number(to, len as u64);
    to.reserve(len * size_of::<E>());
    let before = to.len();
    entries.for_each(|entry| to.extend_from_slice(entry.as_bytes()));
    assert_eq!(
        to.len() - before,
        len * size_of::<E>(),
        "as many entries as announced"
    );
}

/// Takes a number.
pub(crate) fn take_number(from: &mut &[u8]) -> Option<u64> {
    take_bytes(from, 8).map(|bytes| u64::from_le_bytes(bytes.try_into().expect("eight bytes")))
}

/// Takes a number of 128 bits.
pub(crate) fn take_large_number(from: &mut &[u8]) -> Option<u128> {
    let low = take_number(from)?;
    Some(u128::from(take_number(from)?) << 64 | u128::from(low))
}

/// Takes entries. `from` must begin at an address that is a multiple of 8.
pub(crate) fn take_entries<'b, E: FromBytes + KnownLayout + Immutable>(
    from: &mut &'b [u8],
) -> Option<&'b [E]> {
    let len = usize::try_from(take_number(from)?).ok()?;
    let bytes = take_bytes(from, len.checked_mul(size_of::<E>())?)?;
    <[E]>::ref_from_bytes_with_elems(bytes, len).ok()
}

/// Takes `len` bytes.
pub(crate) fn take_bytes<'b>(from: &mut &'b [u8], len: usize) -> Option<&'b [u8]> {
    let (taken, rest) = from.split_at_checked(len)?;
    *from = rest;
    Some(taken)
}
