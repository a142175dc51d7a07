"""The paths of MAIL and RCPT: RFC 5321 section 4.1.2, extended by RFC 6531 section 3.3.

Pure text to text: whether an address exists, or is ours, is core's matter. Every expression here
is free of nested repetition, so no input makes it slow.
"""

from __future__ import annotations

import re

from mailhub.model.errors import Invalid
from mailhub.smtp.faults import Fault, Refusal
from mailhub.wire import address as wire_address

MAX_PATH = 320
"""Characters of local part and domain together. RFC 5321 section 4.5.3.1 asks for at least 64 and
255; local parts longer than 64 are common in the return addresses of bulk senders (VERP), so only
the sum is bounded."""
MAX_DOMAIN = 255

_UTF8 = "\x80-\U0010ffff"
_ATOM = rf"[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~{_UTF8}-]+"
_DOT_STRING = rf"{_ATOM}(?:\.{_ATOM})*"
_QUOTED = rf'"(?:[ !#-\[\]-~{_UTF8}]|\\[ -~])*"'
# The underscore is not in RFC 1123's host names, but stands in domains that exist and send mail.
_LABEL = rf"(?!-)[A-Za-z0-9_{_UTF8}-]{{1,63}}(?<!-)"
_DOMAIN = rf"{_LABEL}(?:\.{_LABEL})*"
_LITERAL = r"\[[!-Z^-~]{1,250}\]"
_ROUTE = rf"(?:@{_DOMAIN}(?:,@{_DOMAIN})*:)?"

_PATH = re.compile(rf"<{_ROUTE}((?:{_DOT_STRING}|{_QUOTED})@({_DOMAIN}|{_LITERAL}))>")
_POSTMASTER = re.compile(r"<(postmaster)>", re.IGNORECASE)
_MAILBOX = re.compile(rf"(?:{_DOT_STRING}|{_QUOTED})@({_DOMAIN}|{_LITERAL})")


def reverse(text: str, start: int, *, utf8: bool) -> tuple[str, int]:
    """`Reverse-path` at `start`: the address, empty for `<>`, and where the path ends.

    A source route is dropped (RFC 5321 section 4.1.1.3 and appendix C). Raises Refusal with
    BAD_SENDER or NEEDS_UTF8.
    """
    if text.startswith("<>", start):
        return "", start + 2
    return _path(text, start, Fault.BAD_SENDER, utf8=utf8)


def forward(text: str, start: int, *, utf8: bool) -> tuple[str, int]:
    """`Forward-path` at `start`, which may be `<postmaster>` without a domain (section 4.1.1.3).

    Raises Refusal with BAD_RECIPIENT or NEEDS_UTF8.
    """
    if (match := _POSTMASTER.match(text, start)) is not None:
        return match[1], match.end()
    return _path(text, start, Fault.BAD_RECIPIENT, utf8=utf8)


def _path(text: str, start: int, fault: Fault, *, utf8: bool) -> tuple[str, int]:
    match = _PATH.match(text, start)
    if match is None:
        raise Refusal(fault)
    address, domain = match[1], match[2]
    if not _valid(address, domain):
        raise Refusal(fault)
    if not utf8 and not address.isascii():
        raise Refusal(Fault.NEEDS_UTF8)
    return address, match.end()


def mailbox(text: str) -> bool:
    """Whether `text` is a `Mailbox` of RFC 5321 section 4.1.2, without angle brackets."""
    match = _MAILBOX.fullmatch(text)
    return match is not None and _valid(text, match[1])


def _valid(address: str, domain: str) -> bool:
    if len(address) > MAX_PATH or len(domain) > MAX_DOMAIN:
        return False
    if domain.isascii() and domain[0] != "[" and not domain[-1].isdigit():
        return True
    # Literals, U-labels and all-digit top-level names have rules that no expression holds.
    try:
        wire_address.domain(domain)
    except Invalid:
        return False
    return True
