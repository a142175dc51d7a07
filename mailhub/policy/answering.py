"""Whether a message may be answered by a machine (RFC 3834 section 2), and nothing else: pure.

Who the answer comes from and what it says is decided elsewhere. In doubt nothing is answered: an
answer too many goes to strangers, to lists, or round in a loop.
"""

from __future__ import annotations

import re

from mailhub.wire import header
from mailhub.wire.words import decode

# RFC 3834 section 2, RFC 2142, and the names that vacation programs have always left alone.
_NOBODY = re.compile(
    r"mailer[-_.]?daemon|postmaster|daemon|root|nobody|uucp|news|lists?|list[-_.]?serv|listproc"
    r"|majordomo|mailman|owner-.*|.*-(?:owner|request|bounces?|outgoing|relay|errors?)"
    r"|bounces?(?:[-+=._].*)?|.*[-+=._]bounces?"
    r"|(?:.*[-+=._])?(?:no|not?)[-_.]?repl(?:y|ies)(?:[-+=._].*)?"
    r"|(?:.*[-+=._])?do[-_.]?not[-_.]?(?:reply|respond|answer)(?:[-+=._].*)?"
    r"|noanswer|no[-_.]?response|auto[-_.]?(?:reply|respond|responder)|notifications?"
)
_LISTS = re.compile(
    rb"\nlist-(?:id|post|help|archive|owner|subscribe|unsubscribe(?:-post)?)[ \t]*+:", re.I
)
_LOOPING = re.compile(rb"\nx-(?:loop|autoreply|autorespond|auto-reply-from|mailhub-loop)[ \t]*+:")
_BULK = frozenset({"list", "junk", "bulk"})
_SUPPRESSED = frozenset({"oof", "autoreply", "all"})
_REPORT = re.compile(r"multipart/report|message/(?:delivery-status|disposition-notification)")


def is_person(sender: str) -> bool:
    """Whether an envelope sender looks as if somebody read what is sent to it."""
    local = sender.rpartition("@")[0].lower()
    return bool(local) and _NOBODY.fullmatch(local) is None


def may_answer(block: bytes) -> bool:
    """Whether a header leaves it open that a person wrote this, to persons."""
    folded = b"\n" + block.lower()
    if _LISTS.search(folded) or _LOOPING.search(folded):
        return False
    if _words(block, b"auto-submitted") - {"no"}:
        return False
    if _words(block, b"precedence") & _BULK:
        return False
    if _words(block, b"x-auto-response-suppress") & _SUPPRESSED:
        return False
    types = " ".join(decode(one).lower() for one in header.values(block, b"content-type"))
    return _REPORT.match(types) is None


def _words(block: bytes, name: bytes) -> set[str]:
    """The words of a field that is a list of them; parameters and comments are left out."""
    found = set()
    for value in header.values(block, name):
        for one in decode(value).lower().split(","):
            word = re.split(r"[;( \t]", one.strip(), maxsplit=1)[0]
            if word:
                found.add(word)
    return found
