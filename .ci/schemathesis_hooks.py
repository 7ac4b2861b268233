"""What the document says in words only, because JSON Schema cannot: a request that breaks it is no request that must be taken."""

import json
import os

import schemathesis

PAYMENTS = ("/v1/authorizations", "/v1/authorizations/batch", "/v1/authorizations/{txn_id}/reversals", "/v1/quotes")


@schemathesis.auth(refresh_interval=None)
class Keys:
    """The key of the role that may use the route."""

    def get(self, case, context):
        role = "SWITCH" if case.operation.path in PAYMENTS else "ADMIN"
        return os.environ[f"SATANG_{role}_KEY"]

    def set(self, case, data, context):
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.serializer("application/x-ndjson")
def lines(context, value):
    """Lines as they are; any other value, which is no text, as one line."""
    return (value if isinstance(value, str) else json.dumps(value)).encode("utf-8", errors="replace")


@schemathesis.hook
def before_call(context, case, kwargs):
    body = case.body
    if isinstance(body, (dict, list)):
        case.body = body = without_fractions(body)
    if isinstance(body, dict):
        limit_eligible(body)
        elements = body.get("authorizations")
        for element in elements if isinstance(elements, list) else []:
            limit_eligible(element)
        keep_in_season(body)


def without_fractions(value):
    """1.0 is an integer to JSON Schema; here money is written without fraction and exponent."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    if isinstance(value, dict):
        return {key: without_fractions(part) for key, part in value.items()}
    if isinstance(value, list):
        return [without_fractions(part) for part in value]
    return value


def limit_eligible(purchase):
    """`eligible_amount` is at most `amount`."""
    if isinstance(purchase, dict):
        whole, part = purchase.get("amount"), purchase.get("eligible_amount")
        if type(whole) is int and type(part) is int and 1 <= whole < part <= 100_000_000:
            purchase["eligible_amount"] = whole


def keep_in_season(body):
    """A clock that is set stays where the programmes are used; in a later year every purchase would be the same decline."""
    now = body.get("now")
    if isinstance(now, str) and len(now) >= 20 and now[:4].isdigit() and now[4] == "-":
        body["now"] = "2026-06-18T09:00:00+07:00"
