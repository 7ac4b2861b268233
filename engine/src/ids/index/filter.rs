//! Which ids a day may have: a Bloom filter in blocks of 256 bits, so that a look touches one cache line.
//!
//! An id sets one bit in each of the eight lanes of one block (split blocks: Putze, Sanders, Singler, "Cache-, Hash- and
//! Space-Efficient Bloom Filters", 2007; the multipliers are those of Apache Parquet). With 16 bits per id, about one absent id
//! in 800 seems to be there.

use satang_core::state::hash::hash_word;
use satang_core::state::table::prefetch_line;
use satang_log::storage::PAGE_BYTES;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Half a cache line, which no block crosses.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C, align(32))]
struct Block([u32; 8]);

/// How many blocks a page of the file has.
pub const BLOCKS_PER_PAGE: usize = PAGE_BYTES / size_of::<Block>();

/// 256 bits of a block for 16 entries.
const ENTRIES_PER_BLOCK: u64 = 16;

/// Odd numbers that make eight bits of one hash.
const LANES: [u32; 8] = [
    0x47b6_137b,
    0x4497_4d91,
    0x8824_ad5b,
    0xa2b7_289d,
    0x7054_95c7,
    0x2df1_424b,
    0x9efc_4947,
    0x5c6b_fb31,
];

/// How many blocks a filter of so many entries has; `None` when none can.
pub fn blocks_for(entries: u64) -> Option<u32> {
    u32::try_from(entries.div_ceil(ENTRIES_PER_BLOCK)).ok()
}

/// The filter of one day.
pub struct Filter {
    /// With zeros behind them to the end of a page of the file.
    blocks: Vec<Block>,
    /// How many are in use.
    used: u32,
}

impl Filter {
    /// An empty filter of so many blocks.
    pub fn with_blocks(used: u32) -> Filter {
        let padded = (used as usize).next_multiple_of(BLOCKS_PER_PAGE);
        Filter {
            blocks: vec![Block([0; 8]); padded],
            used,
        }
    }

    /// Its bytes in the file: whole pages.
    pub fn as_bytes(&self) -> &[u8] {
        self.blocks.as_bytes()
    }

    /// The same, to be read into.
    pub fn as_mut_bytes(&mut self) -> &mut [u8] {
        self.blocks.as_mut_bytes()
    }

    /// Adds an id with this hash.
    pub fn insert(&mut self, hash: u64) {
        let (at, bits) = self.place(hash);
        let block = &mut self.blocks[at].0;
        for (lane, bit) in block.iter_mut().zip(bits) {
            *lane |= bit;
        }
    }

    /// Whether an id with this hash may have been added; never false for one that was.
    #[inline]
    pub fn may_hold(&self, hash: u64) -> bool {
        let (at, bits) = self.place(hash);
        let Some(Block(block)) = self.blocks.get(at) else {
            return false; // an empty filter
        };
        let missing = block
            .iter()
            .zip(bits)
            .fold(0, |sum, (lane, bit)| sum | (!lane & bit));
        missing == 0
    }

    /// Asks the processor to fetch what [`Filter::may_hold`] will read.
    #[inline]
    pub fn prefetch(&self, hash: u64) {
        if let Some(block) = self.blocks.get(self.place(hash).0) {
            prefetch_line(block);
        }
    }

    /// Bytes of memory.
    pub fn memory_bytes(&self) -> usize {
        self.blocks.capacity() * size_of::<Block>()
    }

    /// The block and the bits of an id. Its hash chose shard and page, so it is mixed once more.
    #[inline]
    fn place(&self, hash: u64) -> (usize, [u32; 8]) {
        let mixed = hash_word(hash);
        let block = ((mixed >> 32) * u64::from(self.used)) >> 32;
        let bits = LANES.map(|lane| 1 << ((mixed as u32).wrapping_mul(lane) >> 27));
        (block as usize, bits)
    }
}
