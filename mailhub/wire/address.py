"""Mail addresses as SMTP and the account tables know them: one canonical form, one look-up key.

Every face and the core compare addresses through this module, so that no two of them can read
one spelling differently (RFC 5321 4.1.2, RFC 6531 3.3). Address lists of message headers are
another grammar: see `wire.addresslist`.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from functools import lru_cache

import idna

from mailhub.model.errors import Invalid

LOCAL_LIMIT = 64
"""Octets of a local part as written (RFC 5321 4.5.3.1.1)."""
ADDRESS_LIMIT = 254
"""Octets of an address: a path is 256 with its angle brackets (RFC 5321 4.5.3.1.3)."""
DOMAIN_LIMIT = 253
"""Octets of a domain that still fits the DNS's 255 (RFC 1035 2.3.4)."""

_ATEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~\-"
# Underscores are no RFC 5321 sub-domain, but hosts have them; Postfix takes them too.
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_ASCII_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_PLAIN = re.compile(rf"([{_ATEXT}]+(?:\.[{_ATEXT}]+)*)@({_LABEL}(?:\.{_LABEL})*)")
_DOT_ATOM = re.compile(rf"[{_ATEXT}\u0080-\U0010ffff]+(?:\.[{_ATEXT}\u0080-\U0010ffff]+)*")
_QUOTED = re.compile(r'"(?:[ !#-\[\]-~\u0080-\U0010ffff]|\\[ -~])*"')
_QUOTED_PAIR = re.compile(r"\\(.)")
_TO_QUOTE = re.compile(r'["\\]')
_LITERAL = re.compile(r"\[(IPv6:)?([0-9A-Fa-f:.]+)\]", re.IGNORECASE)
_NOT_TEXT = frozenset({"Cc", "Cs", "Cn", "Co", "Zl", "Zp"})


@lru_cache(maxsize=2048)
def split(address: str) -> tuple[str, str]:
    """(local part without its quoting, domain in A-label lower-case form or address literal).

    Raises Invalid for what is no RFC 5321 or RFC 6531 Mailbox, or longer than one may be. The
    local part keeps its case and may be empty or hold spaces (`"a b"@d`): quote it again with
    `quote_local` before it goes on the wire.
    """
    plain = _PLAIN.fullmatch(address) if len(address) <= ADDRESS_LIMIT else None
    if plain is not None and plain.end(1) <= LOCAL_LIMIT:
        return plain[1], domain(plain[2])
    written, at, name = address.rpartition("@")
    if not at:
        raise Invalid("An address needs a domain", "address")
    if len(address) > ADDRESS_LIMIT or octets(written) > LOCAL_LIMIT:
        raise Invalid("The address is too long", "address")
    local = _local(written)
    name = domain(name)
    if octets(written) + 1 + len(name) > ADDRESS_LIMIT:
        raise Invalid("The address is too long", "address")
    return local, name


def _local(written: str) -> str:
    """A local part as written, unquoted."""
    if written.startswith('"'):
        if _QUOTED.fullmatch(written) is None:
            raise Invalid("The quoted local part is malformed", "address")
        local = _QUOTED_PAIR.sub(r"\1", written[1:-1])
    elif _DOT_ATOM.fullmatch(written) is not None:
        local = written
    else:
        raise Invalid("The local part is malformed", "address")
    if not local.isascii() and any(unicodedata.category(mark) in _NOT_TEXT for mark in local):
        raise Invalid("The local part holds control characters", "address")
    return local


def domain(name: str) -> str:
    """A domain in A-label, lower-case form; an address literal in its canonical form.

    Raises Invalid. Non-ASCII names go through UTS #46, as browsers and mail clients do, so every
    spelling of a name meets in one.
    """
    if name.startswith("["):
        return _literal(name)
    if not name or len(name) > DOMAIN_LIMIT:
        raise Invalid("The domain is empty or too long", "domain")
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True, std3_rules=True).decode("ascii")
        except UnicodeError as error:
            raise Invalid("The domain is no valid internationalized name", "domain") from error
    if len(name) > DOMAIN_LIMIT or _ASCII_DOMAIN.fullmatch(name) is None:
        raise Invalid("The domain is malformed", "domain")
    # RFC 3696 section 2: a top-level name is never all digits; else `a@10.0.0.1` is a domain.
    if name[-1].isdigit() and name[name.rfind(".") + 1 :].isdigit():
        raise Invalid("The domain is malformed", "domain")
    return name.lower()


def _literal(name: str) -> str:
    """An IPv4 or IPv6 address literal (RFC 5321 4.1.3); other kinds of literal name no host."""
    found = _LITERAL.fullmatch(name)
    try:
        if found is None:
            raise ValueError(name)
        if found[1]:
            return f"[IPv6:{ipaddress.IPv6Address(found[2]).compressed}]"
        return f"[{ipaddress.IPv4Address(found[2]).compressed}]"
    except ValueError as error:
        raise Invalid("The address literal is malformed", "domain") from error


def quote_local(local: str) -> str:
    """An unquoted local part as it stands before the `@`: quoted only where it must be."""
    if _DOT_ATOM.fullmatch(local) is not None:
        return local
    return '"' + _TO_QUOTE.sub(r"\\\g<0>", local) + '"'


def join(local: str, name: str) -> str:
    """The inverse of `split`."""
    return f"{quote_local(local)}@{name}"


def readable(address: str) -> str:
    """The address as people read it, with the domain in Unicode; as it is, where that cannot be."""
    local, at, name = address.rpartition("@")
    if "xn--" not in name:
        return address
    try:
        return f"{local}{at}{idna.decode(name)}"
    except UnicodeError:
        return address


def searched(text: str) -> str:
    """Part of an address as people type it, as it would stand in a canonical one."""
    local, at, name = text.rpartition("@")
    try:
        return f"{local}{at}{domain(name)}" if at and not name.isascii() else text
    except Invalid:
        return text


def key(address: str, *, delimiter: str = "+", ignore_dots: bool = False) -> str:
    """The form under which an address is looked up: folded case, no subaddress, A-label domain.

    `delimiter`: the characters that start a subaddress, empty for none; one at the very start of
    a local part is part of the name. `ignore_dots`: dots in the local part do not count. Raises
    Invalid.
    """
    local, name = split(address)
    local = base(fold(local), delimiter)
    if ignore_dots:
        local = local.replace(".", "") or local
    return join(local, name)


def detail(address: str, *, delimiter: str = "+") -> str:
    """The subaddress behind the delimiter, as written, or empty (RFC 5233). Raises Invalid."""
    local, _ = split(address)
    return local[len(base(local, delimiter)) + 1 :]


def base(local: str, delimiter: str) -> str:
    """The local part up to its first delimiter that is not its first character."""
    cuts = [at for mark in delimiter if (at := local.find(mark, 1)) > 0]
    return local[: min(cuts)] if cuts else local


def fold(local: str) -> str:
    """A local part without regard to case and to composed characters (RFC 6530 10.1)."""
    if local.isascii():
        return local.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", local).casefold())


def is_ascii(address: str) -> bool:
    """Whether the address can be sent without SMTPUTF8 once its domain is an A-label."""
    return address.rpartition("@")[0].isascii()


def octets(text: str) -> int:
    """The length of `text` on the wire, in UTF-8; lone surrogates count as three."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
