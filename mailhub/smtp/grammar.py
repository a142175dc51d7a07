"""What stands behind each verb, as values: RFC 5321 section 4.1.1 and the extensions' own.

Pure: text in, value out, `faults.Refusal` for what no rule allows. Paths and parameters have
their own modules.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address

from mailhub.model.envelope import ForwardPath, ReversePath
from mailhub.smtp import parameters, path
from mailhub.smtp.faults import Fault, Refusal

# RFC 5321 section 4.1.1.1 wants a domain or an address literal, and section 4.1.4 forbids to
# refuse a client for a false one. Windows hosts say names with underscores, phones bare IPv6
# addresses, so any ASCII word is taken that cannot break a Received field apart. RFC 6531 section
# 3.7.1 has A-labels only here: SMTPUTF8 was not offered yet.
_HELLO = re.compile(r"[!#-'*+./0-:=?-\[\]-~-]{1,255}")
# Spaces behind the colon are not in the grammar; section 4.1.1.2 calls them a common error, and
# clients from Microsoft's CDO to home-made scripts send them, so they are read over.
_FROM = re.compile(r"FROM: *", re.IGNORECASE)
_TO = re.compile(r"TO: *", re.IGNORECASE)
_BDAT = re.compile(r"([0-9]{1,20})( LAST)?", re.IGNORECASE)
_AUTH = re.compile(r"([A-Za-z0-9_-]{1,20})(?: ([A-Za-z0-9+/=]+))?")
_ATTRIBUTE = re.compile(r"([A-Za-z]+)=(\S*)")

XCLIENT_ATTRIBUTES = (
    "NAME",
    "ADDR",
    "PORT",
    "PROTO",
    "HELO",
    "LOGIN",
    "DESTADDR",
    "DESTPORT",
)
UNAVAILABLE = ("[UNAVAILABLE]", "[TEMPUNAVAIL]")


def hello(argument: str) -> str:
    """The client's name for itself."""
    if _HELLO.fullmatch(argument) is None:
        raise Refusal(Fault.SYNTAX)
    return argument


def nothing(argument: str) -> None:
    """For verbs without an argument."""
    if argument:
        raise Refusal(Fault.NO_ARGUMENT_ALLOWED)


def mail(argument: str, *, extended: bool) -> ReversePath:
    """`FROM:<path> parameters`. Without EHLO (`extended`) no parameter was offered, so each is
    unknown."""
    prefix = _FROM.match(argument)
    if prefix is None:
        raise Refusal(Fault.SYNTAX)
    # Whether non-ASCII is allowed stands behind the path.
    address, end = path.reverse(argument, prefix.end(), utf8=True)
    if end < len(argument) and not extended:
        raise Refusal(Fault.UNKNOWN_PARAMETER)
    said = parameters.mail(argument, end)
    if not said.utf8 and not argument.isascii():
        raise Refusal(Fault.NEEDS_UTF8)
    return ReversePath(
        address=address,
        size=said.size,
        body=said.body,
        utf8=said.utf8,
        ret=said.ret,
        envid=said.envid,
        auth=said.auth,
        hold=said.hold,
        require_tls=said.require_tls,
    )


def rcpt(argument: str, *, extended: bool, utf8: bool) -> ForwardPath:
    """`TO:<path> parameters`. `utf8`: MAIL said SMTPUTF8."""
    prefix = _TO.match(argument)
    if prefix is None:
        raise Refusal(Fault.SYNTAX)
    address, end = path.forward(argument, prefix.end(), utf8=utf8)
    if end == len(argument):
        return ForwardPath(address)
    if not extended:
        raise Refusal(Fault.UNKNOWN_PARAMETER)
    said = parameters.rcpt(argument, end, utf8=utf8)
    return ForwardPath(address, said.notify, said.orcpt)


def bdat(argument: str) -> tuple[int, bool]:
    """`size [LAST]` (RFC 3030 section 2): octets, and whether the message ends with them."""
    match = _BDAT.fullmatch(argument)
    if match is None:
        raise Refusal(Fault.BAD_CHUNK_SIZE)
    return int(match[1]), match[2] is not None


def auth(argument: str) -> tuple[str, str | None]:
    """`mechanism [initial-response]` (RFC 4954 section 4): upper-case name, and base64 or `=`."""
    match = _AUTH.fullmatch(argument)
    if match is None:
        raise Refusal(Fault.SYNTAX)
    return match[1].upper(), match[2]


def xclient(argument: str) -> Mapping[str, str]:
    """Postfix's XCLIENT: attribute=value pairs in xtext; an unknown value is empty.

    https://www.postfix.org/XCLIENT_README.html
    """
    values: dict[str, str] = {}
    for word in argument.split(" "):
        match = _ATTRIBUTE.fullmatch(word)
        if match is None or match[1].upper() not in XCLIENT_ATTRIBUTES:
            raise Refusal(Fault.BAD_PARAMETER)
        name = match[1].upper()
        if name in values:
            raise Refusal(Fault.REPEATED_PARAMETER)
        unknown = match[2].upper() in UNAVAILABLE
        values[name] = "" if unknown else _attribute(name, parameters.xtext(match[2]))
    return values


def _attribute(name: str, value: str) -> str:
    if not value:
        return value
    if name in ("ADDR", "DESTADDR"):
        return _ip(value)
    if name in ("PORT", "DESTPORT"):
        good = value.isascii() and value.isdigit() and len(value) <= 5 and int(value) < 65536
    elif name == "PROTO":
        good = value.upper() in ("SMTP", "ESMTP")
    elif name == "HELO":
        good = _HELLO.fullmatch(value) is not None
    else:
        good = value.isprintable()
    if not good:
        raise Refusal(Fault.BAD_PARAMETER)
    return value


def _ip(value: str) -> str:
    """Postfix writes IPv6 addresses with a tag, and `unix:` never reaches a network daemon."""
    if value[:5].upper() == "IPV6:":
        value = value[5:]
    try:
        return str(ip_address(value))
    except ValueError:
        raise Refusal(Fault.BAD_PARAMETER) from None
