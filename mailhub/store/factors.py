"""Second factors as rows, and the account's word on which are on: both change in one commit.

Whether a code fits a seed, or a signature a key, is core's.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.model.account import Account, Factor, Secrets
from mailhub.model.change import Actor
from mailhub.model.errors import AlreadyExists, LimitReached, NotFound
from mailhub.model.identity import Challenge, CodeDevice, SecurityKey, Spent, Totp
from mailhub.store import accounts, authlog, code_devices
from mailhub.store.sql import Cursor
from mailhub.store.transaction import Transaction

MISSES = 6
MISS_WINDOW = 180
"""So many wrong codes in so many seconds, and no further one is looked at in them."""
WORDS = {
    Factor.TOTP: "2fa totp",
    Factor.WEBAUTHN: "2fa webauthn",
    Factor.CUSTOM: "2fa custom",
}
TABLES = {Factor.TOTP: ("totp", "code_device"), Factor.WEBAUTHN: ("security_key",)}
"""Where the proofs of a factor stand."""
_KEY_COLUMNS = (
    "account, number, id, credential, public_key, uses, description, attachment, party, created,"
    " last_used"
)


# -- one-time codes


def totp(cursor: Cursor, account: int) -> Totp | None:
    """The account's seed, waiting or on."""
    row = cursor.execute(
        "SELECT seed, enabled, created FROM totp WHERE account = :account", {"account": account}
    ).fetchone()
    return Totp(row[0], bool(row[1]), row[2]) if row is not None else None


def put_totp(tx: Transaction, account: int, seed: str, actor: Actor) -> None:
    """See `ports.Factors.put_totp`. Wrong codes go on counting over a new seed."""
    accounts.known(tx.cursor, account)
    old = totp(tx.cursor, account)
    if old is not None and old.enabled:
        raise AlreadyExists("One-time codes are on already", "totp")
    tx.execute(
        "INSERT INTO totp (account, seed, enabled, created, last_step, misses, missed)"
        " VALUES (:account, :seed, 0, :now, 0, 0, 0) ON CONFLICT (account)"
        " DO UPDATE SET seed = excluded.seed, created = excluded.created, last_step = 0,"
        " label = ''",
        {"account": account, "seed": seed, "now": tx.now},
    )
    tx.journal("factorchanged", actor, account, detail='{"what":"seed"}')


def spend(
    tx: Transaction, account: int, step: int | None, actor: Actor, enable: bool, device: int
) -> Spent:
    """See `ports.Factors.spend`. All is decided in this commit: of two that bring the same code
    at once, one comes in; and a thousand guesses at once count as a thousand, whichever device
    they are of."""
    row = tx.execute(
        "SELECT last_step, misses, missed FROM totp WHERE account = :account AND enabled = :on",
        {"account": account, "on": int(not enable)},
    ).fetchone()
    if row is None:
        raise NotFound("One-time codes are not set up")
    last_step, misses, missed = row
    action = "enable 2fa totp" if enable else "check 2fa totp"
    if not 0 <= tx.now - missed < MISS_WINDOW:
        misses, missed = 0, tx.now
    if misses >= MISSES:
        return Spent.LIMITED
    if device:
        last_step = code_devices.last_step(tx.cursor, account, device)
    if step is None or step <= last_step:
        tx.execute(
            "UPDATE totp SET misses = :misses, missed = :missed WHERE account = :account",
            {"account": account, "misses": misses + 1, "missed": missed},
        )
        authlog.put(tx, account, authlog.by(actor, action, "fail"))
        return Spent.WRONG
    if device:
        code_devices.take(tx, account, device, step)
    tx.execute(
        "UPDATE totp SET enabled = 1, misses = 0, missed = 0,"
        " last_step = CASE WHEN :device = 0 THEN :step ELSE last_step END"
        " WHERE account = :account",
        {"account": account, "step": step, "device": device},
    )
    authlog.done(tx, account, action, actor)
    if enable:
        _turn_on(tx, account, Factor.TOTP, actor)
    return Spent.TAKEN


def devices(cursor: Cursor, account: int) -> Sequence[CodeDevice]:
    """See `ports.Factors.devices`."""
    row = cursor.execute(
        "SELECT number, label, seed, created FROM totp WHERE account = :account AND enabled = 1",
        {"account": account},
    ).fetchone()
    if row is None:
        return []
    first = CodeDevice(*row)
    return sorted((first, *code_devices.of(cursor, account)), key=lambda one: one.number)


def add_device(
    tx: Transaction, account: int, seed: str, label: str, step: int, most: int, actor: Actor
) -> CodeDevice:
    """See `ports.Factors.add_device`."""
    here = devices(tx.cursor, account)
    if len(here) >= most:
        raise LimitReached(f"There are {most} devices already, remove one first")
    if not here:
        put_totp(tx, account, seed, actor)
        tx.execute(
            "UPDATE totp SET enabled = 1, number = 1, label = :label, last_step = :step"
            " WHERE account = :account",
            {"account": account, "label": label, "step": step},
        )
        authlog.done(tx, account, "enable 2fa totp", actor)
        _turn_on(tx, account, Factor.TOTP, actor)
    else:
        code_devices.add(tx, account, here[-1].number + 1, seed, label, step)
        authlog.done(tx, account, "add totp device", actor, target_name=label)
        tx.journal("factorchanged", actor, account, detail='{"what":"device"}')
    accounts.end_sessions(tx, account, actor, "")
    return devices(tx.cursor, account)[-1]


def remove_device(tx: Transaction, account: int, number: int, actor: Actor) -> None:
    """See `ports.Factors.remove_device`."""
    here = devices(tx.cursor, account)
    gone = next((one for one in here if one.number == number), None)
    if gone is None:
        raise NotFound("No such device")
    if len(here) == 1:
        clear(tx, account, (Factor.TOTP,), actor)
        return
    if not code_devices.drop(tx, account, number):
        code_devices.promote(tx, account)
    authlog.done(tx, account, "remove totp device", actor, target_name=gone.label)
    tx.journal("factorchanged", actor, account, detail='{"what":"device"}')
    accounts.end_sessions(tx, account, actor, "")


# -- which are on


def _turn_on(tx: Transaction, account: int, factor: Factor, actor: Actor) -> None:
    """The first one ends sessions that the password alone began."""
    before = accounts.known(tx.cursor, account).factors
    if factor in before:
        return
    _set(tx, account, (*before, factor))
    tx.journal("factorchanged", actor, account, detail=f'{{"what":"on","factor":"{factor.value}"}}')
    if not before:
        accounts.end_sessions(tx, account, actor, "")


def turn_on(tx: Transaction, account: int, factor: Factor, actor: Actor) -> None:
    """See `ports.Factors.turn_on`."""
    if factor not in accounts.known(tx.cursor, account).factors:
        authlog.done(tx, account, f"enable {WORDS[factor]}", actor)
        _turn_on(tx, account, factor, actor)


def clear(tx: Transaction, account: int, factors: Sequence[Factor], actor: Actor) -> bool:
    """See `ports.Factors.clear`."""
    before = accounts.known(tx.cursor, account).factors
    gone = [factor for factor in before if factor in factors]
    for factor in factors:
        for table in TABLES.get(factor, ()):
            tx.execute(f"DELETE FROM {table} WHERE account = :account", {"account": account})
    if not gone:
        return False
    _set(tx, account, [factor for factor in before if factor not in factors])
    for factor in gone:
        detail = f'{{"what":"off","factor":"{factor.value}"}}'
        tx.journal("factorchanged", actor, account, detail=detail)
        if len(factors) == 1:
            authlog.done(tx, account, f"disable {WORDS[factor]}", actor)
    if len(factors) > 1:
        authlog.done(tx, account, "disable 2fa", actor)
    accounts.end_sessions(tx, account, actor, "")
    return True


def _set(tx: Transaction, account: int, factors: Sequence[Factor]) -> None:
    tx.execute(
        "UPDATE account SET factors = :factors WHERE number = :account",
        {"account": account, "factors": " ".join(factor.value for factor in factors)},
    )


def reset_password(tx: Transaction, account: int, secrets: Secrets, actor: Actor) -> Account:
    """See `ports.Factors.reset_password`."""
    clear(tx, account, tuple(Factor), actor)
    accounts.set_secrets(tx, account, secrets, actor, end_sessions=True, action="reset")
    tx.execute("UPDATE account SET must_change = 1 WHERE number = :account", {"account": account})
    return accounts.known(tx.cursor, account)


# -- security keys


def keys(cursor: Cursor, account: int) -> Sequence[SecurityKey]:
    """See `ports.Factors.keys`."""
    rows = cursor.execute(
        f"SELECT {_KEY_COLUMNS} FROM security_key WHERE account = :account ORDER BY number",
        {"account": account},
    ).fetchall()
    return [SecurityKey(*row) for row in rows]


def add_key(tx: Transaction, key: SecurityKey, most: int, actor: Actor) -> SecurityKey:
    """See `ports.Factors.add_key`."""
    accounts.known(tx.cursor, key.account)
    others = keys(tx.cursor, key.account)
    if any(other.credential == key.credential for other in others):
        raise AlreadyExists("This security key is registered already", "credential")
    if len(others) >= most:
        raise LimitReached(f"There are {most} security keys already, remove one first")
    place = 1 + max((other.number for other in others), default=0)
    values = {
        "account": key.account,
        "number": place,
        "id": key.id,
        "credential": key.credential,
        "public_key": key.public_key,
        "uses": key.uses,
        "description": key.description,
        "attachment": key.attachment,
        "party": key.party,
        "now": tx.now,
    }
    tx.execute(
        f"INSERT INTO security_key ({_KEY_COLUMNS}) VALUES (:account, :number, :id, :credential,"
        " :public_key, :uses, :description, :attachment, :party, :now, 0)",
        values,
    )
    authlog.done(
        tx, key.account, "register webauthn", actor, target=key.id, target_name=key.description
    )
    _turn_on(tx, key.account, Factor.WEBAUTHN, actor)
    return next(one for one in keys(tx.cursor, key.account) if one.number == place)


def remove_key(tx: Transaction, account: int, id: str, actor: Actor) -> None:
    """See `ports.Factors.remove_key`. The last one turns the factor off."""
    before = keys(tx.cursor, account)
    gone = next((key for key in before if key.id == id), None)
    if gone is None:
        raise NotFound("No such security key")
    tx.execute(
        "DELETE FROM security_key WHERE account = :account AND number = :number",
        {"account": account, "number": gone.number},
    )
    authlog.done(tx, account, "remove webauthn", actor, target=id, target_name=gone.description)
    if len(before) == 1:
        clear(tx, account, (Factor.WEBAUTHN,), actor)


def key_used(
    tx: Transaction, account: int, place: int, before: int, uses: int, actor: Actor
) -> bool:
    """See `ports.Factors.key_used`."""
    changed = tx.execute(
        "UPDATE security_key SET uses = :uses, last_used = :now"
        " WHERE account = :account AND number = :number AND uses = :before",
        {"account": account, "number": place, "before": before, "uses": uses, "now": tx.now},
    )
    if changed.rowcount:
        authlog.done(tx, account, "check 2fa webauthn", actor)
    return changed.rowcount > 0


def put_challenge(tx: Transaction, account: int, kind: str, challenge: Challenge) -> None:
    """See `ports.Factors.put_challenge`."""
    accounts.known(tx.cursor, account)
    tx.execute(
        "INSERT INTO challenge (account, kind, value, detail, expires)"
        " VALUES (:account, :kind, :value, :detail, :expires) ON CONFLICT (account, kind)"
        " DO UPDATE SET value = excluded.value, detail = excluded.detail,"
        " expires = excluded.expires",
        {
            "account": account,
            "kind": kind,
            "value": challenge.value,
            "detail": challenge.detail,
            "expires": challenge.expires,
        },
    )


def take_challenge(tx: Transaction, account: int, kind: str) -> Challenge | None:
    """See `ports.Factors.take_challenge`."""
    key = {"account": account, "kind": kind}
    row = tx.execute(
        "SELECT value, detail, expires FROM challenge WHERE account = :account AND kind = :kind",
        key,
    ).fetchone()
    if row is None:
        return None
    tx.execute("DELETE FROM challenge WHERE account = :account AND kind = :kind", key)
    challenge = Challenge(*row)
    return challenge if challenge.expires > tx.now else None
