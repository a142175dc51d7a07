"""SMTP TLS reports as JSON (RFC 8460 section 4): values ↔ bytes. What they mean is not known here.

Writers differ in small things (`mx-host` as a string, counts as strings, times with offsets), so
reading is lenient in form; what is no report at all is Invalid.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from mailhub.model.errors import Invalid
from mailhub.model.tlsreport import (
    TLSAggregate,
    TLSCounts,
    TLSFailure,
    TLSPolicy,
    TLSPolicyKind,
)

POLICIES = 100
"""Policies of one report that are read."""
FAILURES = 10_000
"""Kinds of failures of one report that are read."""
TEXT = 1000
"""Characters of one value."""
LINES = 100
"""Lines, or records, of one policy."""
_KINDS = {kind.value: kind for kind in TLSPolicyKind}


def write(report: TLSAggregate) -> bytes:
    """The document."""
    value = {
        "organization-name": report.organization,
        "date-range": {"start-datetime": _time(report.begin), "end-datetime": _time(report.end)},
        "contact-info": report.contact,
        "report-id": report.id,
        "policies": [_policy(one) for one in report.policies],
    }
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def _time(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _policy(one: TLSCounts) -> Mapping[str, object]:
    policy: dict[str, object] = {"policy-type": one.policy.kind.value}
    if one.policy.lines:
        policy["policy-string"] = list(one.policy.lines)
    policy["policy-domain"] = one.policy.domain
    if one.policy.hosts:
        policy["mx-host"] = list(one.policy.hosts)
    counts: dict[str, object] = {
        "policy": policy,
        "summary": {
            "total-successful-session-count": one.successful,
            "total-failure-session-count": one.failed,
        },
    }
    if one.failures:
        counts["failure-details"] = [_failure(failure) for failure in one.failures]
    return counts


def _failure(one: TLSFailure) -> Mapping[str, object]:
    said: dict[str, object] = {"result-type": one.result}
    for name, value in (
        ("sending-mta-ip", one.source),
        ("receiving-mx-hostname", one.mx),
        ("receiving-ip", one.address),
        ("failure-reason-code", one.reason),
    ):
        if value:
            said[name] = value
    return {**said, "failed-session-count": one.count}


def read(data: bytes) -> TLSAggregate:
    """Raises Invalid."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise Invalid("It is no JSON") from None
    if not isinstance(value, dict) or not isinstance(value.get("policies"), list):
        raise Invalid("It is no TLS report")
    period = _object(value.get("date-range"))
    report_id = _text(value.get("report-id"))
    if not report_id:
        raise Invalid("It has no id")
    policies = tuple(_counts(_object(one)) for one in value["policies"][:POLICIES])
    if not policies:
        raise Invalid("It has no policies")
    return TLSAggregate(
        _text(value.get("organization-name")),
        _text(value.get("contact-info")),
        report_id,
        _seconds(period.get("start-datetime")),
        _seconds(period.get("end-datetime")),
        policies,
    )


def _counts(one: Mapping[str, Any]) -> TLSCounts:
    policy, summary = _object(one.get("policy")), _object(one.get("summary"))
    domain = _text(policy.get("policy-domain")).lower()
    if not domain:
        raise Invalid("A policy has no domain")
    failures = one.get("failure-details")
    return TLSCounts(
        TLSPolicy(
            domain,
            _KINDS.get(_text(policy.get("policy-type")), TLSPolicyKind.NONE),
            _texts(policy.get("policy-string")),
            _texts(policy.get("mx-host")),
        ),
        _number(summary.get("total-successful-session-count", 0)),
        _number(summary.get("total-failure-session-count", 0)),
        tuple(_read_failure(_object(it)) for it in _list(failures)[:FAILURES]),
    )


def _read_failure(one: Mapping[str, Any]) -> TLSFailure:
    return TLSFailure(
        _text(one.get("result-type")),
        _number(one.get("failed-session-count", 1)),
        _text(one.get("sending-mta-ip")),
        _text(one.get("receiving-mx-hostname")),
        _text(one.get("receiving-ip")),
        _text(one.get("failure-reason-code")),
    )


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    """Without lone surrogates, which JSON can spell and nothing else can hold."""
    if not isinstance(value, str):
        return ""
    return value[:TEXT].encode("utf-8", "replace").decode()


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (_text(value),)
    return tuple(_text(one) for one in _list(value)[:LINES])


def _number(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 12:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12:
        return value
    raise Invalid("A count is no number")


def _seconds(value: Any) -> int:
    try:
        read = datetime.fromisoformat(_text(value))
        return int((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise Invalid("A time cannot be read") from None
