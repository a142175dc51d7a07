"""Mail-in-a-Box's aliases: form fields to core's and back, and the rules of their fields, in the
order in which they are looked at. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mailhub.core.aliases import Alias
from mailhub.http.mailinabox.names import by_domain, readable_domain
from mailhub.http.mailinabox.replies import Refusal
from mailhub.http.mailinabox.shapes import Form, Shown, text
from mailhub.model.errors import Invalid
from mailhub.wire import address as grammar

NOTHING = "The alias must either forward to an address or have a permitted sender."
RESERVED = (
    "This alias can only have administrators of this system as destinations because the address "
    "is frequently used for domain control validation."
)
NULL = "None"
"""What a client that has no senders to send may say: its language's word for nothing."""
_PARTS = re.compile(r"[,\n]")


class NewAlias(Form):
    """POST /mail/aliases/add."""

    address: str = text()
    forwards_to: str = text()
    permitted_senders: str = text()
    update_if_exists: str = text()


class Named(Form):
    """Which alias is meant."""

    address: str = text()


class ShownAlias(Shown):
    """One of a domain's aliases. `auto`, and `required` as it was called before: nobody made it,
    and nobody can remove it."""

    address: str
    address_display: str
    forwards_to: list[str]
    permitted_senders: list[str] | None
    required: bool
    auto: bool


class DomainAliases(Shown):
    """The aliases of a domain."""

    domain: str
    aliases: list[ShownAlias]


def address(written: str) -> str:
    """An alias's address, which may be a whole domain's. Raises Refusal."""
    given = written.strip()
    if not given:
        raise Refusal("No email address provided.")
    try:
        return _canonical(given)
    except Invalid:
        raise Refusal(f"Invalid email address ({given}).") from None


def targets(written: str) -> tuple[str, ...]:
    """Where an alias leads. Raises Refusal."""
    found: dict[str, None] = {}
    for one in _each(written):
        try:
            found[_canonical(one)] = None
        except Invalid:
            raise Refusal(f"Invalid receiver email address ({one}).") from None
    return tuple(found)


def senders(written: str) -> tuple[str, ...]:
    """Who may write as an alias, not checked yet."""
    if written.strip() == NULL:
        return ()
    return tuple(dict.fromkeys(one.lower() for one in _each(written)))


def _each(written: str) -> list[str]:
    return [one.strip() for one in _PARTS.split(written) if one.strip()]


def _canonical(written: str) -> str:
    """Lower-case, with the domain as the DNS has it. Raises Invalid."""
    if written.startswith("@"):
        name = grammar.domain(written[1:])
        if name.startswith("["):
            raise Invalid("An address literal is no domain")
        return f"@{name}"
    local, name = grammar.split(written.lower())
    if not local.isascii() or "*" in local or name.startswith("["):
        raise Invalid("No address of an alias")
    return grammar.join(local, name)


def line(alias: Alias) -> str:
    """An alias as text."""
    return f"{_spelled(alias)}\t{','.join(alias.targets)}\t{','.join(alias.senders)}"


def listed(aliases: Iterable[Alias], hostname: str) -> list[dict[str, object]]:
    """Aliases by domain: that of this server first, and in each those that nobody made last."""
    in_order = sorted(aliases, key=lambda one: (one.automatic, one.address))
    grouped = by_domain(in_order, lambda one: one.address, hostname)
    return [{"domain": readable_domain(name), "aliases": _rows(rows)} for name, rows in grouped]


def _rows(aliases: Sequence[Alias]) -> list[dict[str, object]]:
    return [
        {
            "address": one.address,
            "address_display": _spelled(one),
            "forwards_to": [grammar.readable(target) for target in one.targets],
            "permitted_senders": [grammar.readable(sender) for sender in one.senders] or None,
            "required": one.automatic,
            "auto": one.automatic,
        }
        for one in aliases
    ]


def _spelled(alias: Alias) -> str:
    return grammar.readable(alias.address)
