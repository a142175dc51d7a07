"""Who a message says it is from: the one address that DMARC asks about (RFC 9989 4.4).

Every reader of the message has to see the same author, so whatever two readers could take for two
addresses is refused here; odd display names, which are no addresses, are left alone. The address
list is read by `wire.addresslist`, as everywhere else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailhub.model.errors import Invalid
from mailhub.wire import address as grammar
from mailhub.wire import addresslist, header, words

LENGTH = 8 * 1024
"""Octets of a From field that is read."""
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_STRING = re.compile(rb'"(?>(?:[^"\\]++|\\.)*)"?', re.DOTALL)
_COMMENT = re.compile(rb"\((?>(?:[^()\\]++|\\.)*)\)", re.DOTALL)
_SPEC = re.compile(rb"[^\s<>,;:()\"@]++@[^\s<>,;:()\"@]*+")
_WORD = re.compile(rb"=\?[^?\s]+\?[BbQq]\?[^?]*\?=")
_DECEIVING = re.compile("[<>\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Author:
    """`address`: canonical, with its domain as an A-label."""

    address: str

    @property
    def domain(self) -> str:
        """What stands behind the @."""
        return self.address.rpartition("@")[2]


def author(block: bytes) -> Author:
    """The author named in a header block. Raises Invalid, saying what is wrong with From."""
    found = header.values(block, b"from")
    if len(found) != 1 or header.claims(block, b"from") != 1:
        raise Invalid("There is not exactly one From field")
    value = words.unfold(found[0])
    if len(value) > LENGTH:
        raise Invalid("The From field is too long")
    if _CONTROL.search(value):
        raise Invalid("The From field holds control characters")
    _check_words(value)
    author = _only(value)
    _check_outside(value, author)
    return author


def _only(value: bytes) -> Author:
    """The only address of the list; words without an @ between commas belong to its name."""
    addresses = []
    for one in addresslist.parse(value, 50):
        if one.host is None:
            raise Invalid("From names a group")
        if one.host:
            addresses.append(one)
        elif b"@" in (one.mailbox or b""):
            raise Invalid("From names half an address")
    if len(addresses) != 1:
        raise Invalid("From does not name exactly one address")
    (one,) = addresses
    if one.route or not one.mailbox or b"@" in one.mailbox or b"=?" in one.mailbox:
        raise Invalid("From does not name a plain address")
    try:
        local = grammar.quote_local(one.mailbox.decode())
        written = grammar.join(*grammar.split(f"{local}@{(one.host or b'').decode()}"))
    except (Invalid, UnicodeDecodeError):
        raise Invalid("From does not name a plain address") from None
    if written.endswith("]"):
        raise Invalid("From names no domain")
    return Author(written)


def _check_outside(value: bytes, author: Author) -> None:
    """Raises Invalid where a reader that knows no quoting, or no comments, sees another address.

    `joe@a.example <joe@a.example>`, which scripts write, is the same one twice.
    """
    plain = _STRING.sub(b" ", value)
    bare = _COMMENT.sub(b" ", plain)
    if any(b"<" in comment for comment in _COMMENT.findall(plain)):
        raise Invalid("From hides an address in a comment")
    wanted = author.address.lower().encode()
    for spec in _SPEC.findall(bare):
        name = spec.rpartition(b"@")[2]
        # `Joe@Work <…>` is a name: what has no dot is nobody's domain.
        if (b"." in name or not name) and spec.lower() != wanted and not _is(spec, author):
            raise Invalid("From names two addresses")


def _is(spec: bytes, author: Author) -> bool:
    try:
        return grammar.join(*grammar.split(spec.decode())).lower() == author.address.lower()
    except (Invalid, UnicodeDecodeError):
        return False


def _check_words(value: bytes) -> None:
    """Raises Invalid where decoding its encoded words, which comes after reading the addresses
    (RFC 2047 6.2), would make another address for a reader that does it before."""
    for word in _WORD.findall(value):
        if _DECEIVING.search(words.decode(word)):
            raise Invalid("From hides an address in an encoded word")
