"""What the error codes of Meta's Graph API mean for a message. One table for Messenger and Instagram, one for WhatsApp.

https://developers.facebook.com/docs/messenger-platform/error-codes
https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from app.models.exchange import Reply
from app.models.failure import Failure, FailureClass, Refused

AUTH, CONTENT, PERMISSION, RATE = FailureClass.AUTH, FailureClass.CONTENT, FailureClass.PERMISSION, FailureClass.RATE
RECIPIENT, ROUTING, TRANSIENT = FailureClass.RECIPIENT, FailureClass.ROUTING, FailureClass.TRANSIENT
UNCERTAIN, WINDOW = FailureClass.UNCERTAIN, FailureClass.WINDOW

HOUR, DAY = 3600.0, 86_400.0  # seconds
PERMISSIONS = range(200, 300)  # one code for each permission of an app
# Codes 1 and 2 can also mean a block or a missing permission: more tries than these change nothing.
MOST_TRIES = 10

AWAY = "The platform had a problem of its own."
BUSY = "The platform takes no more messages from this channel for now."
CLOSED = "The customer has not written lately: the platform takes no reply until they write again."
CUT_OFF = "The platform no longer accepts this channel's sign-in; connect the channel again."
EXPIRED = "This channel's sign-in has run out."
FORBIDDEN = "The platform does not let this channel send; look at its permissions."
GARBLED = "The platform's answer could not be understood, so the message may have been sent."
GONE = "The platform cannot reach this customer."
ODD = "The platform does not take this message as it is."
OPTED_OUT = "The customer wants no such messages."
ELSEWHERE = "Another app has this conversation; take it over there first."
RESTRICTED = "The platform has restricted this account; it says how to lift that."
TWICE = "The platform says that it has this message already, so it may have been sent."


def _rule(kind: FailureClass, reason: str, **more: Any) -> Failure:
    return Failure(kind=kind, code="", reason=reason, **more)


def _table(*rows: tuple[Failure, Iterable[str]]) -> dict[str, Failure]:
    return {code: rule for rule, codes in rows for code in codes}


COMMON = _table(
    (_rule(TRANSIENT, AWAY, most_tries=MOST_TRIES), ("1", "2")),
    (_rule(TRANSIENT, AWAY), ("1200",)),
    (_rule(CONTENT, ODD), ("1/99", "100")),
    (_rule(RATE, BUSY), ("4", "17", "32", "341", "613", "80001", "80002", "80006", "80007")),
    (_rule(AUTH, EXPIRED, renewable=True), ("190/463", "190/467")),
    (_rule(AUTH, CUT_OFF), ("102", "190")),
    (_rule(PERMISSION, FORBIDDEN, pauses=True), ("3", "10")),
)

MESSENGER = COMMON | _table(
    (_rule(RATE, RESTRICTED, wait=HOUR, pauses=True), ("368",)),
    (_rule(PERMISSION, RESTRICTED, pauses=True), ("10/1893063", "2/2018344")),
    (_rule(CONTENT, ODD), ("2022",)),
    (_rule(WINDOW, CLOSED), ("10/2018278", "10/2018065", "10/2534022")),
    (_rule(RECIPIENT, GONE), ("551", "200/1545041", "100/2018001", "100/2534014", "10303")),
    (_rule(UNCERTAIN, TWICE), ("506",)),
    (_rule(ROUTING, ELSEWHERE), ("100/2534037", "10904")),
)

WHATSAPP = COMMON | _table(
    (_rule(TRANSIENT, AWAY), ("131000", "131016", "133004")),
    (_rule(TRANSIENT, AWAY, wait=HOUR / 4), ("131057",)),
    (_rule(RATE, BUSY), ("130429",)),
    (_rule(RATE, "The platform wants a pause between messages to this customer.", pair_only=True), ("131056",)),
    (_rule(RATE, RESTRICTED, pauses=True), ("131048",)),
    (_rule(AUTH, CUT_OFF), ("0",)),
    (_rule(PERMISSION, RESTRICTED, pauses=True), ("131005", "131031", "368", "131042", "130497", "133010")),
    (_rule(WINDOW, CLOSED), ("131047",)),
    (_rule(RECIPIENT, GONE), ("131026", "131021", "131030")),
    (_rule(RECIPIENT, OPTED_OUT), ("131050", "130472")),
    (_rule(RECIPIENT, OPTED_OUT, wait=DAY), ("131049",)),
    (_rule(CONTENT, ODD), ("131008", "131009", "131051", "131052", "131053")),
)
TEMPLATES = range(132_000, 133_000)  # WhatsApp: a template that is unknown, paused, or filled in wrongly


def answer_in(reply: Reply, table: Mapping[str, Failure]) -> Mapping[str, Any]:
    """Return the object that a Graph call came to. Raises Refused."""
    error = reply.facts.get("error")
    if isinstance(error, dict):
        raise Refused(failure_of(error, table, reply))
    if not reply.is_success:
        raise Refused(by_status(reply))
    if not reply.facts:
        raise Refused(Failure(kind=UNCERTAIN, code=str(reply.status), reason=GARBLED))
    return reply.facts


def failure_of(error: Mapping[str, Any], table: Mapping[str, Failure], reply: Reply | None = None) -> Failure:
    """Return what a Graph error means: by its code and subcode, never by its words."""
    code, subcode = _number(error.get("code"), -1), _number(error.get("error_subcode"), 0)
    name = f"{code}/{subcode}" if subcode else f"{code}"
    rule = table.get(name) or table.get(f"{code}") or _by_range(code, table)
    if rule is None:
        unknown = by_status(reply) if reply else _rule(CONTENT, ODD)
        rule = _rule(TRANSIENT, AWAY) if error.get("is_transient") is True else unknown
    wait = wait_named_in(reply) if reply and rule.kind is RATE else None
    outage = rule.kind is TRANSIENT and reply is not None and reply.status >= 500
    return replace(rule, code=name, wait=rule.wait if wait is None else wait, outage=outage)


def by_status(reply: Reply) -> Failure:
    """Return what a refusal without a known code means, by its HTTP status."""
    code = str(reply.status)
    if reply.status == 429:
        return Failure(kind=RATE, code=code, reason=BUSY, wait=wait_named_in(reply))
    if reply.status >= 500:
        return Failure(kind=TRANSIENT, code=code, reason=AWAY, outage=True)
    kind, reason = {401: (AUTH, CUT_OFF), 403: (PERMISSION, FORBIDDEN)}.get(reply.status, (CONTENT, ODD))
    return Failure(kind=kind, code=code, reason=reason, pauses=kind is PERMISSION)


def wait_named_in(reply: Reply) -> float | None:
    """Return for how many seconds the platform wants to hear nothing, if a header says so."""
    named = reply.headers.get("retry-after", "")
    if named.isascii() and named.isdecimal():
        return float(named)
    # {"account": [{"estimated_time_to_regain_access": minutes, …}]}
    try:
        accounts = orjson.loads(reply.headers.get("x-business-use-case-usage", ""))
        uses = [use for of_account in accounts.values() for use in of_account]
        minutes = max(use.get("estimated_time_to_regain_access", 0) for use in uses)
        return minutes * 60.0 or None
    except (ValueError, AttributeError, TypeError):
        return None


def _by_range(code: int, table: Mapping[str, Failure]) -> Failure | None:
    if code in PERMISSIONS:
        return table["10"]
    return _rule(CONTENT, ODD) if code in TEMPLATES and table is WHATSAPP else None


def _number(value: object, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default
