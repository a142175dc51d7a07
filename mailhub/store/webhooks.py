"""Webhooks and how far each was told."""

from __future__ import annotations

import json
from collections.abc import Sequence

from mailhub.model.change import Actor, WebhooksChanged
from mailhub.model.event import Place
from mailhub.model.webhook import Webhook
from mailhub.store.sql import Cursor, next_number
from mailhub.store.transaction import Transaction, found

_COLUMNS = (
    "number, id, account, owner, types, url, secret, created, told_number, told_index, failure,"
    " failing, turned"
)


def add(tx: Transaction, hook: Webhook, actor: Actor) -> Webhook:
    """See `ports.Webhooks.add`."""
    number = next_number(tx.cursor, "webhook")
    detail = {"what": "created", "id": hook.id}
    entry = tx.journal("webhookschanged", actor, detail=json.dumps(detail))
    tx.execute(
        f"INSERT INTO webhook ({_COLUMNS}) VALUES (:number, :id, :account, :owner, :types, :url,"
        " :secret, :created, :told_number, :told_index, '', 0, 0)",
        {
            "number": number,
            "id": hook.id,
            "account": hook.account,
            "owner": hook.user,
            "types": json.dumps(hook.types),
            "url": hook.url,
            "secret": hook.secret,
            "created": hook.created,
            "told_number": entry,
            "told_index": Place(entry).index,
        },
    )
    tx.tell(WebhooksChanged(entry))
    return _read(tx.cursor, " WHERE number = :number", {"number": number})[0]


def every(cursor: Cursor) -> Sequence[Webhook]:
    """See `ports.Webhooks.all`."""
    return _read(cursor, " ORDER BY number", {})


def remove(tx: Transaction, number: int, actor: Actor) -> None:
    """See `ports.Webhooks.remove`."""
    found(tx.execute("DELETE FROM webhook WHERE number = :number", {"number": number}), "webhook")
    entry = tx.journal("webhookschanged", actor, detail=json.dumps({"what": "removed"}))
    tx.tell(WebhooksChanged(entry))


def moved(tx: Transaction, hook: Webhook) -> bool:
    """See `ports.Webhooks.moved`."""
    changed = tx.execute(
        "UPDATE webhook SET told_number = :told, told_index = :index, failure = :failure,"
        " failing = :failing WHERE number = :number AND turned = :turned",
        {
            "told": hook.place.number,
            "index": hook.place.index,
            "failure": hook.failure,
            "failing": hook.failing,
            "number": hook.number,
            "turned": hook.turned,
        },
    )
    return changed.rowcount > 0


def replay(tx: Transaction, number: int, place: Place, actor: Actor) -> Webhook:
    """See `ports.Webhooks.replay`."""
    changed = tx.execute(
        "UPDATE webhook SET told_number = :told, told_index = :index, turned = turned + 1"
        " WHERE number = :number",
        {"told": place.number, "index": place.index, "number": number},
    )
    found(changed, "webhook")
    entry = tx.journal("webhookschanged", actor, detail=json.dumps({"what": "replayed"}))
    tx.tell(WebhooksChanged(entry))
    return _read(tx.cursor, " WHERE number = :number", {"number": number})[0]


def _read(cursor: Cursor, condition: str, parameters: dict[str, object]) -> Sequence[Webhook]:
    rows = cursor.execute(f"SELECT {_COLUMNS} FROM webhook{condition}", parameters).fetchall()
    return [
        Webhook(
            number=row[0],
            id=row[1],
            account=row[2],
            user=row[3],
            types=tuple(json.loads(row[4])),
            url=row[5],
            secret=row[6],
            created=row[7],
            place=Place(row[8], row[9]),
            failure=row[10],
            failing=row[11],
            turned=row[12],
        )
        for row in rows
    ]
