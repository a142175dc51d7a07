"""The keys of encrypted bodies, each closed with the keys of the accounts that have the body.

A master key, which is not in the database, closes the key of each account; that closes the keys
of the account's bodies. What waits in the queue is closed with the server's own key, account 0,
too. Without its account's key nobody reads a body any more, whatever copies of it there are. How
octets are sealed is `sealing`'s.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mailhub.model.errors import Corrupt, Unavailable
from mailhub.store import sealing
from mailhub.store.sql import Cursor, array_text, item, numbers_in, put_rows
from mailhub.store.transaction import Transaction

TABLES = (
    # master: name of the key that this one is closed with. account 0: the server's own.
    """
    CREATE TABLE account_key (
        account BIGINT PRIMARY KEY,
        master TEXT NOT NULL,
        wrapped BLOB NOT NULL
    )
    """,
    # size: of the body before it was sealed.
    """
    CREATE TABLE body_key (
        segment BIGINT NOT NULL,
        account BIGINT NOT NULL,
        size BIGINT NOT NULL,
        wrapped BLOB NOT NULL,
        PRIMARY KEY (segment, account)
    )
    """,
)
STEP = 500
"""Keys that are closed anew in one commit."""
KEPT = 5000
"""Keys of bodies that are remembered."""
_OPENING = (
    "SELECT DISTINCT ON (b.segment) b.segment, b.account, b.size, b.wrapped, a.master, a.wrapped"
    f" FROM json_each(:segments) AS w CROSS JOIN body_key AS b CROSS JOIN account_key AS a"
    f" WHERE b.segment = {item('w')} AND a.account = b.account ORDER BY b.segment, b.account"
)


@dataclass(frozen=True, slots=True)
class SealedKey:
    """The key of a body, and the body's size before it was sealed."""

    key: bytes
    size: int


def masters(path: str) -> Mapping[str, bytes]:
    """The master keys in a file, by name, in its order. Raises Unavailable: better no start than
    mail that nobody can read."""
    try:
        text = Path(path).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise Unavailable(f"encryption.file: {path} cannot be read ({error})") from None
    found: dict[str, bytes] = {}
    for place, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, _, written = line.partition(":")
        try:
            key = b64decode(written.strip(), validate=True)
        except NotBase64:
            key = b""
        if len(key) != sealing.KEY or not name.strip() or name.strip() in found:
            raise Unavailable(f"encryption.file: {path}:{place}: NAME:KEY, each name once")
        found[name.strip()] = key
    if not found:
        raise Unavailable(f"encryption.file: {path}: there is no key in it")
    return found


def written(key: bytes) -> str:
    """A master key as the file has it."""
    return b64encode(key).decode()


class Keyring:
    """`masters`: by name; the first one closes, all open."""

    def __init__(self, masters: Mapping[str, bytes]) -> None:
        self._masters = masters
        self._first = next(iter(masters))
        self._known: OrderedDict[int, SealedKey] = OrderedDict()

    def check(self, cursor: Cursor) -> None:
        """Raises Unavailable where the masters do not open all accounts' keys: that is better known
        before a delivery to one of them fails with all of its batch."""
        rows = cursor.execute(
            "SELECT DISTINCT ON (master) account, master, wrapped FROM account_key"
            " ORDER BY master, account",
            {},
        ).fetchall()
        for account, master, wrapped in rows:
            try:
                self._opened(account, master, wrapped)
            except Corrupt:
                text = f"encryption.file: {master} is another key than it was"
                raise Unavailable(text) from None

    # -- in commits

    def share(self, tx: Transaction, keys: Mapping[int, SealedKey]) -> None:
        """Closes the bodies' keys with those of the accounts whose rows refer to them."""
        pairs = sorted({pair for pair in tx.placed if pair[1] in keys})
        if pairs:
            own = self._accounts(tx, sorted({account for account, _ in pairs}))
            put_rows(
                tx.cursor,
                "INSERT INTO body_key (segment, account, size, wrapped) VALUES",
                [
                    _shared(own[account], account, segment, keys[segment])
                    for account, segment in pairs
                ],
            )

    def _accounts(self, tx: Transaction, accounts: Sequence[int]) -> dict[int, bytes]:
        """Keys of accounts; new ones for those that have none.

        Looked up in every commit: a key that was remembered may be one that never got committed,
        or that went with its account.
        """
        rows = tx.execute(
            f"SELECT account, master, wrapped FROM account_key WHERE account IN"
            f" {numbers_in('accounts')}",
            {"accounts": array_text(accounts)},
        ).fetchall()
        found = {account: self._opened(account, *row) for account, *row in rows}
        fresh = {account: sealing.fresh_key() for account in accounts if account not in found}
        put_rows(
            tx.cursor,
            "INSERT INTO account_key (account, master, wrapped) VALUES",
            [(account, self._first, self._closed(account, key)) for account, key in fresh.items()],
        )
        return found | fresh

    def _closed(self, account: int, key: bytes) -> bytes:
        return sealing.wrap(self._masters[self._first], key, b"account %d" % account)

    def _opened(self, account: int, master: str, wrapped: bytes) -> bytes:
        known = self._masters.get(master)
        if known is None:
            raise Unavailable(f"The master key {master} is not in encryption.file")
        return sealing.unwrap(known, bytes(wrapped), b"account %d" % account)

    # -- for readers

    def known(self, segments: Sequence[int]) -> dict[int, SealedKey]:
        """Those that are remembered. For the reactor's thread alone, as `remember`."""
        found = {}
        for segment in segments:
            key = self._known.get(segment)
            if key is not None:
                self._known.move_to_end(segment)
                found[segment] = key
        return found

    def remember(self, keys: Mapping[int, SealedKey]) -> None:
        """Keeps the newest ones."""
        self._known.update(keys)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)

    def forget(self) -> None:
        """Nothing is remembered. For the reactor's thread alone, as `remember`."""
        self._known.clear()

    def find(self, cursor: Cursor, segments: Sequence[int]) -> dict[int, SealedKey]:
        """The keys of bodies, with any of their accounts' keys. Raises Corrupt where there is
        none, Unavailable where a master key is missing."""
        rows = cursor.execute(_OPENING, {"segments": array_text(set(segments))}).fetchall()
        found = {}
        for segment, account, size, wrapped, master, outer in rows:
            own = self._opened(account, master, outer)
            key = sealing.unwrap(own, bytes(wrapped), _bound(segment, size))
            found[segment] = SealedKey(key, size)
        if len(found) != len(set(segments)):
            raise Corrupt("The keys of a stored message are gone")
        return found

    # -- changing the master key

    def turn(self, tx: Transaction) -> bool:
        """Closes some accounts' keys with the first master key that were closed with another one;
        whether there may be more. Raises Unavailable."""
        rows = tx.execute(
            "SELECT account, master, wrapped FROM account_key WHERE master <> :first"
            " ORDER BY account LIMIT :step",
            {"first": self._first, "step": STEP},
        ).fetchall()
        # Never an insert: an account that went meanwhile has no key any more.
        put_rows(
            tx.cursor,
            "WITH news (account, master, wrapped) AS (VALUES",
            [
                (account, self._first, self._closed(account, self._opened(account, *row)))
                for account, *row in rows
            ],
            ") UPDATE account_key SET master = news.master, wrapped = news.wrapped FROM news"
            " WHERE account_key.account = news.account",
        )
        return bool(rows)


def in_use(cursor: Cursor) -> Mapping[str, int]:
    """How many accounts' keys are closed with each master key, by its name."""
    rows = cursor.execute(
        "SELECT json_group_array(json_array(master, count)) FROM (SELECT master, count(*) AS count"
        " FROM account_key GROUP BY master ORDER BY master) AS found",
        {},
    ).fetchone()
    return dict(json.loads(rows[0]))


def forget(tx: Transaction, accounts: Sequence[int]) -> None:
    """Nobody reads the accounts' bodies any more, unless others have them too."""
    tx.execute(
        f"DELETE FROM account_key WHERE account IN {numbers_in('accounts')}",
        {"accounts": array_text(accounts)},
    )


def _shared(own: bytes, account: int, segment: int, key: SealedKey) -> tuple[object, ...]:
    wrapped = sealing.wrap(own, key.key, _bound(segment, key.size))
    return segment, account, key.size, wrapped


def _bound(segment: int, size: int) -> bytes:
    return b"body %d %d" % (segment, size)
