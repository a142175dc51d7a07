"""A filter as the fields of a form, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mailhub.http.panel.users import quota, words
from mailhub.model.errors import Invalid
from mailhub.model.filter import Actions, Conditions, Filter

TEXTS = {
    "from": "sender",
    "to": "recipient",
    "subject": "subject",
    "list": "list_id",
    "text": "text",
}
"""The form's fields that are looked for in a message, by what we call them."""
_YES: Mapping[str, bool | None] = {"yes": True, "no": False}


def conditions(given: Mapping[str, str]) -> Conditions:
    """Of a form that was sent. Raises Invalid (field `size`)."""
    texts = {ours: given.get(name, "").strip() for name, ours in TEXTS.items()}
    octets = 0
    if given.get("than", "") in ("larger", "smaller"):
        octets = quota(given.get("size", ""))
        if not octets:
            raise Invalid("A size is a number with K, M or G, such as 5M", "size")
        if given["than"] == "smaller":
            octets = -octets
    return Conditions(**texts, attachments=_YES.get(given.get("attachments", "")), size=octets)


def actions(given: Mapping[str, str], before: Actions, mailbox: int) -> Actions:
    """The same of what is done. `before`: what it did, with what a form does not show."""
    targets = given.get("forwards", "").replace(",", " ").split()
    return replace(
        before,
        seen=True if given.get("seen") else None,
        flag=True if given.get("flag") else None,
        delete=True if given.get("delete") else None,
        spam=_YES.get(given.get("spam", "")),
        mailbox=mailbox,
        forwards=tuple(targets),
    )


def fields(one: Filter, boxes: Mapping[int, str]) -> dict[str, str]:
    """What the form shows of a filter. `boxes`: ids of mailboxes by number."""
    wanted, does = one.conditions, one.actions
    than = "larger" if wanted.size > 0 else "smaller" if wanted.size < 0 else ""
    return {
        "name": one.name,
        **{name: getattr(wanted, ours) for name, ours in TEXTS.items()},
        "attachments": _word(wanted.attachments),
        "than": than,
        "size": words(abs(wanted.size)),
        "seen": "1" if does.seen else "",
        "flag": "1" if does.flag else "",
        "delete": "1" if does.delete else "",
        "spam": _word(does.spam),
        "mailbox": boxes.get(does.mailbox, ""),
        "forwards": "\n".join(does.forwards),
        "off": "1" if one.disabled else "",
    }


def _word(value: bool | None) -> str:
    return "" if value is None else "yes" if value else "no"
