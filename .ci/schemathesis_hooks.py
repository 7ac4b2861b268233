"""What the document says in words only, because JSON Schema cannot: a request that breaks it is no request that must be taken."""

import datetime
import json
import os
import re

import schemathesis
from hypothesis import strategies as st

ROLES = ("admin", "switch", "registrar")


@schemathesis.auth(refresh_interval=None)
class Keys:
    """The key of a role that may use the route, as its 403 says."""

    def get(self, case, context):
        refusal = case.operation.definition.raw["responses"].get("403", {"description": ""})
        # Where the answer is a reference, its name has the roles.
        words = refusal.get("description") or refusal.get("$ref", "").lower()
        role = next((role for role in ROLES if role in words), "admin")
        return os.environ[f"SATANG_{role.upper()}_KEY"]

    def set(self, case, data, context):
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {data}"


# The bytes of an import are lines of text.
schemathesis.openapi.format("binary", st.text())


@schemathesis.serializer("application/octet-stream")
def lines(context, value):
    """Lines as they are; any other value, which is no text, as one line."""
    if isinstance(value, bytes):
        return value
    return (value if isinstance(value, str) else json.dumps(value)).encode("utf-8", errors="replace")


@schemathesis.hook
def before_call(context, case, kwargs):
    body = case.body
    if isinstance(body, (dict, list)):
        case.body = body = without_fractions(body)
    if isinstance(body, dict):
        limit_eligible(body)
        move_on(body)
        replace_by_another(body, case.path_parameters)
        elements = body.get("authorizations")
        for element in elements if isinstance(elements, list) else []:
            limit_eligible(element)
        claim(body)
        name_somebody(body)
        elements = body.get("registrations")
        for element in elements if isinstance(elements, list) else []:
            name_somebody(element)
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


def move_on(move):
    """A move leads to another programme than the one it leaves, and `usable_from` is a day there is, from 2000 to 2170."""
    leave, to, usable_from = move.get("from_program"), move.get("to_program"), move.get("usable_from")
    if isinstance(leave, str) and leave == to:
        move["to_program"] = "state-welfare-card" if leave != "state-welfare-card" else "thai-chuai-thai-plus-6040"
    if isinstance(usable_from, str) and re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", usable_from) and not is_day(usable_from):
        move["usable_from"] = "2026-07-01"


def replace_by_another(replacement, path):
    """A wallet is replaced by another one."""
    old = (path or {}).get("wallet_id")
    if old is not None and replacement.get("new_wallet_id") == old:
        replacement["new_wallet_id"] = "004999987654399" if old != "004999987654399" else "004999987654398"


def claim(case):
    """The letter of a claim was written on a day there is, from 2000 to today."""
    letter = case.get("letter_date")
    if isinstance(letter, str) and re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", letter) and not (is_day(letter) and letter <= "2026-06-17"):
        case["letter_date"] = "2026-06-10"


def is_day(text):
    try:
        return 2000 <= datetime.date.fromisoformat(text).year <= 2170
    except ValueError:
        return False


def name_somebody(registration):
    """A `citizen_id` has a check digit, and a `birth_date` is a day there is, from 1850 to 2170."""
    if not isinstance(registration, dict):
        return
    citizen, birth = registration.get("citizen_id"), registration.get("birth_date")
    if isinstance(citizen, str) and re.fullmatch("[0-9]{13}", citizen):
        weighted = sum(int(digit) * weight for digit, weight in zip(citizen, range(13, 1, -1)))
        registration["citizen_id"] = citizen[:12] + str((11 - weighted % 11) % 10)
    if isinstance(birth, str) and re.fullmatch("[12][0-9]{3}(-[01][0-9](-[0-3][0-9])?)?", birth) and not is_birth_date(birth):
        registration["birth_date"] = "1990-04-12"[: len(birth)]


def is_birth_date(text):
    try:
        day = datetime.date.fromisoformat(text + "1990-01-01"[len(text) :])
    except ValueError:
        return False
    return 1850 <= day.year <= 2170


def keep_in_season(body):
    """A clock that is set stays where the programmes are used; in a later year every purchase would be the same decline."""
    now = body.get("now")
    if isinstance(now, str) and len(now) >= 20 and now[:4].isdigit() and now[4] == "-":
        body["now"] = "2026-06-18T09:00:00+07:00"
