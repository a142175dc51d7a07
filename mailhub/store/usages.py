"""What an account uses of its allowance, taken in the transaction that puts messages in."""

from __future__ import annotations

from mailhub.model.errors import NotFound, OverQuota
from mailhub.store.transaction import Transaction


def take_quota(tx: Transaction, account: int, size: int, messages: int) -> None:
    """Counts messages in. Raises OverQuota, NotFound: the transaction's work must end then."""
    row = tx.execute(
        "UPDATE usage SET used_storage = used_storage + :size,"
        " used_messages = used_messages + :messages WHERE account = :account"
        " RETURNING used_storage, used_messages, limit_storage, limit_messages",
        {"size": size, "messages": messages, "account": account},
    ).fetchone()
    if row is None:
        raise NotFound("No such account")
    storage, count, limit_storage, limit_messages = row
    limit = limit_storage or tx.quota
    if (limit and storage > limit) or (limit_messages and count > limit_messages):
        raise OverQuota
