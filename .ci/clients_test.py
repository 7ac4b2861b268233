"""What an integrator does first, through the client that is generated from openapi.json: every answer is of its type."""

import io
import json
import os
import sys
import time

from client import AuthenticatedClient, Client
from client.api.administration import import_enrollments, put_clock, put_merchant
from client.api.look_ups import authorization, wallet
from client.api.operations import readiness
from client.api.payments import authorize, authorize_batch, reverse
from client.api.registration import register
from client.models import (
    Authorization,
    AuthorizationDecision,
    AuthorizationFound,
    AuthorizationReason,
    AuthorizationRequest,
    Batch,
    BatchRequest,
    Category,
    Clock,
    ImportReport,
    Merchant,
    MerchantRequest,
    Problem,
    ProblemCode,
    RegistrationAnswer,
    RegistrationAnswerDecision,
    RegistrationRequest,
    Reversal,
    ReversalRequest,
    ReversalRequestReason,
    Status,
    Wallet,
)
from client.types import File

PROGRAM = "thai-chuai-thai-plus-6040"
MERCHANT = "010555012345678"
WALLETS = ["004999912345678", "004999987654321"]
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SERVER = sys.argv[1]


def client(role):
    return AuthenticatedClient(base_url=SERVER, token=os.environ[f"SATANG_{role.upper()}_KEY"])


def answer(response, of, status=200):
    """What was answered, which must be of this status and type."""
    assert response.status_code == status, (response.status_code, response.content)
    assert type(response.parsed) is of, (type(response.parsed), response.content)
    return response.parsed


def wait():
    for _ in range(600):
        try:
            if readiness.sync_detailed(client=Client(base_url=SERVER)).status_code == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    sys.exit("the server is not ready")


def purchase(number, amount, wallet_id=WALLETS[0]):
    return AuthorizationRequest(
        txn_id=f"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e{number:02}",
        program=PROGRAM,
        wallet_id=wallet_id,
        merchant_id=MERCHANT,
        channel="store",
        amount=amount,
    )


def prepare(admin, registrar):
    """A merchant, one citizen who registers and one whose right is imported; then the first day on which rights are used."""
    shop = MerchantRequest(
        name="ร้านป้าแดง", category=Category.FOOD_DRINK, status=Status.ACTIVE, programs=[PROGRAM], channels=["store"]
    )
    stored = answer(put_merchant.sync_detailed(MERCHANT, client=admin, body=shop), Merchant)
    assert (stored.merchant_id, stored.category) == (MERCHANT, Category.FOOD_DRINK)

    citizen = RegistrationRequest(
        registration_id="0197a1d2-0f6e-7c3a-8b1d-3f5d2c9a7e10",
        program=PROGRAM,
        wallet_id=WALLETS[0],
        citizen_id="1101700203450",
        birth_date="1990-04-12",
        nationality="TH",
    )
    registered = answer(register.sync_detailed(client=registrar, body=citizen), RegistrationAnswer)
    assert (registered.decision, registered.ticket) == (RegistrationAnswerDecision.ACCEPTED, 1), registered

    line = json.dumps({"program": PROGRAM, "wallet_id": WALLETS[1], "citizen_id": "3100600445635"})
    lines = File(payload=io.BytesIO(line.encode()))
    report = answer(import_enrollments.sync_detailed(client=registrar, body=lines), ImportReport)
    assert (report.accepted, report.rejected, report.errors) == (1, 0, []), report

    noon = "2026-06-15T12:00:00+07:00"
    answer(put_clock.sync_detailed(client=admin, body=Clock(now=noon)), Clock)


def pay(switch):
    """A purchase, the same again, a refund, a decline, a conflict."""
    first = authorize.sync_detailed(client=switch, body=purchase(10, 25000), x_request_id="first.1", traceparent=TRACE)
    approved = answer(first, Authorization)
    assert (approved.decision, approved.reason) == (AuthorizationDecision.APPROVED, AuthorizationReason.APPROVED)
    assert (approved.state_amount, approved.citizen_amount, approved.replayed) == (15000, 10000, False)
    assert (approved.remaining.day, approved.remaining.month) == (5000, 85000), approved
    assert (first.headers["x-request-id"], first.headers["traceparent"]) == ("first.1", TRACE)

    again = answer(authorize.sync_detailed(client=switch, body=purchase(10, 25000)), Authorization)
    assert again.replayed and again.to_dict() == {**approved.to_dict(), "replayed": True}

    other = answer(authorize.sync_detailed(client=switch, body=purchase(10, 26000)), Problem, 409)
    assert other.code is ProblemCode.TXN_ID_CONFLICT, other

    stranger = purchase(11, 25000, "004999900000000")
    declined = answer(authorize.sync_detailed(client=switch, body=stranger), Authorization)
    assert (declined.decision, declined.reason) == (AuthorizationDecision.DECLINED, AuthorizationReason.WALLET_UNKNOWN)

    back = ReversalRequest(
        reversal_id="0197a1d2-0f6e-7c3a-8b1f-3f5d2c9a7e10", amount=5000, reason=ReversalRequestReason.CUSTOMER_REFUND
    )
    reversed_ = answer(reverse.sync_detailed(approved.txn_id, client=switch, body=back), Reversal)
    assert (reversed_.state_amount, reversed_.citizen_amount, reversed_.left) == (3000, 2000, 20000), reversed_

    both = BatchRequest(authorizations=[purchase(12, 1000, WALLETS[1]), purchase(10, 26000)])
    batch = answer(authorize_batch.sync_detailed(client=switch, body=both), Batch)
    assert [type(result) for result in batch.results] == [Authorization, Problem], batch


def look_up(admin, switch):
    """What became of the purchase, and who may ask for it."""
    found = answer(authorization.sync_detailed(purchase(10, 1).txn_id, client=admin), AuthorizationFound)
    assert (found.left, found.replayed, len(found.reversals)) == (20000, False, 1), found
    held = answer(wallet.sync_detailed(WALLETS[0], client=admin), Wallet)
    assert held.programs[0].program == PROGRAM, held
    refused = answer(wallet.sync_detailed(WALLETS[0], client=switch, x_request_id="refused.1"), Problem, 403)
    assert refused.code is ProblemCode.FORBIDDEN, refused
    unknown = answer(wallet.sync_detailed(WALLETS[0], client=Client(base_url=SERVER)), Problem, 401)
    assert unknown.code is ProblemCode.UNAUTHORIZED, unknown


wait()
prepare(client("admin"), client("registrar"))
pay(client("switch"))
look_up(client("admin"), client("switch"))
print("clients: a generated client registers, pays, gives back and looks up; every answer is of its type")
