//! The Thai half of the page. Years are B.E.

use super::baht;
use super::story::{self, REVERSALS_TOLD_MAX, Reversal, Story};
use satang_api::{Act, FundingPart, HoldState, Wallet};
use satang_core::calendar::{BusinessDate, Instant};
use satang_core::outcome::{Reason, ReversalCause};
use satang_core::programme::CapPeriod;

/// The half page, line by line.
pub(super) fn lines(story: &Story, wallet: Option<&Wallet>) -> Vec<String> {
    let told = &story.explanation;
    let program = told.program_name_th.as_deref().unwrap_or(&told.program);
    let mut lines = vec![
        format!("รายการ {}", story.txn_id),
        format!("โครงการ {program} กระเป๋าเงินลงท้ายด้วย {}", story.wallet_end()),
        format!(
            "{}{} ร้านค้าเลขที่ {} เมื่อ {}",
            if story.is_hold() {
                "สั่งซื้อ"
            } else {
                "ซื้อ"
            },
            channel(&told.channel),
            told.merchant_id,
            instant(story.decided_at)
        ),
        format!(
            "ยอดซื้อ {} บาท ส่วนที่รัฐร่วมจ่ายได้ {} บาท",
            baht(told.amount),
            baht(told.eligible_amount)
        ),
    ];
    match story.reason {
        Reason::Approved => approved(story, &mut lines),
        _ => {
            lines.push(format!("ผล: ไม่อนุมัติ เพราะ{}", story.reason.thai()));
            lines.push(format!("  {}", declined(story, wallet)));
        }
    }
    hold(story, &mut lines);
    reversals(story, &mut lines);
    if let Some(left) = wallet.and_then(|wallet| story::left_now(wallet, told)) {
        let rooms =
            story::headroom(left).map(|(period, room)| format!("{} {} บาท", this(period), baht(room)));
        lines.push(format!(
            "สิทธิ{}คงเหลือในขณะนี้: {}",
            if story.household_end().is_some() {
                "ของครัวเรือน"
            } else {
                ""
            },
            rooms.collect::<Vec<_>>().join(" · ")
        ));
    }
    if let Some(version) = story.short_version() {
        let source = told.rule_source.as_deref().unwrap_or("ไม่ได้ระบุ");
        lines.push(format!("หลักเกณฑ์: {source} (ฉบับ {version})"));
    }
    lines
}

fn approved(story: &Story, lines: &mut Vec<String>) {
    let told = &story.explanation;
    let (state, citizen) = (baht(story.state_amount), baht(story.citizen_amount));
    lines.push(match story.is_hold() {
        false => format!("ผล: อนุมัติ รัฐจ่าย {state} บาท ประชาชนจ่าย {citizen} บาท"),
        true => format!("ผล: อนุมัติและกันวงเงินไว้ ส่วนของรัฐ {state} บาท ส่วนของประชาชน {citizen} บาท"),
    });
    if let (Some(percent), Some(share)) = (told.state_percent.0, told.share_before_caps.0) {
        lines.push(format!(
            "  รัฐร่วมจ่าย {percent}% ของ {} บาท คิดเป็น {} บาท",
            baht(told.eligible_amount),
            baht(share)
        ));
    }
    if let Some(rooms) = &told.room_before.0 {
        let rooms = story::headroom(rooms).map(|(period, room)| format!("{} {} บาท", of(period), baht(room)));
        let of = story.household_end().map(household).unwrap_or_default();
        lines.push(format!(
            "  วงเงินที่เหลือก่อนซื้อ{of}: {}",
            rooms.collect::<Vec<_>>().join(" · ")
        ));
    }
    match story.limited_by {
        Some(period) => lines.push(format!(
            "  วงเงิน{}เหลือไม่พอ รัฐจึงจ่ายเพียง {} บาท",
            of(period),
            baht(story.state_amount)
        )),
        None => lines.push("  วงเงินเหลือพอ รัฐจึงจ่ายเต็มส่วน".to_owned()),
    }
    if !story.funding.is_empty() {
        let source = |source: &FundingPart| format!("{} {} บาท", source.source, baht(source.amount));
        let sources: Vec<String> = story.funding.iter().map(source).collect();
        lines.push(format!("  ส่วนของรัฐมาจาก: {}", sources.join(" · ")));
    }
}

fn household(end: &str) -> String {
    format!(" ซึ่งครัวเรือนเลขลงท้ายด้วย {end} ใช้ร่วมกัน")
}

/// What became of a hold.
fn hold(story: &Story, lines: &mut Vec<String>) {
    let Some((state, expires)) = story.hold.zip(story.expires_at) else {
        return;
    };
    let expires = instant(expires);
    lines.push(match state {
        HoldState::Open => format!("กันวงเงินไว้ถึง {expires} ยังไม่มีการจ่ายเงินจนกว่าจะเรียกเก็บ"),
        HoldState::Captured => "เรียกเก็บตามวงเงินที่กันไว้แล้ว เงินจ่ายเมื่อเรียกเก็บ".to_owned(),
        HoldState::Voided => "ยกเลิกการกันวงเงินแล้ว ไม่มีการจ่ายเงิน และได้วงเงินคืนแล้ว".to_owned(),
        HoldState::Expired => {
            format!("การกันวงเงินสิ้นสุดเมื่อ {expires} โดยไม่มีการเรียกเก็บ ไม่มีการจ่ายเงิน และได้วงเงินคืนแล้ว")
        }
    });
}

/// Why it was declined, in a sentence.
fn declined(story: &Story, wallet: Option<&Wallet>) -> String {
    let told = &story.explanation;
    match story.reason {
        Reason::Approved => String::new(),
        Reason::ReversedBeforeArrival => "ระบบชำระเงินแจ้งยกเลิกรายการนี้ก่อนที่รายการจะมาถึง จึงไม่มีการตัดเงิน".into(),
        Reason::ProgramUnknown => format!("ในขณะนั้นไม่มีโครงการชื่อ {} เปิดใช้อยู่", told.program),
        Reason::ProgramSuspended => "โครงการหยุดชั่วคราวในขณะนั้น ใช้ได้อีกเมื่อโครงการเปิดใหม่".into(),
        Reason::MerchantUnknown => "ในขณะนั้นร้านค้านี้ยังไม่ได้ลงทะเบียนในระบบ".into(),
        Reason::MerchantSuspended => "ในขณะนั้นร้านค้านี้ถูกระงับไม่ให้รับสิทธิ ใช้สิทธิที่ร้านอื่นได้".into(),
        Reason::MerchantNotInProgram => "ในขณะนั้นร้านค้านี้ไม่ได้เข้าร่วมโครงการ ใช้สิทธิที่ร้านซึ่งเข้าร่วมได้".into(),
        Reason::CategoryNotAllowed => "โครงการนี้ไม่รวมร้านค้าประเภทนี้".into(),
        Reason::ChannelNotAllowed => format!("โครงการนี้หรือร้านค้านี้ไม่รับสิทธิ{}", channel(&told.channel)),
        Reason::NotInSpendingPeriod => match story.spending.first() {
            Some(spending) => format!("ใช้สิทธิได้ตั้งแต่ {} ถึง {}", date(spending.from), date(spending.to)),
            None => "วันนั้นไม่ใช่วันที่ใช้สิทธิได้".into(),
        },
        Reason::OutsideHours => match story
            .spending
            .first()
            .and_then(|spending| spending.hours.split_once('-'))
        {
            Some((from, to)) => format!("ใช้สิทธิได้ตั้งแต่ {from} น. ถึงก่อน {to} น. ของทุกวัน"),
            None => "เวลานั้นไม่ใช่เวลาที่ใช้สิทธิได้".into(),
        },
        Reason::WalletUnknown => "ในขณะนั้นกระเป๋าเงินนี้ยังไม่เคยลงทะเบียนในโครงการใด".into(),
        Reason::NotRegistered => {
            "ในขณะนั้นกระเป๋าเงินนี้ไม่มีสิทธิในโครงการ หรือไม่มีครัวเรือนสำหรับสิทธิที่ครัวเรือนใช้ร่วมกัน".into()
        }
        Reason::WalletSuspended => "กระเป๋าเงินนี้ถูกระงับในขณะนั้น สิทธิที่เหลือยังอยู่".into(),
        Reason::NotYetUsable => match wallet.and_then(|wallet| story::usable_from(wallet, told)) {
            Some(from) => format!("สิทธินี้เริ่มใช้ได้วันที่ {}", date(from)),
            None => "สิทธินี้ยังไม่ถึงวันเริ่มใช้".into(),
        },
        Reason::EntitlementLapsed => "สิทธินี้ไม่ได้ใช้ภายในกำหนด จึงหมดไป".into(),
        Reason::DrawnElsewhereToday => "วันเดียวกันใช้สิทธิได้เพียงโครงการเดียว วันถัดไปใช้ได้ใหม่".into(),
        Reason::AmountTooSmall => match told.state_percent.0 {
            Some(percent) => format!(
                "{percent}% ของ {} บาท ไม่ถึงหนึ่งสตางค์ รัฐจึงร่วมจ่ายไม่ได้",
                baht(told.eligible_amount)
            ),
            None => "ส่วนของรัฐไม่ถึงหนึ่งสตางค์".into(),
        },
        Reason::DailyCapExhausted => exhausted(story, CapPeriod::Day),
        Reason::MonthlyCapExhausted => exhausted(story, CapPeriod::Month),
        Reason::QuarterlyCapExhausted => exhausted(story, CapPeriod::Quarter),
        Reason::ProgramCapExhausted => exhausted(story, CapPeriod::Program),
    }
}

fn exhausted(story: &Story, period: CapPeriod) -> String {
    let again = match period {
        CapPeriod::Day => " วันถัดไปใช้ได้ใหม่",
        CapPeriod::Month => " เดือนถัดไปใช้ได้ใหม่",
        CapPeriod::Quarter => " ไตรมาสถัดไปใช้ได้ใหม่",
        CapPeriod::Program => "",
    };
    let cap = story
        .explanation
        .caps
        .as_ref()
        .and_then(|caps| story::cap(caps, period));
    let cap = cap.map_or_else(String::new, |cap| format!(" {} บาท", baht(cap)));
    format!("ก่อนซื้อรายการนี้ใช้วงเงิน{}{cap} ครบแล้ว{again}", of(period))
}

fn reversals(story: &Story, lines: &mut Vec<String>) {
    let given = &story.reversals;
    if given.is_empty() {
        return;
    }
    let since = if story.is_hold() {
        "หลังจากนั้น:"
    } else {
        "คืนเงินแล้ว:"
    };
    lines.push(since.to_owned());
    if story.has_earlier_reversals || given.len() > REVERSALS_TOLD_MAX {
        lines.push("  (มีการคืนก่อนหน้านี้อีก)".to_owned());
    }
    let told = given.iter().skip(given.len().saturating_sub(REVERSALS_TOLD_MAX));
    lines.extend(told.map(reversal));
    lines.push(format!("  ยอดซื้อที่ยังไม่ได้คืน {} บาท", baht(story.left)));
}

fn reversal(reversal: &Reversal) -> String {
    let (at, state, citizen) = (
        instant(reversal.decided_at),
        baht(reversal.state_amount),
        baht(reversal.citizen_amount),
    );
    let why = match (reversal.act, reversal.cause) {
        (Act::Capture, _) => {
            let captured = baht(reversal.left);
            return format!("  {at} เรียกเก็บ {captured} บาท ส่วนที่เหลือไม่มีการจ่ายเงิน");
        }
        (Act::Void, _) => return format!("  {at} ยกเลิกการกันวงเงิน"),
        (Act::Reversal, Some(ReversalCause::Timeout)) => "ระบบชำระเงินไม่ได้รับคำตอบทันเวลา",
        (Act::Reversal, Some(ReversalCause::CustomerRefund)) => "คืนเงินให้ลูกค้า",
        (Act::Reversal, Some(ReversalCause::MerchantError)) => "ร้านค้าทำรายการผิด",
        (Act::Reversal, None) => "ไม่ได้ระบุเหตุ",
    };
    format!("  {at} {why}: คืนรัฐ {state} บาท คืนประชาชน {citizen} บาท")
}

fn channel(id: &str) -> String {
    match id {
        "store" => "ที่หน้าร้าน".to_owned(),
        "delivery" => "ผ่านบริการส่งอาหาร".to_owned(),
        other => format!("ผ่านช่องทาง {other}"),
    }
}

/// A cap by its period.
fn of(period: CapPeriod) -> &'static str {
    match period {
        CapPeriod::Day => "รายวัน",
        CapPeriod::Month => "รายเดือน",
        CapPeriod::Quarter => "รายไตรมาส",
        CapPeriod::Program => "ตลอดโครงการ",
    }
}

/// The running period.
fn this(period: CapPeriod) -> &'static str {
    match period {
        CapPeriod::Day => "วันนี้",
        CapPeriod::Month => "เดือนนี้",
        CapPeriod::Quarter => "ไตรมาสนี้",
        CapPeriod::Program => "ตลอดโครงการ",
    }
}

/// A day, like 15 มิถุนายน 2569.
pub(crate) fn date(date: BusinessDate) -> String {
    const MONTHS: [&str; 12] = [
        "มกราคม",
        "กุมภาพันธ์",
        "มีนาคม",
        "เมษายน",
        "พฤษภาคม",
        "มิถุนายน",
        "กรกฎาคม",
        "สิงหาคม",
        "กันยายน",
        "ตุลาคม",
        "พฤศจิกายน",
        "ธันวาคม",
    ];
    let (year, month, day) = date.ymd();
    // Thailand counts years from the Buddha's death: B.E. = C.E. + 543.
    format!("{day} {} {}", MONTHS[month as usize - 1], year + 543)
}

fn instant(at: Instant) -> String {
    format!("{} เวลา {} น.", date(at.business_date()), &at.to_string()[11..16])
}
