"""What can be said of arguments before a script runs, beyond their types."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from mailhub.model.errors import Invalid
from mailhub.wire import address
from mailhub.wire.sieve import vocabulary
from mailhub.wire.sieve.program import Text, Value
from mailhub.wire.sieve.strings import variable_name
from mailhub.wire.sieve.tree import Place

Complaint = Callable[[Place, str], None]
"""Takes a fault that does not end the reading."""

FIELD = re.compile(r"[!-9;-~]+")
"""A header field's name (RFC 5322 2.2)."""
ZONE = re.compile(r"[+-](?:0\d|1[0-4])[0-5]\d")
SCRIPT_NAME = re.compile(r"[^\x00-\x1f\x7f-\x9f/\u2028\u2029]{1,128}")
ADDRESS_FIELDS = frozenset(
    {
        "apparently-to",
        "bcc",
        "cc",
        "delivered-to",
        "disposition-notification-to",
        "envelope-to",
        "errors-to",
        "followup-to",
        "from",
        "mail-followup-to",
        "mail-reply-to",
        "reply-to",
        "resent-bcc",
        "resent-cc",
        "resent-from",
        "resent-reply-to",
        "resent-sender",
        "resent-to",
        "return-path",
        "return-receipt-to",
        "sender",
        "to",
        "x-envelope-to",
        "x-original-to",
    }
)
PROTECTED = frozenset({"received", "return-path", "delivered-to", "auto-submitted"})
"""Fields that no script adds or removes: they stop loops. To try it does nothing (RFC 5293 6)."""


def check(
    name: str,
    tags: Mapping[str, Value],
    arguments: tuple[Value, ...],
    complain: Complaint,
    warn: Complaint,
) -> None:
    """Tells what is wrong with the arguments of a command or test; and what is merely never true,
    such as a test of a header field that no message can have."""
    for key, value in tags.items():
        one = _TAGS.get(key)
        if one is not None:
            _each(one, value, warn if key == "zone" else complain)
    if name in _EDITS:
        _each(unprotected, arguments[0], warn)
    told = warn if name in _HARMLESS else complain
    for one, value in zip(_WORDS.get(name, ()), arguments, strict=False):
        if one is not None:
            _each(one, value, told)


def _each(one: Callable[[str], None], value: Value, complain: Complaint) -> None:
    for text in _texts(value):
        constant = text.constant
        if constant is not None:
            try:
                one(constant)
            except Invalid as error:
                complain(text.place, error.text)


def _texts(value: Value) -> Iterator[Text]:
    if isinstance(value, Text):
        yield value
    elif isinstance(value, tuple):
        yield from value


def field_name(text: str) -> None:
    """Raises Invalid."""
    if FIELD.fullmatch(text) is None:
        raise Invalid(f"{text[:60]!r} is no name of a header field")


def address_field(text: str) -> None:
    """RFC 5228 section 5.1: the address test is for fields that hold addresses. Raises Invalid."""
    if text.lower() not in ADDRESS_FIELDS:
        raise Invalid(f"The header field {text[:60]!r} holds no addresses")


def unprotected(text: str) -> None:
    """Raises Invalid."""
    if text.lower() in PROTECTED:
        raise Invalid(f"{text} is not changed by scripts; this does nothing")


def mail_address(text: str) -> None:
    """Raises Invalid."""
    try:
        address.split(plain_address(text))
    except Invalid as error:
        raise Invalid(f"{text[:100]!r} is no mail address: {error.text}") from None


def plain_address(text: str) -> str:
    """An address as it is used, from how scripts write it: with spaces around, or in brackets."""
    text = text.strip()
    inner = text.rpartition("<")[2]
    return inner[:-1].strip() if inner != text and inner.endswith(">") else text


def _zone(text: str) -> None:
    if ZONE.fullmatch(text) is None:
        raise Invalid(f"{text[:20]!r} is no time zone such as +0100")


def _member(words: frozenset[str], what: str) -> Callable[[str], None]:
    def one(text: str) -> None:
        if text.lower() not in words:
            raise Invalid(f"{text[:40]!r} is no {what}")

    return one


def _one_line(text: str) -> None:
    if "\r" in text or "\n" in text:
        raise Invalid("This must be one line")


def script_name(text: str) -> None:
    """RFC 5804 section 1.6, and what would not travel well. Raises Invalid."""
    if SCRIPT_NAME.fullmatch(text) is None:
        raise Invalid("A script's name has 1 to 128 characters, none of them '/' or a control")


def _mailbox(text: str) -> None:
    if not text or "\0" in text or "\r" in text or "\n" in text:
        raise Invalid(f"{text[:60]!r} is no name of a mailbox")


def _use(text: str) -> None:
    if not text.startswith("\\") or len(text) < 2:
        raise Invalid(f"{text[:40]!r} is no special use such as \\\\Junk")


def _variable(text: str) -> None:
    variable_name(text)


_DATE_PART = _member(vocabulary.DATE_PARTS, "part of a date")
_TAGS: Mapping[str, Callable[[str], None]] = {
    "zone": _zone,
    "subject": _one_line,
    "from": mail_address,
    "specialuse": _use,
}
_WORDS: Mapping[str, tuple[Callable[[str], None] | None, ...]] = {
    "fileinto": (_mailbox,),
    "redirect": (mail_address,),
    "header": (field_name,),
    "address": (address_field,),
    "exists": (field_name,),
    "envelope": (_member(vocabulary.ENVELOPE_PARTS, "part of an envelope"),),
    "addheader": (field_name,),
    "deleteheader": (field_name,),
    "date": (field_name, _DATE_PART),
    "currentdate": (_DATE_PART,),
    "set": (_variable,),
    "global": (_variable,),
    "include": (script_name,),
}
_HARMLESS = frozenset({"header", "exists", "date", "currentdate"})
_EDITS = frozenset({"addheader", "deleteheader"})
