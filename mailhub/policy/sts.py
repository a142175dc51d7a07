"""MTA-STS (RFC 8461) as values: the record, the policy document, which MX hosts a policy names.

Pure; where policies come from and how long they are kept is in `policy.sts_found`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from mailhub.model.errors import Invalid
from mailhub.wire.dnsname import query_name

LONGEST_AGE = 31557600
"""Seconds, about a year (3.2)."""
PATTERNS = 100
"""MX patterns of one policy that are read."""
_RECORD = re.compile(rb"v=STSv1[ \t]*;.*", re.DOTALL)
_FIELD = re.compile(rb"[ \t]*([A-Za-z0-9][A-Za-z0-9_.-]{0,31})=([\x21-\x3a\x3c\x3e-\x7e]+)[ \t]*")
_ID = re.compile(rb"[A-Za-z0-9]{1,32}")
_AGE = re.compile(r"\d{1,10}")


class STSMode(Enum):
    """What a sender does where an MX host or its certificate does not match (5)."""

    ENFORCE = "enforce"
    TESTING = "testing"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class STSPolicy:
    """A policy document. `patterns`: MX host names, lower-case A-labels, which may begin with
    `*.`. `max_age`: seconds. `lines`: the document's lines as they came, for reports."""

    mode: STSMode
    patterns: tuple[str, ...]
    max_age: int
    lines: tuple[str, ...] = ()

    def allows(self, host: str) -> bool:
        """Whether `host` is an MX host of this policy: `*.` stands for one label (4.1)."""
        host = host.lower().removesuffix(".")
        above = "*." + host.partition(".")[2]
        return any(pattern in (host, above) for pattern in self.patterns)


def record_id(texts: Sequence[bytes]) -> str:
    """The policy id that a domain's `_mta-sts` TXT records announce, empty where there is none:
    exactly one record must be one, and well-formed (3.1)."""
    records = [text for text in texts if _RECORD.fullmatch(text)]
    if len(records) != 1:
        return ""
    fields: dict[bytes, bytes] = {}
    for part in records[0].split(b";")[1:]:
        if not part.strip(b" \t"):
            continue
        found = _FIELD.fullmatch(part)
        if found is None:
            return ""
        fields.setdefault(found[1], found[2])
    policy_id = fields.get(b"id", b"")
    return policy_id.decode("ascii") if _ID.fullmatch(policy_id) else ""


def parse(document: bytes) -> STSPolicy:
    """A policy document (3.2). Of fields that may stand once the first counts; unknown ones are
    passed over. Raises Invalid, saying what is wrong."""
    try:
        text = document.decode("utf-8")
    except UnicodeDecodeError:
        raise Invalid("The policy is not UTF-8") from None
    lines = tuple(line for line in (raw.strip(" \t\r") for raw in text.split("\n")) if line)
    fields: dict[str, str] = {}
    patterns: list[str] = []
    for line in lines:
        name, colon, value = line.partition(":")
        name, value = name.rstrip(" \t"), value.strip(" \t")
        if not colon:
            raise Invalid("A line of the policy has no colon")
        if name == "mx":
            patterns.append(_pattern(value))
        else:
            fields.setdefault(name, value)
    if fields.get("version") != "STSv1":
        raise Invalid("The policy's version is not STSv1")
    try:
        mode = STSMode(fields.get("mode", ""))
    except ValueError:
        raise Invalid("The policy's mode is unknown") from None
    if not _AGE.fullmatch(fields.get("max_age", "")):
        raise Invalid("The policy's max_age is no number")
    if len(patterns) > PATTERNS:
        raise Invalid("The policy has too many MX patterns")
    if not patterns and mode is not STSMode.NONE:
        raise Invalid("The policy names no MX host")
    return STSPolicy(mode, tuple(patterns), min(int(fields["max_age"]), LONGEST_AGE), lines)


def _pattern(value: str) -> str:
    wildcard = value.startswith("*.")
    try:
        name = query_name(value[2:] if wildcard else value)
    except Invalid:
        name = "."
    if name == "." or "*" in name:
        raise Invalid("An MX pattern of the policy is malformed")
    return f"*.{name}" if wildcard else name
