//! What a snapshot does with the directory of 100,000 merchants and 10,000 cases, half of them with a payment: writing it, under
//! the directory's lock, and reading it.

use criterion::{Criterion, criterion_group, criterion_main};
use satang_bench::rig::{HASH_SEED, NOON};
use satang_core::ids::{CaseId, MerchantId, Name, PaymentId};
use satang_core::money::Satang;
use satang_core::programme::Category;
use satang_core::record::{CaseOpened, CasePaid, Debtor, Merchant, NameNumber, NameRecord, Record, Status};
use satang_core::state::directory::{AuditStamp, Directory};
use satang_core::state::hash::HashSeed;
use std::hint::black_box;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MERCHANTS: u64 = 100_000;
const CASES: u64 = 10_000;

fn directory() -> Directory {
    let mut directory = Directory::new(HashSeed::from_bytes(HASH_SEED));
    let mut sequence = 0;
    let mut apply = |record: &Record| {
        sequence += 1;
        let made = AuditStamp {
            sequence,
            at: NOON,
            caller: NameNumber(1),
        };
        directory.apply(record, &made).expect("a record that fits");
    };
    for (name, number) in ["an-operator", "a-programme", "store"].into_iter().zip(1..) {
        let name = Name::parse(name).expect("a name");
        let number = NameNumber(number);
        apply(&Record::Name(NameRecord { number, name }));
    }
    for id in 0..MERCHANTS {
        apply(&Record::Merchant(Merchant {
            id: MerchantId::from_number(id),
            category: Category::FoodDrink,
            status: Status::Active,
            programs: vec![NameNumber(2)],
            channels: vec![NameNumber(3)],
            name: format!("ร้านที่ {id}"),
            province: None,
            bank_account: None,
            account_name: None,
        }));
    }
    for id in 0..CASES {
        let case = CaseId::from_bits(u128::from(id) << 64 | 0x8000_0000_0000_0000);
        apply(&Record::CaseOpened(CaseOpened {
            case,
            debtor: Debtor::Merchant(MerchantId::from_number(id * 7)),
            owed: Satang::from_baht(200),
            letter: NOON.business_date(),
            reason: "ขายบัตรเติมเงินแทนสินค้า พบจากการตรวจสอบ".into(),
        }));
        if id % 2 == 0 {
            apply(&Record::CasePaid(CasePaid {
                case,
                payment: PaymentId::from_bits(u128::from(id) << 64 | 0x8000_0000_0000_0001),
                amount: Satang::from_baht(50),
                reason: "โอนเข้าบัญชีกรมบัญชีกลาง".into(),
            }));
        }
    }
    directory
}

fn snapshots(criterion: &mut Criterion) {
    let directory = directory();
    let mut bytes = Vec::new();
    directory.export(&mut bytes);
    eprintln!("{} bytes", bytes.len());
    let read = Directory::import(&bytes, HashSeed::from_bytes(HASH_SEED)).expect("what was written");
    assert_eq!(read.digest(), directory.digest());
    let mut group = criterion.benchmark_group("directory in a snapshot");
    group.sample_size(20);
    group.bench_function("write", |bencher| {
        bencher.iter(|| {
            bytes.clear();
            directory.export(black_box(&mut bytes));
        });
    });
    group.bench_function("read", |bencher| {
        bencher
            .iter_with_large_drop(|| Directory::import(black_box(&bytes), HashSeed::from_bytes(HASH_SEED)));
    });
    group.finish();
}

criterion_group!(benches, snapshots);
criterion_main!(benches);
