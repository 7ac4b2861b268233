#!/usr/bin/env python3
"""Sends one binary batch (docs/BATCH.md) and prints the outcome of each element.

    batch_client.py --server http://127.0.0.1:8080 004999912345678:010555012345678:25000:22000

Each argument is WALLET:MERCHANT:AMOUNT[:ELIGIBLE[:TXN_ID]], amounts in satang. Exit 0: every element was decided.
"""
import argparse, http.client, json, os, struct, sys, urllib.parse, uuid
from datetime import datetime, timedelta, timezone

CONTENT_TYPE = "application/vnd.satang.batch"
REQUEST_HEADER = struct.Struct("<4sHHII")  # magic, version, names, count, names_bytes
REQUEST = struct.Struct("<16sQQIIHHI")  # txn_id, wallet, merchant, amount, eligible, program, channel, reserved
ANSWER_HEADER = struct.Struct("<4sHHII")  # magic, version, reserved, count, tail_bytes
ANSWER = struct.Struct("<QqiII4IIIH2sBBBBI")  # sequence, decided_at_ms, business_date, state, citizen, remaining, problem
# offset and bytes, status, response_code, reason, flags, limited_by, caps, reserved
REASONS = """approved reversed_before_arrival program_unknown program_suspended merchant_unknown merchant_suspended
    merchant_not_in_program category_not_allowed channel_not_allowed not_in_spending_period outside_hours wallet_unknown
    not_registered wallet_suspended not_yet_usable entitlement_lapsed drawn_elsewhere_today amount_too_small
    daily_cap_exhausted monthly_cap_exhausted quarterly_cap_exhausted program_cap_exhausted""".split()
PERIODS = ["day", "month", "quarter", "program"]


def request(program, channel, purchases):
    """The bytes of a batch; each purchase is (txn_id, wallet, merchant, amount, eligible), eligible 0 for all of it."""
    table = b"".join(bytes([len(name)]) + name.encode() for name in (program, channel))
    table += bytes(-len(table) % 8)
    elements = (REQUEST.pack(id.bytes, wallet, merchant, amount, eligible, 0, 1, 0)
                for id, wallet, merchant, amount, eligible in purchases)
    return REQUEST_HEADER.pack(b"SATB", 1, 2, len(purchases), len(table)) + table + b"".join(elements)


def outcomes(answer):
    """One dictionary for each element of an answer: a decision, or the problem as the JSON batch has it."""
    magic, version, _, count, tail_bytes = ANSWER_HEADER.unpack_from(answer)
    end = ANSWER_HEADER.size + count * ANSWER.size
    if (magic, version, end + tail_bytes) != (b"SATA", 1, len(answer)):
        raise ValueError("this is no answer to a binary batch")
    for (sequence, at_ms, date, state, citizen, *room, offset, size, status, code, reason, flags, limited, caps, _
         ) in ANSWER.iter_unpack(answer[ANSWER_HEADER.size:end]):
        if status:
            yield json.loads(answer[end + offset:end + offset + size])
            continue
        remaining = {period: room[n] for n, period in enumerate(PERIODS) if caps >> n & 1}
        decided_at = datetime.fromtimestamp(at_ms / 1000, timezone(timedelta(hours=7)))
        yield {"decision": "approved" if flags & 1 else "declined", "reason": REASONS[reason],
               "response_code": code.decode(), "state_amount": state, "citizen_amount": citizen,
               "limited_by": PERIODS[limited - 1] if limited else None,
               "business_date": str(datetime(1970, 1, 1).date() + timedelta(days=date)),
               "decided_at": decided_at.isoformat(timespec="milliseconds"), "sequence": sequence,
               "replayed": bool(flags & 2)} | ({"remaining": remaining} if caps else {})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="http://127.0.0.1:8080")
    parser.add_argument("--key", default=os.environ.get("SATANG_KEY"), help="bearer key [default: $SATANG_KEY]")
    parser.add_argument("--program", default="thai-chuai-thai-plus-6040")
    parser.add_argument("--channel", default="store")
    parser.add_argument("purchase", nargs="+", help="WALLET:MERCHANT:AMOUNT[:ELIGIBLE[:TXN_ID]]")
    args = parser.parse_args()
    purchases = []
    for purchase in args.purchase:
        wallet, merchant, amount, eligible, id = (purchase.split(":") + ["", ""])[:5]
        id = uuid.UUID(id) if id else uuid.uuid4()
        purchases.append((id, int(wallet), int(merchant), int(amount), int(eligible or 0)))
    url = urllib.parse.urlsplit(args.server)
    connect = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    headers = {"content-type": CONTENT_TYPE} | ({"authorization": f"Bearer {args.key}"} if args.key else {})
    connection = connect(url.netloc, timeout=60)
    connection.request("POST", "/v1/authorizations/batch", request(args.program, args.channel, purchases), headers)
    reply = connection.getresponse()
    answer = reply.read()
    if reply.status != 200:
        sys.exit(f"{reply.status}: {answer.decode()}")
    decided = True
    for purchase, outcome in zip(purchases, outcomes(answer), strict=True):
        print(purchase[0], json.dumps(outcome, ensure_ascii=False))
        decided &= "decision" in outcome
    sys.exit(0 if decided else 1)


if __name__ == "__main__":
    main()
