"""What may be written about accounts and addresses: names, tags, limits, keys, targets, commands;
checked at birth.

Pure but for the OpenPGP library, which says whether a key is one. Login names and passwords belong
to `core.accounts`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from typing import TypeVar

from mailhub.model.account import CLEAR, Account, Encryption, Limits, NewAccount
from mailhub.model.errors import Invalid, Unsupported
from mailhub.wire import address as grammar
from mailhub.wire import pgp, relayurl, weburl

NAME_LIMIT = 256
TAGS_LIMIT = 128
TAG_LIMIT = 128
TARGETS_LIMIT = 1000
REASON_LIMIT = 128
PROGRAM_LIMIT = 4096
"""Characters of a command in all."""
_PROGRAM = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8})*")

_Profile = TypeVar("_Profile", Account, NewAccount)


def checked(profile: _Profile, before: Encryption = CLEAR) -> _Profile:
    """`profile` as it may be stored. `before`: the encryption that is known to be right.

    Raises Invalid (with `field`), also for a key where there is no OpenPGP.
    """
    if profile.encryption.key and profile.encryption.key != before.key:
        try:
            pgp.check(profile.encryption.key)
        except (Invalid, Unsupported) as error:
            raise Invalid(error.text, field="pubKey") from None
    if not 0 <= profile.spam_level <= 100:
        raise Invalid("Not between 0 and 100", field="spamLevel")
    return dataclasses.replace(
        profile,
        name=line(profile.name, "name", NAME_LIMIT),
        limits=_limits(profile.limits),
        language=_language(profile.language),
        retention=_natural(profile.retention, "retention"),
        tags=tags(profile.tags),
        targets=targets(profile.targets),
    )


def line(value: str, field: str, limit: int) -> str:
    """One line of text. Raises Invalid."""
    if len(value) > limit or _CONTROL.search(value):
        raise Invalid("Too long, or with control characters", field=field)
    return value


def tags(given: Iterable[str]) -> tuple[str, ...]:
    """Tags without repeats. Raises Invalid (field `tags`)."""
    found = tuple(dict.fromkeys(line(tag, "tags", TAG_LIMIT) for tag in given))
    if len(found) > TAGS_LIMIT:
        raise Invalid(f"There can be {TAGS_LIMIT} tags", field="tags")
    return found


def targets(given: Iterable[str]) -> tuple[str, ...]:
    """Canonical addresses that mail goes on to, URLs that it is posted or relayed to, no repeats.
    Raises Invalid (field `targets`)."""
    try:
        found = tuple(dict.fromkeys(_target(one) for one in given))
    except Invalid as error:
        raise Invalid(error.text, field="targets") from None
    if len(found) > TARGETS_LIMIT:
        raise Invalid(f"There can be {TARGETS_LIMIT} targets", field="targets")
    return found


def aims(given: Iterable[str]) -> tuple[str, ...]:
    """As `targets`, for an address that is nobody's own: nothing is posted in nobody's name. Raises
    Invalid (field `targets`)."""
    found = targets(given)
    if any("://" in one and not relayurl.is_relay(one) for one in found):
        raise Invalid("An address leads to addresses, and to relays (smtp:)", field="targets")
    return found


def addresses(given: Iterable[str], field: str) -> tuple[str, ...]:
    """As `targets`, of addresses alone. Raises Invalid."""
    found = targets(given)
    if any("://" in one for one in found):
        raise Invalid("Only addresses are possible here", field=field)
    return found


def _target(one: str) -> str:
    if relayurl.is_relay(one):
        return str(relayurl.parse(one))
    if "://" in one:
        return str(weburl.parse(one))
    return grammar.join(*grammar.split(one))


def program(words: Sequence[str]) -> tuple[str, ...]:
    """The words of a command. Its first is the name of a file in the folder of programs, so that
    no path leads out of it. Raises Invalid (field `program`)."""
    if not words:
        return ()
    if _PROGRAM.fullmatch(words[0]) is None:
        raise Invalid("A program is named by its file's name", field="program")
    if sum(map(len, words)) > PROGRAM_LIMIT or any("\x00" in word for word in words):
        raise Invalid("The command is too long, or holds a NUL", field="program")
    return tuple(words)


def _natural(value: int, field: str) -> int:
    if not 0 <= value < 1 << 62:
        raise Invalid("Not a number of this range", field=field)
    return value


def _limits(limits: Limits) -> Limits:
    for one in dataclasses.fields(limits):
        _natural(getattr(limits, one.name), one.name)
    return limits


def _language(language: str) -> str:
    if language and (len(language) > 20 or _LANGUAGE.fullmatch(language) is None):
        raise Invalid("Not a language tag", field="language")
    return language
