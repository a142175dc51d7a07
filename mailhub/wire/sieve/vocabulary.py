"""Every command and test of Sieve that this server runs, with its arguments, in one table.

To add an extension: its name in `EXTENSIONS`, its words here, what they do in `policy.sieve`.
`regex` is left out on purpose: matching must never cost more than its budget.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

EXTENSIONS = (
    "body",
    "comparator-i;ascii-casemap",
    "comparator-i;ascii-numeric",
    "comparator-i;octet",
    "comparator-i;unicode-casemap",
    "copy",
    "date",
    "duplicate",
    "editheader",
    "encoded-character",
    "envelope",
    "environment",
    "ereject",
    "fileinto",
    "ihave",
    "imap4flags",
    "include",
    "index",
    "mailbox",
    "reject",
    "relational",
    "special-use",
    "subaddress",
    "vacation",
    "vacation-seconds",
    "variables",
)
COMPARATORS = frozenset({"i;ascii-casemap", "i;ascii-numeric", "i;octet", "i;unicode-casemap"})
ALWAYS = frozenset({"i;ascii-casemap", "i;octet"})
"""Comparators that need no `require` (RFC 5228 section 2.7.3)."""
RELATIONS = frozenset({"gt", "ge", "lt", "le", "eq", "ne"})


class Takes(Enum):
    """The type of an argument. One string counts as a list of one (RFC 5228 section 2.4.2.1)."""

    STRING = "a string"
    STRINGS = "a list of strings"
    NUMBER = "a number"


class Inside(Enum):
    """Which tests a command or test takes."""

    NONE = 0
    ONE = 1
    MANY = 2


@dataclass(frozen=True, slots=True)
class Tagged:
    """A tagged argument. `group`: the name under which a program has it; tags of one group
    exclude each other. `choice`: the group's value is the tag's name; what it takes, if anything,
    stands under that. `needs`: any one of these extensions."""

    group: str
    takes: Takes | None = None
    needs: tuple[str, ...] = ()
    choice: bool = False


Tags = Mapping[str, Tagged]


@dataclass(frozen=True, slots=True)
class Word:
    """A command or test. `optional`: how many of the first positional arguments may be missing.
    `needs`: any one of these extensions."""

    takes: tuple[Takes, ...] = ()
    tags: Tags | None = None
    needs: tuple[str, ...] = ()
    optional: int = 0
    inside: Inside = Inside.NONE


S, L, N = Takes.STRING, Takes.STRINGS, Takes.NUMBER

_RELATIONAL = ("relational",)
MATCH: Tags = {
    "is": Tagged("match", choice=True),
    "contains": Tagged("match", choice=True),
    "matches": Tagged("match", choice=True),
    "count": Tagged("match", S, _RELATIONAL, choice=True),
    "value": Tagged("match", S, _RELATIONAL, choice=True),
    "comparator": Tagged("comparator", S),
}
PART: Tags = {
    "all": Tagged("part", choice=True),
    "localpart": Tagged("part", choice=True),
    "domain": Tagged("part", choice=True),
    "user": Tagged("part", needs=("subaddress",), choice=True),
    "detail": Tagged("part", needs=("subaddress",), choice=True),
}
INDEX: Tags = {
    "index": Tagged("index", N, ("index",)),
    "last": Tagged("last", None, ("index",)),
}
ZONE: Tags = {"zone": Tagged("zone", S), "originalzone": Tagged("zone", choice=True)}
FLAGS: Tags = {"flags": Tagged("flags", L, ("imap4flags",))}
_COPY: Tags = {"copy": Tagged("copy", None, ("copy",))}

COMMANDS: Mapping[str, Word] = {
    "require": Word((L,)),
    "stop": Word(),
    "keep": Word(tags=FLAGS),
    "discard": Word(),
    "fileinto": Word(
        (S,),
        {
            **FLAGS,
            **_COPY,
            "create": Tagged("create", None, ("mailbox",)),
            "specialuse": Tagged("specialuse", S, ("special-use",)),
        },
        ("fileinto",),
    ),
    "redirect": Word((S,), _COPY),
    "reject": Word((S,), needs=("reject",)),
    "ereject": Word((S,), needs=("ereject",)),
    "setflag": Word((S, L), needs=("imap4flags",), optional=1),
    "addflag": Word((S, L), needs=("imap4flags",), optional=1),
    "removeflag": Word((S, L), needs=("imap4flags",), optional=1),
    "vacation": Word(
        (S,),
        {
            "days": Tagged("period", N, choice=True),
            "seconds": Tagged("period", N, ("vacation-seconds",), choice=True),
            "subject": Tagged("subject", S),
            "from": Tagged("from", S),
            "addresses": Tagged("addresses", L),
            "mime": Tagged("mime"),
            "handle": Tagged("handle", S),
        },
        ("vacation", "vacation-seconds"),
    ),
    "set": Word(
        (S, S),
        {
            "lower": Tagged("case", choice=True),
            "upper": Tagged("case", choice=True),
            "lowerfirst": Tagged("first", choice=True),
            "upperfirst": Tagged("first", choice=True),
            "quotewildcard": Tagged("quotewildcard"),
            "length": Tagged("length"),
        },
        ("variables",),
    ),
    "addheader": Word((S, S), {"last": Tagged("last")}, ("editheader",)),
    "deleteheader": Word(
        (S, L),
        {**MATCH, "index": Tagged("index", N), "last": Tagged("last")},
        ("editheader",),
        optional=-1,
    ),
    "include": Word(
        (S,),
        {
            "personal": Tagged("location", choice=True),
            "global": Tagged("location", choice=True),
            "once": Tagged("once"),
            "optional": Tagged("optional"),
        },
        ("include",),
    ),
    "return": Word(needs=("include",)),
    "global": Word((L,), needs=("include",)),
    "error": Word((S,), needs=("ihave",)),
}
"""`optional` below zero: so many of the last arguments may be missing."""

TESTS: Mapping[str, Word] = {
    "true": Word(),
    "false": Word(),
    "not": Word(inside=Inside.ONE),
    "anyof": Word(inside=Inside.MANY),
    "allof": Word(inside=Inside.MANY),
    "exists": Word((L,)),
    "header": Word((L, L), {**MATCH, **INDEX}),
    "address": Word((L, L), {**MATCH, **PART, **INDEX}),
    "envelope": Word((L, L), {**MATCH, **PART}, ("envelope",)),
    "size": Word(
        (),
        {"over": Tagged("bound", N, choice=True), "under": Tagged("bound", N, choice=True)},
    ),
    "body": Word(
        (L,),
        {
            **MATCH,
            "raw": Tagged("transform", choice=True),
            "text": Tagged("transform", choice=True),
            "content": Tagged("transform", L, choice=True),
        },
        ("body",),
    ),
    "hasflag": Word((L, L), MATCH, ("imap4flags",), optional=1),
    "string": Word((L, L), MATCH, ("variables",)),
    "date": Word((S, S, L), {**MATCH, **INDEX, **ZONE}, ("date",)),
    "currentdate": Word((S, L), {**MATCH, "zone": Tagged("zone", S)}, ("date",)),
    "mailboxexists": Word((L,), needs=("mailbox",)),
    "specialuse_exists": Word((S, L), needs=("special-use",), optional=1),
    "duplicate": Word(
        (),
        {
            "handle": Tagged("handle", S),
            "header": Tagged("id", S, choice=True),
            "uniqueid": Tagged("id", S, choice=True),
            "seconds": Tagged("seconds", N),
            "last": Tagged("last"),
        },
        ("duplicate",),
    ),
    "environment": Word((S, L), MATCH, ("environment",)),
    "ihave": Word((L,), needs=("ihave",)),
}
DATE_PARTS = frozenset(
    {
        "year",
        "month",
        "day",
        "date",
        "julian",
        "hour",
        "minute",
        "second",
        "time",
        "iso8601",
        "std11",
        "zone",
        "weekday",
    }
)
ENVELOPE_PARTS = frozenset({"from", "to", "auth"})
