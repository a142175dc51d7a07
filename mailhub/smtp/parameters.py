"""The parameters of MAIL and RCPT: RFC 5321 section 4.1.2 and each extension's own grammar.

Keyword and value in, checked value out. What a parameter means for delivery is decided in core.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mailhub.model.envelope import Hold
from mailhub.smtp import path
from mailhub.smtp.faults import Fault, Refusal

_PARAMETER = re.compile(r" ([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~\x80-\U0010ffff]+))?(?![^ ])")
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")
_XCHAR = re.compile(r"\+([0-9A-F]{2})")
_UTF8_XTEXT = re.compile(r"(?:[!-*,-<>-\[\]-~\x80-\U0010ffff]|\\x\{[0-9A-F]{1,6}\})+")
_UTF8_XCHAR = re.compile(r"\\x\{([0-9A-F]{1,6})\}")
_ADDRESS_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_PRINTABLE = re.compile(r"[ -~]*")
_SIZE = re.compile(r"[0-9]{1,20}")
_INTERVAL = re.compile(r"[1-9][0-9]{0,8}")
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
    r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)

MAX_ENVID = 100
MAX_ORCPT = 500
"""Characters on the wire (RFC 3461 sections 4.4 and 4.2)."""
BODIES = frozenset({"7BIT", "8BITMIME", "BINARYMIME"})
CONDITIONS = frozenset({"SUCCESS", "FAILURE", "DELAY"})


@dataclass(frozen=True, slots=True)
class MailParameters:
    """What MAIL said beside the path. `auth` is decoded; `envid` too (RFC 3461 section 4.4)."""

    size: int = 0
    body: str = "7BIT"
    utf8: bool = False
    ret: str = ""
    envid: str = ""
    auth: str = ""
    hold: Hold | None = None
    require_tls: bool = False


@dataclass(frozen=True, slots=True)
class RcptParameters:
    """What RCPT said beside the path. `orcpt`: `type;address` with the address decoded."""

    notify: tuple[str, ...] = ()
    orcpt: str = ""


NO_MAIL_PARAMETERS = MailParameters()
NO_RCPT_PARAMETERS = RcptParameters()


def mail(text: str, start: int) -> MailParameters:
    """The parameters of MAIL from `start` to the end. Raises Refusal."""
    if start == len(text):
        return NO_MAIL_PARAMETERS
    return MailParameters(**_values(text, start, _MAIL))


def rcpt(text: str, start: int, *, utf8: bool) -> RcptParameters:
    """The parameters of RCPT. A `utf-8` ORCPT with raw non-ASCII needs `utf8`. Raises Refusal."""
    if start == len(text):
        return NO_RCPT_PARAMETERS
    values = RcptParameters(**_values(text, start, _RCPT))
    if not utf8 and not text.isascii():
        raise Refusal(Fault.NEEDS_UTF8)
    return values


def _values(text: str, start: int, known: _Table) -> dict[str, Any]:
    values: dict[str, Any] = {}
    while start < len(text):
        match = _PARAMETER.match(text, start)
        if match is None:
            raise Refusal(Fault.SYNTAX)
        name, check = known.get(match[1].upper(), _UNKNOWN)
        if name in values:
            raise Refusal(Fault.REPEATED_PARAMETER)
        values[name] = check(match[2])
        start = match.end()
    return values


def _bad() -> Refusal:
    return Refusal(Fault.BAD_PARAMETER)


def _unknown(value: str | None) -> object:
    raise Refusal(Fault.UNKNOWN_PARAMETER)


def _size(value: str | None) -> int:
    """RFC 1870 section 6.1: 1*20DIGIT."""
    if value is None or _SIZE.fullmatch(value) is None:
        raise _bad()
    return int(value)


def _body(value: str | None) -> str:
    """RFC 6152 section 3 and RFC 3030 section 3."""
    if value is None or (folded := value.upper()) not in BODIES:
        raise _bad()
    return folded


def _utf8(value: str | None) -> bool:
    """RFC 6531 section 3.4: the parameter has no value."""
    if value is not None:
        raise _bad()
    return True


def _hold_for(value: str | None) -> Hold:
    """RFC 4865 section 5: at most nine digits, no zero before them."""
    if value is None or _INTERVAL.fullmatch(value) is None:
        raise _bad()
    return Hold(seconds=int(value))


def _hold_until(value: str | None) -> Hold:
    """RFC 4865 section 5 with its erratum 2040: date-time of RFC 3339 section 5.6."""
    if value is None or _DATE_TIME.fullmatch(value) is None:
        raise _bad()
    try:
        moment = datetime.fromisoformat(value.upper())
        return Hold(until=math.ceil(moment.timestamp()))
    except (ValueError, OverflowError):
        raise _bad() from None


def _require_tls(value: str | None) -> bool:
    """RFC 8689 section 2: the parameter has no value."""
    if value is not None:
        raise _bad()
    return True


def _ret(value: str | None) -> str:
    """RFC 3461 section 4.3."""
    if value is None or (folded := value.upper()) not in ("FULL", "HDRS"):
        raise _bad()
    return folded


def _envid(value: str | None) -> str:
    """RFC 3461 section 4.4: xtext whose decoded characters are printable."""
    if value is None or len(value) > MAX_ENVID:
        raise _bad()
    return _printable(value)


def _auth(value: str | None) -> str:
    """RFC 4954 section 5: a mailbox as xtext, or `<>` as "nobody vouches for it".

    `<>` is not in xtext, and so cannot be confused with an encoded address.
    """
    if value is None:
        raise _bad()
    if value == "<>":
        return ""
    decoded = _printable(value)
    if not path.mailbox(decoded):
        raise _bad()
    return decoded


def _notify(value: str | None) -> tuple[str, ...]:
    """RFC 3461 section 4.1: NEVER alone, or any of the three conditions, each once."""
    if value is None:
        raise _bad()
    words = value.upper().split(",")
    if words == ["NEVER"]:
        return ("NEVER",)
    if not CONDITIONS.issuperset(words) or len(set(words)) != len(words):
        raise _bad()
    return tuple(words)


def _orcpt(value: str | None) -> str:
    """RFC 3461 section 4.2; with the address type `utf-8`, RFC 6533 section 3."""
    if value is None or len(value) > MAX_ORCPT:
        raise _bad()
    kind, semicolon, encoded = value.partition(";")
    if not semicolon or not encoded or _ADDRESS_TYPE.fullmatch(kind) is None:
        raise _bad()
    decoded = unicode_xtext(encoded) if kind.lower() == "utf-8" else _printable(encoded)
    return f"{kind};{decoded}"


def xtext(encoded: str) -> str:
    """Decoded xtext (RFC 3461 section 4), one character a byte. Raises Refusal BAD_PARAMETER."""
    if _XTEXT.fullmatch(encoded) is None:
        raise _bad()
    return _XCHAR.sub(lambda match: chr(int(match[1], 16)), encoded)


def _printable(encoded: str) -> str:
    decoded = xtext(encoded)
    if _PRINTABLE.fullmatch(decoded) is None:
        raise _bad()
    return decoded


def unicode_xtext(encoded: str) -> str:
    """Decoded `utf-8-addr-xtext` or `utf-8-addr-unitext` (RFC 6533 section 3)."""
    if _UTF8_XTEXT.fullmatch(encoded) is None:
        raise _bad()
    decoded = _UTF8_XCHAR.sub(_scalar, encoded)
    if not decoded.isprintable():
        raise _bad()
    return decoded


def _scalar(match: re.Match[str]) -> str:
    number = int(match[1], 16)
    if number > 0x10FFFF or 0xD800 <= number < 0xE000:
        raise _bad()
    return chr(number)


_Check = Callable[[str | None], object]
_Table = dict[str, tuple[str, _Check]]
_UNKNOWN: tuple[str, _Check] = ("", _unknown)
_MAIL: _Table = {
    "SIZE": ("size", _size),
    "BODY": ("body", _body),
    "SMTPUTF8": ("utf8", _utf8),
    "RET": ("ret", _ret),
    "ENVID": ("envid", _envid),
    "AUTH": ("auth", _auth),
    # One of the two alone (RFC 4865 section 5): they count as one parameter.
    "HOLDFOR": ("hold", _hold_for),
    "HOLDUNTIL": ("hold", _hold_until),
    "REQUIRETLS": ("require_tls", _require_tls),
}
_RCPT: _Table = {"NOTIFY": ("notify", _notify), "ORCPT": ("orcpt", _orcpt)}
