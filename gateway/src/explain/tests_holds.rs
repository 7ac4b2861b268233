//! The pages of holds, and of what a household shares and several sources pay, word by word.

use super::tests::{answer, check, render, wallet};
use expect_test::expect;
use serde_json::{Value, json};

/// An order of 250 baht, held until half past nine.
fn held(hold: &str) -> Value {
    let mut answer = answer("approved", 13_200, None);
    answer["citizen_amount"] = json!(11_800);
    answer["left"] = json!(25_000);
    answer["expires_at"] = json!("2026-06-15T09:35:00.123+07:00");
    answer["hold"] = json!(hold);
    let told = &mut answer["explanation"];
    (told["amount"], told["eligible_amount"], told["share_before_caps"]) =
        (json!(25_000), json!(22_000), json!(13_200));
    told["channel"] = json!("delivery");
    answer
}

/// What is told of a hold's fate, in both languages.
fn fate(answer: &Value) -> String {
    let page = render(answer, Some(&wallet()));
    let told = |line: &&str| {
        ["กันวงเงิน", "เรียกเก็บ", "hold", "captured"]
            .iter()
            .any(|word| line.contains(word))
    };
    page.lines().filter(told).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_open_hold_has_not_been_paid() {
    check(
        &held("open"),
        Some(&wallet()),
        expect![[r#"
        รายการ 0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10
        โครงการ ไทยช่วยไทย พลัส 60/40 กระเป๋าเงินลงท้ายด้วย 5678
        สั่งซื้อผ่านบริการส่งอาหาร ร้านค้าเลขที่ 010555012345678 เมื่อ 15 มิถุนายน 2569 เวลา 09:05 น.
        ยอดซื้อ 250.00 บาท ส่วนที่รัฐร่วมจ่ายได้ 220.00 บาท
        ผล: อนุมัติและกันวงเงินไว้ ส่วนของรัฐ 132.00 บาท ส่วนของประชาชน 118.00 บาท
          รัฐร่วมจ่าย 60% ของ 220.00 บาท คิดเป็น 132.00 บาท
          วงเงินที่เหลือก่อนซื้อ: รายวัน 200.00 บาท · รายเดือน 1,000.00 บาท
          วงเงินเหลือพอ รัฐจึงจ่ายเต็มส่วน
        กันวงเงินไว้ถึง 15 มิถุนายน 2569 เวลา 09:35 น. ยังไม่มีการจ่ายเงินจนกว่าจะเรียกเก็บ
        สิทธิคงเหลือในขณะนี้: วันนี้ 123.45 บาท · เดือนนี้ 800.00 บาท
        หลักเกณฑ์: Letter C, May 2569 (ฉบับ 9f86d081884c)

        Purchase 0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10
        Programme Thai Chuai Thai Plus 60/40, wallet ending in 5678
        Ordered through food delivery at merchant 010555012345678 on 15 June 2026 at 09:05
        Bill 250.00 baht, of which the state may share 220.00 baht
        Result: approved and held. Of the state 132.00 baht, of the citizen 118.00 baht
          The state's share is 60% of 220.00 baht: 132.00 baht
          Room left before: 200.00 baht for the day, 1,000.00 baht for the month
          There was room enough, so the state pays its whole share
        Held until 15 June 2026 at 09:35; nothing is paid before it is captured
        Left at this moment: 123.45 baht today, 800.00 baht this month
        Rule: Letter C, May 2569 (version 9f86d081884c)
    "#]],
    );
}

#[test]
fn a_hold_that_was_captured_less_and_refunded_since() {
    let mut answer = held("captured");
    answer["reversals"] = json!([
        { "act": "capture", "business_date": "2026-06-15", "sequence": 8, "cause": null, "state_amount": 2_640, "citizen_amount": 2_360, "left": 20_000,
          "decided_at": "2026-06-15T09:20:00.000+07:00" },
        { "act": "reversal", "business_date": "2026-06-15", "sequence": 8, "cause": "customer_refund", "state_amount": 5_280, "citizen_amount": 4_720, "left": 10_000,
          "decided_at": "2026-06-16T10:00:00.000+07:00" },
    ]);
    answer["left"] = json!(10_000);
    check(
        &answer,
        Some(&wallet()),
        expect![[r#"
            รายการ 0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10
            โครงการ ไทยช่วยไทย พลัส 60/40 กระเป๋าเงินลงท้ายด้วย 5678
            สั่งซื้อผ่านบริการส่งอาหาร ร้านค้าเลขที่ 010555012345678 เมื่อ 15 มิถุนายน 2569 เวลา 09:05 น.
            ยอดซื้อ 250.00 บาท ส่วนที่รัฐร่วมจ่ายได้ 220.00 บาท
            ผล: อนุมัติและกันวงเงินไว้ ส่วนของรัฐ 132.00 บาท ส่วนของประชาชน 118.00 บาท
              รัฐร่วมจ่าย 60% ของ 220.00 บาท คิดเป็น 132.00 บาท
              วงเงินที่เหลือก่อนซื้อ: รายวัน 200.00 บาท · รายเดือน 1,000.00 บาท
              วงเงินเหลือพอ รัฐจึงจ่ายเต็มส่วน
            เรียกเก็บตามวงเงินที่กันไว้แล้ว เงินจ่ายเมื่อเรียกเก็บ
            หลังจากนั้น:
              15 มิถุนายน 2569 เวลา 09:20 น. เรียกเก็บ 200.00 บาท ส่วนที่เหลือไม่มีการจ่ายเงิน
              16 มิถุนายน 2569 เวลา 10:00 น. คืนเงินให้ลูกค้า: คืนรัฐ 52.80 บาท คืนประชาชน 47.20 บาท
              ยอดซื้อที่ยังไม่ได้คืน 100.00 บาท
            สิทธิคงเหลือในขณะนี้: วันนี้ 123.45 บาท · เดือนนี้ 800.00 บาท
            หลักเกณฑ์: Letter C, May 2569 (ฉบับ 9f86d081884c)

            Purchase 0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10
            Programme Thai Chuai Thai Plus 60/40, wallet ending in 5678
            Ordered through food delivery at merchant 010555012345678 on 15 June 2026 at 09:05
            Bill 250.00 baht, of which the state may share 220.00 baht
            Result: approved and held. Of the state 132.00 baht, of the citizen 118.00 baht
              The state's share is 60% of 220.00 baht: 132.00 baht
              Room left before: 200.00 baht for the day, 1,000.00 baht for the month
              There was room enough, so the state pays its whole share
            The hold was captured: that is when it was paid
            Since then:
              15 June 2026 at 09:20, captured 200.00 baht; of the rest nothing was paid
              16 June 2026 at 10:00, refund to the customer: 52.80 baht to the state, 47.20 baht to the citizen
              Of the bill, 100.00 baht is not given back
            Left at this moment: 123.45 baht today, 800.00 baht this month
            Rule: Letter C, May 2569 (version 9f86d081884c)
        "#]],
    );
}

#[test]
fn a_hold_that_was_voided_or_ran_out_was_never_paid() {
    let mut voided = held("voided");
    voided["left"] = json!(0);
    voided["reversals"] = json!([{ "act": "void", "business_date": "2026-06-15", "sequence": 8, "cause": null, "state_amount": 13_200, "citizen_amount": 11_800, "left": 0,
        "decided_at": "2026-06-15T09:20:00.000+07:00" }]);
    let mut expired = held("expired");
    expired["left"] = json!(0);
    expect![[r#"
        ผล: อนุมัติและกันวงเงินไว้ ส่วนของรัฐ 132.00 บาท ส่วนของประชาชน 118.00 บาท
        ยกเลิกการกันวงเงินแล้ว ไม่มีการจ่ายเงิน และได้วงเงินคืนแล้ว
          15 มิถุนายน 2569 เวลา 09:20 น. ยกเลิกการกันวงเงิน
        The hold was voided: nothing was paid, and the room is free again
          15 June 2026 at 09:20, the hold was voided

        ผล: อนุมัติและกันวงเงินไว้ ส่วนของรัฐ 132.00 บาท ส่วนของประชาชน 118.00 บาท
        การกันวงเงินสิ้นสุดเมื่อ 15 มิถุนายน 2569 เวลา 09:35 น. โดยไม่มีการเรียกเก็บ ไม่มีการจ่ายเงิน และได้วงเงินคืนแล้ว
        The hold ended on 15 June 2026 at 09:35 without a capture: nothing was paid, and the room is free again
    "#]].assert_eq(&format!("{}\n\n{}\n", fate(&voided), fate(&expired)));
}

#[test]
fn a_declined_hold_is_read_as_any_decline() {
    let mut answer = answer("outside_hours", 0, None);
    answer["expires_at"] = json!("2026-06-15T09:35:00.123+07:00");
    let page = render(&answer, Some(&wallet()));
    assert!(
        page.contains("ผล: ไม่อนุมัติ") && page.contains("Result: declined"),
        "{page}"
    );
    assert!(
        !page.contains("Held until") && !page.contains("กันวงเงิน"),
        "{page}"
    );
}

#[test]
fn what_a_household_shares_and_several_sources_pay() {
    let mut answer = answer("approved", 35_000, None);
    answer["funding"] =
        json!([{ "source": "base", "amount": 30_000 }, { "source": "top-up", "amount": 5_000 }]);
    answer["citizen_amount"] = json!(0);
    answer["left"] = json!(35_000);
    let told = &mut answer["explanation"];
    told["household_id"] = json!("000000000001042");
    (told["program_name_th"], told["program_name_en"]) =
        (json!("บัตรสวัสดิการแห่งรัฐ"), json!("State Welfare Card"));
    (told["amount"], told["eligible_amount"], told["share_before_caps"]) =
        (json!(35_000), json!(35_000), json!(35_000));
    (told["state_percent"], told["caps"], told["room_before"]) = (
        json!(100),
        json!({ "month": 100_000 }),
        json!({ "month": 100_000 }),
    );
    check(
        &answer,
        Some(&wallet()),
        expect![[r#"
        รายการ 0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10
        โครงการ บัตรสวัสดิการแห่งรัฐ กระเป๋าเงินลงท้ายด้วย 5678
        ซื้อที่หน้าร้าน ร้านค้าเลขที่ 010555012345678 เมื่อ 15 มิถุนายน 2569 เวลา 09:05 น.
        ยอดซื้อ 350.00 บาท ส่วนที่รัฐร่วมจ่ายได้ 350.00 บาท
        ผล: อนุมัติ รัฐจ่าย 350.00 บาท ประชาชนจ่าย 0.00 บาท
          รัฐร่วมจ่าย 100% ของ 350.00 บาท คิดเป็น 350.00 บาท
          วงเงินที่เหลือก่อนซื้อ ซึ่งครัวเรือนเลขลงท้ายด้วย 1042 ใช้ร่วมกัน: รายเดือน 1,000.00 บาท
          วงเงินเหลือพอ รัฐจึงจ่ายเต็มส่วน
          ส่วนของรัฐมาจาก: base 300.00 บาท · top-up 50.00 บาท
        สิทธิของครัวเรือนคงเหลือในขณะนี้: วันนี้ 123.45 บาท · เดือนนี้ 800.00 บาท
        หลักเกณฑ์: Letter C, May 2569 (ฉบับ 9f86d081884c)

        Purchase 0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10
        Programme State Welfare Card, wallet ending in 5678
        Bought in the shop at merchant 010555012345678 on 15 June 2026 at 09:05
        Bill 350.00 baht, of which the state may share 350.00 baht
        Result: approved. The state paid 350.00 baht, the citizen 0.00 baht
          The state's share is 100% of 350.00 baht: 350.00 baht
          Room left before for the household ending in 1042, which shares it: 1,000.00 baht for the month
          There was room enough, so the state paid its whole share
          The state's part came from: 300.00 baht from base, 50.00 baht from top-up
        Left for the household at this moment: 123.45 baht today, 800.00 baht this month
        Rule: Letter C, May 2569 (version 9f86d081884c)
    "#]],
    );
    let page = render(&answer, Some(&wallet()));
    assert!(
        !page.contains("000000000001042"),
        "a full household id is read out: {page}"
    );
}
