//! The pages, word by word.

use super::page;
use super::story::Story;
use expect_test::{Expect, expect};
use satang_api::Wallet;
use satang_core::outcome::Reason;
use serde_json::{Value, json};

/// The most lines a page may have: more is read aloud to nobody.
const LINES_MAX: usize = 40;

const WALLET: &str = "004999912345678";

fn explanation() -> Value {
    json!({
        "program": "thai-chuai-thai-plus-6040", "program_name_th": "ไทยช่วยไทย พลัส 60/40",
        "program_name_en": "Thai Chuai Thai Plus 60/40", "wallet_id": WALLET,
        "merchant_id": "010555012345678", "channel": "store", "amount": 250_000, "eligible_amount": 220_000,
        "benefit": "co-pay", "state_percent": 60, "share_before_caps": 132_000,
        "caps": { "day": 20_000, "month": 100_000 }, "room_before": { "day": 20_000, "month": 100_000 },
        "spending": [{ "benefit": "co-pay", "from": "2026-06-01", "to": "2026-09-30", "hours": "06:00-23:00" }],
        "rule_version": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "rule_source": "Letter C, May 2569",
    })
}

pub(super) fn answer(reason: &str, state: u64, limited_by: Option<&str>) -> Value {
    json!({
        "txn_id": "0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10", "reason": reason, "response_code": "00",
        "decision": if reason == "approved" { "approved" } else { "declined" }, "business_date": "2026-06-15",
        "sequence": 7, "replayed": false, "state_amount": state,
        "citizen_amount": if reason == "approved" { 250_000 - state } else { 0 }, "limited_by": limited_by,
        "decided_at": "2026-06-15T09:05:00.123+07:00", "left": if reason == "approved" { 250_000 } else { 0 },
        "reversals": [], "has_earlier_reversals": false, "explanation": explanation(),
    })
}

pub(super) fn wallet() -> Value {
    json!({ "wallet_id": WALLET, "status": "active", "programs": [{
        "registered_at": "2026-06-01T00:00:00+07:00", "first_use_by": null, "lapsed": false, "tier": null,
        "household_id": null, "program": "thai-chuai-thai-plus-6040", "usable_from": "2026-07-01",
        "benefits": [{ "benefit": "co-pay", "remaining": { "day": 12_345, "month": 80_000 } }],
    }] })
}

pub(super) fn render(answer: &Value, wallet: Option<&Value>) -> String {
    let story = Story::read(serde_json::from_value(answer.clone()).unwrap()).unwrap();
    let wallet: Option<Wallet> = wallet.map(|wallet| serde_json::from_value(wallet.clone()).unwrap());
    let page = page(&story, wallet.as_ref());
    assert!(page.lines().count() <= LINES_MAX, "{page}");
    assert!(!page.contains(WALLET), "a full wallet id is read out: {page}");
    page
}

#[track_caller]
pub(super) fn check(answer: &Value, wallet: Option<&Value>, expected: Expect) {
    expected.assert_eq(&render(answer, wallet));
}

/// Of a decline, what differs: the reason and the sentence that explains it, in both languages.
#[track_caller]
fn check_reasons(answer: impl Fn(Reason) -> Value, reasons: &[Reason], expected: Expect) {
    let mut told = String::new();
    for reason in reasons {
        let page = render(&answer(*reason), Some(&wallet()));
        let lines: Vec<&str> = page.lines().collect();
        for start in ["ผล", "Result"] {
            let at = lines.iter().position(|line| line.starts_with(start)).unwrap();
            told += &format!("{}\n{}\n", lines[at], lines[at + 1]);
        }
    }
    expected.assert_eq(&told);
}

/// Declined before a benefit was found.
fn early(reason: Reason) -> Value {
    let mut answer = answer(reason.name(), 0, None);
    for unknown in [
        "benefit",
        "state_percent",
        "share_before_caps",
        "caps",
        "room_before",
    ] {
        answer["explanation"][unknown] = Value::Null;
    }
    answer
}

/// Declined with a benefit at hand.
fn late(reason: Reason) -> Value {
    answer(reason.name(), 0, None)
}

#[test]
fn a_whole_share() {
    let mut answer = answer("approved", 13_200, None);
    answer["citizen_amount"] = json!(11_800);
    answer["left"] = json!(25_000);
    let told = &mut answer["explanation"];
    (told["amount"], told["eligible_amount"], told["share_before_caps"]) =
        (json!(25_000), json!(22_000), json!(13_200));
    check(
        &answer,
        Some(&wallet()),
        expect![[r#"
        รายการ 0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10
        โครงการ ไทยช่วยไทย พลัส 60/40 กระเป๋าเงินลงท้ายด้วย 5678
        ซื้อที่หน้าร้าน ร้านค้าเลขที่ 010555012345678 เมื่อ 15 มิถุนายน 2569 เวลา 09:05 น.
        ยอดซื้อ 250.00 บาท ส่วนที่รัฐร่วมจ่ายได้ 220.00 บาท
        ผล: อนุมัติ รัฐจ่าย 132.00 บาท ประชาชนจ่าย 118.00 บาท
          รัฐร่วมจ่าย 60% ของ 220.00 บาท คิดเป็น 132.00 บาท
          วงเงินที่เหลือก่อนซื้อ: รายวัน 200.00 บาท · รายเดือน 1,000.00 บาท
          วงเงินเหลือพอ รัฐจึงจ่ายเต็มส่วน
        สิทธิคงเหลือในขณะนี้: วันนี้ 123.45 บาท · เดือนนี้ 800.00 บาท
        หลักเกณฑ์: Letter C, May 2569 (ฉบับ 9f86d081884c)

        Purchase 0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10
        Programme Thai Chuai Thai Plus 60/40, wallet ending in 5678
        Bought in the shop at merchant 010555012345678 on 15 June 2026 at 09:05
        Bill 250.00 baht, of which the state may share 220.00 baht
        Result: approved. The state paid 132.00 baht, the citizen 118.00 baht
          The state's share is 60% of 220.00 baht: 132.00 baht
          Room left before: 200.00 baht for the day, 1,000.00 baht for the month
          There was room enough, so the state paid its whole share
        Left at this moment: 123.45 baht today, 800.00 baht this month
        Rule: Letter C, May 2569 (version 9f86d081884c)
    "#]],
    );
}

#[test]
fn a_share_that_a_cap_cut() {
    check(
        &answer("approved", 20_000, Some("day")),
        Some(&wallet()),
        expect![[r#"
            รายการ 0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10
            โครงการ ไทยช่วยไทย พลัส 60/40 กระเป๋าเงินลงท้ายด้วย 5678
            ซื้อที่หน้าร้าน ร้านค้าเลขที่ 010555012345678 เมื่อ 15 มิถุนายน 2569 เวลา 09:05 น.
            ยอดซื้อ 2,500.00 บาท ส่วนที่รัฐร่วมจ่ายได้ 2,200.00 บาท
            ผล: อนุมัติ รัฐจ่าย 200.00 บาท ประชาชนจ่าย 2,300.00 บาท
              รัฐร่วมจ่าย 60% ของ 2,200.00 บาท คิดเป็น 1,320.00 บาท
              วงเงินที่เหลือก่อนซื้อ: รายวัน 200.00 บาท · รายเดือน 1,000.00 บาท
              วงเงินรายวันเหลือไม่พอ รัฐจึงจ่ายเพียง 200.00 บาท
            สิทธิคงเหลือในขณะนี้: วันนี้ 123.45 บาท · เดือนนี้ 800.00 บาท
            หลักเกณฑ์: Letter C, May 2569 (ฉบับ 9f86d081884c)

            Purchase 0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10
            Programme Thai Chuai Thai Plus 60/40, wallet ending in 5678
            Bought in the shop at merchant 010555012345678 on 15 June 2026 at 09:05
            Bill 2,500.00 baht, of which the state may share 2,200.00 baht
            Result: approved. The state paid 200.00 baht, the citizen 2,300.00 baht
              The state's share is 60% of 2,200.00 baht: 1,320.00 baht
              Room left before: 200.00 baht for the day, 1,000.00 baht for the month
              There was less room for the day, so the state paid only 200.00 baht
            Left at this moment: 123.45 baht today, 800.00 baht this month
            Rule: Letter C, May 2569 (version 9f86d081884c)
        "#]],
    );
}

#[test]
fn a_purchase_that_was_given_back() {
    let mut answer = answer("approved", 20_000, Some("day"));
    let reversal = |cause: &str, at: &str, state: u64, citizen: u64| json!({ "act": "reversal", "business_date": "2026-06-15", "sequence": 8, "cause": cause, "state_amount": state, "citizen_amount": citizen, "left": 0, "decided_at": at });
    answer["reversals"] = json!([
        reversal("customer_refund", "2026-06-15T10:00:00.000+07:00", 800, 9_200),
        reversal("merchant_error", "2027-01-01T00:00:00.000+07:00", 800, 9_200),
        reversal("timeout", "2027-02-28T23:59:59.999+07:00", 18_400, 211_600),
    ]);
    answer["left"] = json!(0);
    check(
        &answer,
        Some(&wallet()),
        expect![[r#"
        รายการ 0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10
        โครงการ ไทยช่วยไทย พลัส 60/40 กระเป๋าเงินลงท้ายด้วย 5678
        ซื้อที่หน้าร้าน ร้านค้าเลขที่ 010555012345678 เมื่อ 15 มิถุนายน 2569 เวลา 09:05 น.
        ยอดซื้อ 2,500.00 บาท ส่วนที่รัฐร่วมจ่ายได้ 2,200.00 บาท
        ผล: อนุมัติ รัฐจ่าย 200.00 บาท ประชาชนจ่าย 2,300.00 บาท
          รัฐร่วมจ่าย 60% ของ 2,200.00 บาท คิดเป็น 1,320.00 บาท
          วงเงินที่เหลือก่อนซื้อ: รายวัน 200.00 บาท · รายเดือน 1,000.00 บาท
          วงเงินรายวันเหลือไม่พอ รัฐจึงจ่ายเพียง 200.00 บาท
        คืนเงินแล้ว:
          15 มิถุนายน 2569 เวลา 10:00 น. คืนเงินให้ลูกค้า: คืนรัฐ 8.00 บาท คืนประชาชน 92.00 บาท
          1 มกราคม 2570 เวลา 00:00 น. ร้านค้าทำรายการผิด: คืนรัฐ 8.00 บาท คืนประชาชน 92.00 บาท
          28 กุมภาพันธ์ 2570 เวลา 23:59 น. ระบบชำระเงินไม่ได้รับคำตอบทันเวลา: คืนรัฐ 184.00 บาท คืนประชาชน 2,116.00 บาท
          ยอดซื้อที่ยังไม่ได้คืน 0.00 บาท
        สิทธิคงเหลือในขณะนี้: วันนี้ 123.45 บาท · เดือนนี้ 800.00 บาท
        หลักเกณฑ์: Letter C, May 2569 (ฉบับ 9f86d081884c)

        Purchase 0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10
        Programme Thai Chuai Thai Plus 60/40, wallet ending in 5678
        Bought in the shop at merchant 010555012345678 on 15 June 2026 at 09:05
        Bill 2,500.00 baht, of which the state may share 2,200.00 baht
        Result: approved. The state paid 200.00 baht, the citizen 2,300.00 baht
          The state's share is 60% of 2,200.00 baht: 1,320.00 baht
          Room left before: 200.00 baht for the day, 1,000.00 baht for the month
          There was less room for the day, so the state paid only 200.00 baht
        Given back since:
          15 June 2026 at 10:00, refund to the customer: 8.00 baht to the state, 92.00 baht to the citizen
          1 January 2027 at 00:00, the merchant's mistake: 8.00 baht to the state, 92.00 baht to the citizen
          28 February 2027 at 23:59, the payment network got no answer in time: 184.00 baht to the state, 2,116.00 baht to the citizen
          Of the bill, 0.00 baht is not given back
        Left at this moment: 123.45 baht today, 800.00 baht this month
        Rule: Letter C, May 2569 (version 9f86d081884c)
    "#]],
    );
}

#[test]
fn many_reversals_do_not_make_a_long_page() {
    let mut answer = answer("approved", 20_000, Some("day"));
    let reversal = |n: u64| json!({ "act": "reversal", "business_date": "2026-06-15", "sequence": 8, "cause": "customer_refund", "state_amount": n, "citizen_amount": 1, "left": 0, "decided_at": "2026-06-15T10:00:00.000+07:00" });
    answer["reversals"] = (1..=200).map(reversal).collect();
    answer["has_earlier_reversals"] = json!(true);
    let page = render(&answer, Some(&wallet()));
    assert!(
        page.contains("there were earlier ones") && page.contains("มีการคืนก่อนหน้านี้อีก"),
        "{page}"
    );
    assert!(
        page.contains("2.00 baht to the state") && !page.contains("1.95 baht"),
        "{page}"
    );
}

#[test]
fn a_decline_before_anything_was_known() {
    let mut answer = early(Reason::ProgramUnknown);
    let told = answer["explanation"].as_object_mut().unwrap();
    for unknown in [
        "program_name_th",
        "program_name_en",
        "rule_version",
        "rule_source",
    ] {
        told[unknown] = Value::Null;
    }
    told["channel"] = json!("by-post");
    told["spending"] = json!([]);
    check(
        &answer,
        None,
        expect![[r#"
        รายการ 0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10
        โครงการ thai-chuai-thai-plus-6040 กระเป๋าเงินลงท้ายด้วย 5678
        ซื้อผ่านช่องทาง by-post ร้านค้าเลขที่ 010555012345678 เมื่อ 15 มิถุนายน 2569 เวลา 09:05 น.
        ยอดซื้อ 2,500.00 บาท ส่วนที่รัฐร่วมจ่ายได้ 2,200.00 บาท
        ผล: ไม่อนุมัติ เพราะไม่พบโครงการ
          ในขณะนั้นไม่มีโครงการชื่อ thai-chuai-thai-plus-6040 เปิดใช้อยู่

        Purchase 0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10
        Programme thai-chuai-thai-plus-6040, wallet ending in 5678
        Bought through channel by-post at merchant 010555012345678 on 15 June 2026 at 09:05
        Bill 2,500.00 baht, of which the state may share 2,200.00 baht
        Result: declined, no such programme
          No programme named thai-chuai-thai-plus-6040 was in force at that time.
    "#]],
    );
}

#[test]
fn a_decline_because_of_a_used_up_cap() {
    check(
        &late(Reason::DailyCapExhausted),
        Some(&wallet()),
        expect![[r#"
        รายการ 0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10
        โครงการ ไทยช่วยไทย พลัส 60/40 กระเป๋าเงินลงท้ายด้วย 5678
        ซื้อที่หน้าร้าน ร้านค้าเลขที่ 010555012345678 เมื่อ 15 มิถุนายน 2569 เวลา 09:05 น.
        ยอดซื้อ 2,500.00 บาท ส่วนที่รัฐร่วมจ่ายได้ 2,200.00 บาท
        ผล: ไม่อนุมัติ เพราะใช้สิทธิครบวงเงินวันนี้แล้ว
          ก่อนซื้อรายการนี้ใช้วงเงินรายวัน 200.00 บาท ครบแล้ว วันถัดไปใช้ได้ใหม่
        สิทธิคงเหลือในขณะนี้: วันนี้ 123.45 บาท · เดือนนี้ 800.00 บาท
        หลักเกณฑ์: Letter C, May 2569 (ฉบับ 9f86d081884c)

        Purchase 0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10
        Programme Thai Chuai Thai Plus 60/40, wallet ending in 5678
        Bought in the shop at merchant 010555012345678 on 15 June 2026 at 09:05
        Bill 2,500.00 baht, of which the state may share 2,200.00 baht
        Result: declined, daily cap used up
          The daily allowance of 200.00 baht was used up before this purchase; there is room again the next day.
        Left at this moment: 123.45 baht today, 800.00 baht this month
        Rule: Letter C, May 2569 (version 9f86d081884c)
    "#]],
    );
}

#[test]
fn declines_by_the_programme_and_the_merchant() {
    let reasons = [
        Reason::ReversedBeforeArrival,
        Reason::ProgramUnknown,
        Reason::ProgramSuspended,
        Reason::MerchantUnknown,
        Reason::MerchantSuspended,
        Reason::MerchantNotInProgram,
        Reason::CategoryNotAllowed,
    ];
    check_reasons(
        early,
        &reasons,
        expect![[r#"
        ผล: ไม่อนุมัติ เพราะรายการถูกยกเลิกก่อนมาถึง
          ระบบชำระเงินแจ้งยกเลิกรายการนี้ก่อนที่รายการจะมาถึง จึงไม่มีการตัดเงิน
        Result: declined, reversed before it arrived
          The payment network cancelled this purchase before it reached us; nothing was charged.
        ผล: ไม่อนุมัติ เพราะไม่พบโครงการ
          ในขณะนั้นไม่มีโครงการชื่อ thai-chuai-thai-plus-6040 เปิดใช้อยู่
        Result: declined, no such programme
          No programme named thai-chuai-thai-plus-6040 was in force at that time.
        ผล: ไม่อนุมัติ เพราะโครงการถูกระงับชั่วคราว
          โครงการหยุดชั่วคราวในขณะนั้น ใช้ได้อีกเมื่อโครงการเปิดใหม่
        Result: declined, programme paused
          The programme was paused at that time; try again once it goes on.
        ผล: ไม่อนุมัติ เพราะไม่พบร้านค้า
          ในขณะนั้นร้านค้านี้ยังไม่ได้ลงทะเบียนในระบบ
        Result: declined, no such merchant
          This merchant was not registered at that time.
        ผล: ไม่อนุมัติ เพราะร้านค้าถูกระงับ
          ในขณะนั้นร้านค้านี้ถูกระงับไม่ให้รับสิทธิ ใช้สิทธิที่ร้านอื่นได้
        Result: declined, merchant suspended
          This merchant was suspended at that time; another one may be used.
        ผล: ไม่อนุมัติ เพราะร้านค้าไม่ได้เข้าร่วมโครงการ
          ในขณะนั้นร้านค้านี้ไม่ได้เข้าร่วมโครงการ ใช้สิทธิที่ร้านซึ่งเข้าร่วมได้
        Result: declined, merchant takes no part in the programme
          This merchant took no part in the programme at that time; one that does may be used.
        ผล: ไม่อนุมัติ เพราะประเภทร้านค้านี้ใช้สิทธิไม่ได้
          โครงการนี้ไม่รวมร้านค้าประเภทนี้
        Result: declined, not for this kind of merchant
          The programme does not cover this kind of merchant.
    "#]],
    );
}

#[test]
fn declines_by_channel_and_time() {
    let reasons = [
        Reason::ChannelNotAllowed,
        Reason::NotInSpendingPeriod,
        Reason::OutsideHours,
    ];
    check_reasons(
        early,
        &reasons,
        expect![[r#"
        ผล: ไม่อนุมัติ เพราะใช้สิทธิผ่านช่องทางนี้ไม่ได้
          โครงการนี้หรือร้านค้านี้ไม่รับสิทธิที่หน้าร้าน
        Result: declined, not through this channel
          The programme or the merchant takes no purchases in the shop.
        ผล: ไม่อนุมัติ เพราะอยู่นอกช่วงวันใช้จ่าย
          ใช้สิทธิได้ตั้งแต่ 1 มิถุนายน 2569 ถึง 30 กันยายน 2569
        Result: declined, outside the spending period
          It may be used from 1 June 2026 to 30 September 2026.
        ผล: ไม่อนุมัติ เพราะอยู่นอกเวลาใช้สิทธิ
          ใช้สิทธิได้ตั้งแต่ 06:00 น. ถึงก่อน 23:00 น. ของทุกวัน
        Result: declined, outside the hours
          It may be used from 06:00 until before 23:00, every day.
    "#]],
    );
}

#[test]
fn declines_by_the_wallet() {
    let reasons = [
        Reason::WalletUnknown,
        Reason::NotRegistered,
        Reason::WalletSuspended,
        Reason::NotYetUsable,
        Reason::EntitlementLapsed,
        Reason::DrawnElsewhereToday,
    ];
    check_reasons(
        late,
        &reasons,
        expect![[r#"
        ผล: ไม่อนุมัติ เพราะไม่พบกระเป๋าเงิน
          ในขณะนั้นกระเป๋าเงินนี้ยังไม่เคยลงทะเบียนในโครงการใด
        Result: declined, no such wallet
          This wallet was not registered in any programme at that time.
        ผล: ไม่อนุมัติ เพราะไม่มีสิทธิในโครงการ
          ในขณะนั้นกระเป๋าเงินนี้ไม่มีสิทธิในโครงการ หรือไม่มีครัวเรือนสำหรับสิทธิที่ครัวเรือนใช้ร่วมกัน
        Result: declined, no entitlement in the programme
          This wallet had no entitlement in the programme at that time, or no household for one that households share.
        ผล: ไม่อนุมัติ เพราะกระเป๋าเงินถูกระงับ
          กระเป๋าเงินนี้ถูกระงับในขณะนั้น สิทธิที่เหลือยังอยู่
        Result: declined, wallet suspended
          This wallet was suspended at that time; what is left of its entitlement stays.
        ผล: ไม่อนุมัติ เพราะยังไม่ถึงวันเริ่มใช้สิทธิ
          สิทธินี้เริ่มใช้ได้วันที่ 1 กรกฎาคม 2569
        Result: declined, entitlement not usable yet
          This entitlement may be used from 1 July 2026 on.
        ผล: ไม่อนุมัติ เพราะสิทธิหมดอายุเพราะไม่ได้ใช้ในกำหนด
          สิทธินี้ไม่ได้ใช้ภายในกำหนด จึงหมดไป
        Result: declined, entitlement lapsed unused
          This entitlement was not used in time and has lapsed.
        ผล: ไม่อนุมัติ เพราะวันนี้ใช้สิทธิโครงการอื่นแล้ว
          วันเดียวกันใช้สิทธิได้เพียงโครงการเดียว วันถัดไปใช้ได้ใหม่
        Result: declined, drew on another programme today
          Only one of the programmes may be used on one day; tomorrow it may be used again.
    "#]],
    );
}

#[test]
fn declines_by_amount_and_caps() {
    let reasons = [
        Reason::AmountTooSmall,
        Reason::DailyCapExhausted,
        Reason::MonthlyCapExhausted,
        Reason::QuarterlyCapExhausted,
        Reason::ProgramCapExhausted,
    ];
    check_reasons(
        late,
        &reasons,
        expect![[r#"
        ผล: ไม่อนุมัติ เพราะยอดเงินน้อยเกินไป
          60% ของ 2,200.00 บาท ไม่ถึงหนึ่งสตางค์ รัฐจึงร่วมจ่ายไม่ได้
        Result: declined, amount too small to share
          60% of 2,200.00 baht is less than one satang, so there is nothing to share.
        ผล: ไม่อนุมัติ เพราะใช้สิทธิครบวงเงินวันนี้แล้ว
          ก่อนซื้อรายการนี้ใช้วงเงินรายวัน 200.00 บาท ครบแล้ว วันถัดไปใช้ได้ใหม่
        Result: declined, daily cap used up
          The daily allowance of 200.00 baht was used up before this purchase; there is room again the next day.
        ผล: ไม่อนุมัติ เพราะใช้สิทธิครบวงเงินเดือนนี้แล้ว
          ก่อนซื้อรายการนี้ใช้วงเงินรายเดือน 1,000.00 บาท ครบแล้ว เดือนถัดไปใช้ได้ใหม่
        Result: declined, monthly cap used up
          The monthly allowance of 1,000.00 baht was used up before this purchase; there is room again the next month.
        ผล: ไม่อนุมัติ เพราะใช้สิทธิครบวงเงินไตรมาสนี้แล้ว
          ก่อนซื้อรายการนี้ใช้วงเงินรายไตรมาส ครบแล้ว ไตรมาสถัดไปใช้ได้ใหม่
        Result: declined, quarterly cap used up
          The quarterly allowance was used up before this purchase; there is room again the next quarter.
        ผล: ไม่อนุมัติ เพราะใช้สิทธิครบวงเงินทั้งโครงการแล้ว
          ก่อนซื้อรายการนี้ใช้วงเงินตลอดโครงการ ครบแล้ว
        Result: declined, programme cap used up
          The whole allowance was used up before this purchase.
    "#]],
    );
}

#[test]
fn every_reason_has_its_sentence_in_both_languages() {
    for reason in Reason::ALL.into_iter().skip(1) {
        for page in [
            render(&early(reason), None),
            render(&late(reason), Some(&wallet())),
        ] {
            for (start, said) in [("ผล", reason.thai()), ("Result", reason.english())] {
                let mut lines = page.lines().skip_while(|line| !line.starts_with(start));
                assert!(lines.next().unwrap().contains(said), "{page}");
                assert!(lines.next().unwrap().trim().chars().count() > 10, "{page}");
            }
        }
    }
}

#[test]
fn money_is_in_baht_with_two_decimals() {
    let shown: Vec<String> = [0, 5, 100, 99_999, 100_000, 100_000_000].map(super::baht).into();
    assert_eq!(
        shown,
        ["0.00", "0.05", "1.00", "999.99", "1,000.00", "1,000,000.00"]
    );
}
