"""One WildDuck user, from the JSON of its calls to what `core.importing` takes in. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from mailhub.core.domainfile import (
    AccountFile,
    AddressFile,
    AutoreplyFile,
    FilterFile,
    MailboxFile,
)
from mailhub.model.account import SPAM_LEVEL, Encryption, Limits
from mailhub.model.filter import Actions, Conditions
from mailhub.model.mailbox import SPECIAL_USES
from mailhub.switching.origin import AccountThere

LIMITS = {
    "quota": "storage",
    "recipients": "recipients",
    "forwards": "forwards",
    "filters": "filters",
    "received": "received",
    "imapUpload": "imap_upload",
    "imapDownload": "imap_download",
    "pop3Download": "pop3_download",
    "pop3MaxMessages": "pop3_messages",
    "imapMaxConnections": "imap_connections",
}
"""Ours by what they are called in a user's `limits`."""


def account(
    user: Mapping[str, Any],
    addresses: Sequence[Mapping[str, Any]],
    boxes: Sequence[Mapping[str, Any]],
    filters: Sequence[FilterFile],
    reply: Mapping[str, Any],
    apps: int,
) -> AccountThere:
    """A whole account. `apps`: how many app passwords it has."""
    username = str(user["username"])
    main = next((str(row["address"]) for row in addresses if row.get("main")), "")
    main = main or str(user.get("address") or "")
    mailboxes = tuple(_mailbox(row) for row in boxes)
    file = AccountFile(
        username=username,
        address=main,
        maildir="",
        name=str(user.get("name") or ""),
        disabled=bool(user.get("disabled")),
        suspended=bool(user.get("suspended")),
        language=str(user.get("language") or ""),
        retention=int(user.get("retention") or 0),
        tags=tuple(user.get("tags") or ()),
        metadata={
            name: value
            for name in ("metaData", "internalData")
            if isinstance(value := user.get(name), dict) and value
        },
        spam_level=_number(user.get("spamLevel"), SPAM_LEVEL),
        targets=_targets(user),
        limits=_limits(user.get("limits") or {}),
        encryption=Encryption(
            str(user.get("pubKey") or ""),
            bool(user.get("encryptMessages")),
            bool(user.get("encryptForwarded")),
        ),
        disabled_scopes=tuple(user.get("disabledScopes") or ()),
        factors=tuple(_factors(user)),
        mailboxes=mailboxes,
        subscriptions=tuple(box.name for box in mailboxes if box.subscribed),
        filters=tuple(filters),
        autoreply=_reply(reply),
    )
    further = tuple(
        AddressFile(
            address=str(row["address"]),
            owner=username,
            name=str(row.get("name") or ""),
            tags=tuple(row.get("tags") or ()),
        )
        for row in addresses
        if str(row["address"]) != main
    )
    return AccountThere(file, username, further, tuple(_notes(user, apps)))


def filter_file(row: Mapping[str, Any], paths: Mapping[str, str]) -> FilterFile:
    """GET /users/{user}/filters/{filter}, flat as it was at first or nested. `paths`: of mailboxes
    by their ids."""
    query = {**_flat(row, "query_"), **(row.get("query") or {})}
    action = {**_flat(row, "action_"), **(row.get("action") or {})}
    forward = action.get("forward") or ()
    if isinstance(forward, str):
        forward = [one.strip() for one in forward.split(",") if one.strip()]
    given = action.get("targets") or [*forward, action.get("targetUrl")]
    targets = [str(one) for one in given if one]
    return FilterFile(
        name=str(row.get("name") or ""),
        conditions=Conditions(
            sender=str(query.get("from") or ""),
            recipient=str(query.get("to") or ""),
            subject=str(query.get("subject") or ""),
            list_id=str(query.get("listId") or ""),
            text=str(query.get("text") or ""),
            attachments=_flag(query.get("ha")),
            size=_number(query.get("size"), 0),
        ),
        actions=Actions(
            seen=_flag(action.get("seen")),
            flag=_flag(action.get("flag")),
            delete=_flag(action.get("delete")),
            spam=_flag(action.get("spam")),
            forwards=tuple(one for one in targets if "://" not in one),
            uploads=tuple(one for one in targets if "://" in one),
        ),
        mailbox=paths.get(str(action.get("mailbox") or ""), ""),
        disabled=bool(row.get("disabled")),
        metadata=json.dumps(row["metaData"]) if row.get("metaData") else "",
    )


def _flat(row: Mapping[str, Any], start: str) -> Mapping[str, Any]:
    return {name[len(start) :]: row[name] for name in row if name.startswith(start)}


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _number(value: object, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def _targets(user: Mapping[str, Any]) -> tuple[str, ...]:
    """`targets`, or what stood for it in the first years."""
    given = user.get("targets") or [user.get("forward"), user.get("targetUrl")]
    words = [str(one.get("value", "")) if isinstance(one, dict) else one for one in given]
    return tuple(str(one) for one in words if one)


def _limits(shown: Mapping[str, Any]) -> Limits:
    """What counts there, be it the server's default."""
    found = {
        ours: _number((shown.get(theirs) or {}).get("allowed"), 0)
        for theirs, ours in LIMITS.items()
    }
    return Limits(**{name: max(0, value) for name, value in found.items()})


def _mailbox(row: Mapping[str, Any]) -> MailboxFile:
    use = str(row.get("specialUse") or "")
    return MailboxFile(
        name=str(row["path"]),
        special_use=use if use in SPECIAL_USES else "",
        subscribed=bool(row.get("subscribed", True)),
        retention=int(row.get("retention") or 0),
        hidden=bool(row.get("hidden")),
    )


def _reply(row: Mapping[str, Any]) -> AutoreplyFile | None:
    text = str(row.get("text") or row.get("message") or "")
    html = str(row.get("html") or "")
    if not (row.get("status") or text or html or row.get("subject")):
        return None
    return AutoreplyFile(
        status=bool(row.get("status")),
        name=str(row.get("name") or ""),
        subject=str(row.get("subject") or ""),
        text=text,
        html=html,
        starts=_moment(row.get("start")),
        ends=_moment(row.get("end")),
    )


def _moment(value: object) -> int | None:
    """ISO 8601 as epoch seconds; false, and what is no time, are none."""
    if not isinstance(value, str) or not value:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


def _factors(user: Mapping[str, Any]) -> list[str]:
    given = user.get("enabled2fa")
    return [str(one) for one in given] if isinstance(given, list) else []


def _notes(user: Mapping[str, Any], apps: int) -> list[str]:
    found = []
    if apps:
        found.append(f"{apps} app passwords are not told, and have to be made again")
    if user.get("mtaRelay"):
        found.append("its own relay (mtaRelay) is not carried over")
    if user.get("fromWhitelist"):
        allowed = ", ".join(map(str, user["fromWhitelist"]))
        found.append(f"may write as {allowed} there, which has to be allowed here by aliases")
    if user.get("hasPasswordSet") is False:
        found.append("has no password there")
    return found
