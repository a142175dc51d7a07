"""App passwords, second factors and the log of logins, on every store."""

from __future__ import annotations

import dataclasses

import pytest

from mailhub.model.account import Factor, Scope, ScramKeys, Secrets
from mailhub.model.change import AccountChanged, Actor
from mailhub.model.errors import AlreadyExists, LimitReached, NotFound
from mailhub.model.identity import (
    MAIL,
    AuthEvent,
    Challenge,
    LoginNote,
    NewAppPassword,
    SecurityKey,
    Spent,
)
from mailhub.store import sweeps
from tests.contract.stores import ACTOR, House

KEYS = ScramKeys(b"salt", 4096, b"stored", b"server")
USER = Actor(None, "http 127.0.0.1", "192.0.2.1", "a session")


def order(number: int = 1, scopes: frozenset[Scope] = MAIL, ttl: int = 0) -> NewAppPassword:
    return NewAppPassword(f"{number:024x}", f"phone {number}", scopes, KEYS, ttl)


def version(house: House, account: int) -> int:
    found = house.ask(house.store.accounts.get(account))
    assert found is not None
    return found.auth_version


def actions(house: House, account: int) -> list[tuple[str, str]]:
    entries, total = house.ask(house.store.authlog.page(account, limit=100))
    assert total == len(entries)
    return [(one.event.action, one.event.result) for one in entries]


# -- app passwords


def test_an_app_password_is_read_back_and_its_end_ends_sessions(house: House) -> None:
    account = house.account()[0].number
    passwords = house.store.app_passwords
    made = house.ask(passwords.add(account, order(), 50, USER))
    now = int(house.clock.now())
    assert house.ask(passwords.all(account, now)) == [made]
    assert (made.id, made.description, made.scopes) == (f"{1:024x}", "phone 1", MAIL)
    assert (made.keys, made.created, made.expires, made.last_used) == (KEYS, now, 0, 0)
    assert version(house, account) == 1
    house.changes.clear()
    house.ask(passwords.remove(account, made.id, USER))
    assert house.ask(passwords.all(account, now)) == []
    assert version(house, account) == 2
    (change,) = house.changes
    assert isinstance(change, AccountChanged)
    assert change.auth_version == 2
    with pytest.raises(NotFound):
        house.ask(passwords.remove(account, made.id, USER))
    assert actions(house, account)[:2] == [("delete asp", "success"), ("create asp", "success")]


def test_app_passwords_are_counted_and_expire(house: House) -> None:
    account, other = (house.account()[0].number for _ in range(2))
    passwords = house.store.app_passwords
    house.ask(passwords.add(account, order(1, ttl=60), 2, ACTOR))
    house.ask(passwords.add(account, order(2), 2, ACTOR))
    with pytest.raises(LimitReached):
        house.ask(passwords.add(account, order(3), 2, ACTOR))
    house.ask(passwords.add(other, order(3), 2, ACTOR))
    house.clock.advance(60)
    now = int(house.clock.now())
    assert [one.id for one in house.ask(passwords.all(account, now))] == [f"{2:024x}"]
    house.ask(passwords.add(account, order(4), 2, ACTOR))
    with pytest.raises(NotFound):
        house.ask(passwords.add(99, order(5), 2, ACTOR))
    with pytest.raises(NotFound):
        house.ask(passwords.remove(other, f"{2:024x}", ACTOR))


def test_a_use_moves_the_end_of_an_app_password(house: House) -> None:
    account = house.account()[0].number
    made = house.ask(house.store.app_passwords.add(account, order(ttl=60), 50, ACTOR))
    house.clock.advance(50)
    event = AuthEvent("authentication", "success", ip="192.0.2.9", protocol="IMAP")
    house.ask(house.store.authlog.note([LoginNote(account, event, app_password=made.number)]))
    now = int(house.clock.now())
    (used,) = house.ask(house.store.app_passwords.all(account, now))
    assert (used.last_used, used.last_address, used.expires) == (now, "192.0.2.9", now + 60)


# -- one-time codes


def enabled(house: House, step: int = 100) -> int:
    account = house.account()[0].number
    house.ask(house.store.factors.put_totp(account, "SEED", USER))
    spent = house.ask(house.store.factors.spend(account, step, USER, enable=True))
    assert spent is Spent.TAKEN
    return account


def test_the_first_factor_ends_sessions_and_the_log_tells(house: House) -> None:
    account = enabled(house)
    found = house.ask(house.store.accounts.get(account))
    assert found is not None
    assert (found.factors, found.auth_version) == ((Factor.TOTP,), 2)
    entry = house.ask(house.store.authlog.page(account))[0][0]
    assert (entry.event.action, entry.event.result) == ("enable 2fa totp", "success")
    assert (entry.event.ip, entry.event.session) == ("192.0.2.1", "a session")
    assert entry.event.protocol == "API"
    with pytest.raises(AlreadyExists):
        house.ask(house.store.factors.put_totp(account, "OTHER", USER))


def test_a_code_is_taken_once_and_none_before_it(house: House) -> None:
    account = enabled(house)
    spend = house.store.factors.spend
    for step, outcome in (
        (100, Spent.WRONG),
        (99, Spent.WRONG),
        (101, Spent.TAKEN),
        (101, Spent.WRONG),
        (103, Spent.TAKEN),
        (102, Spent.WRONG),
    ):
        assert house.ask(spend(account, step, USER)) is outcome, step


def test_six_misses_shut_the_factor_for_three_minutes(house: House) -> None:
    account = enabled(house)
    spend = house.store.factors.spend
    assert {house.ask(spend(account, None, USER)) for _ in range(6)} == {Spent.WRONG}
    assert house.ask(spend(account, 101, USER)) is Spent.LIMITED
    house.clock.advance(179)
    assert house.ask(spend(account, 101, USER)) is Spent.LIMITED
    house.clock.advance(1)
    assert house.ask(spend(account, 101, USER)) is Spent.TAKEN
    assert house.ask(spend(account, None, USER)) is Spent.WRONG


def test_a_right_code_forgives_the_misses(house: House) -> None:
    account = enabled(house)
    spend = house.store.factors.spend
    for step in (101, 102, 103):
        for _ in range(5):
            assert house.ask(spend(account, None, USER)) is Spent.WRONG
        assert house.ask(spend(account, step, USER)) is Spent.TAKEN


def test_a_clock_that_steps_back_does_not_shut_the_factor_for_long(house: House) -> None:
    account = enabled(house)
    for _ in range(6):
        house.ask(house.store.factors.spend(account, None, USER))
    house.clock.step(-10_000)
    assert house.ask(house.store.factors.spend(account, 101, USER)) is Spent.TAKEN


def test_codes_need_a_seed_in_the_right_state(house: House) -> None:
    account = house.account()[0].number
    spend = house.store.factors.spend
    for enable in (True, False):
        with pytest.raises(NotFound):
            house.ask(spend(account, 1, USER, enable=enable))
    house.ask(house.store.factors.put_totp(account, "SEED", USER))
    with pytest.raises(NotFound):
        house.ask(spend(account, 1, USER))
    waiting = house.ask(house.store.factors.totp(account))
    assert waiting is not None
    assert not waiting.enabled
    with pytest.raises(NotFound):
        house.ask(house.store.factors.put_totp(99, "SEED", USER))


def test_turning_off_ends_sessions_once(house: House) -> None:
    account = enabled(house)
    clear = house.store.factors.clear
    assert house.ask(clear(account, (Factor.TOTP,), USER)) is True
    assert version(house, account) == 3
    assert house.ask(clear(account, (Factor.TOTP,), USER)) is False
    assert version(house, account) == 3
    assert house.ask(house.store.factors.totp(account)) is None
    with pytest.raises(NotFound):
        house.ask(clear(99, (Factor.TOTP,), USER))


# -- passwords


def test_a_reset_password_has_to_be_changed_and_a_change_is_one(house: House) -> None:
    account = enabled(house)
    done = house.ask(house.store.factors.reset_password(account, Secrets("new"), USER))
    assert (done.must_change, done.factors) == (True, ())
    assert not done.password_opens
    assert house.ask(house.store.accounts.secrets(account)).password == "new"
    assert actions(house, account)[:2] == [("reset", "success"), ("disable 2fa", "success")]
    set_secrets = house.store.accounts.set_secrets
    same = house.ask(set_secrets(account, Secrets("new"), USER, end_sessions=True))
    assert same.must_change
    again = house.ask(set_secrets(account, Secrets("rehashed"), USER, end_sessions=False))
    assert again.must_change
    changed = house.ask(set_secrets(account, Secrets("own"), USER, end_sessions=True))
    assert not changed.must_change
    assert actions(house, account)[0] == ("password change", "success")


# -- security keys


def key(account: int, number: int, credential: bytes = b"c") -> SecurityKey:
    id = f"{number:024x}"
    return SecurityKey(account, 0, id, credential, b"public", 0, "key", "", "example.org", 0)


def test_security_keys_turn_their_factor_on_and_off(house: House) -> None:
    account = house.account()[0].number
    factors = house.store.factors
    first = house.ask(factors.add_key(key(account, 1), 2, USER))
    assert version(house, account) == 2
    with pytest.raises(AlreadyExists):
        house.ask(factors.add_key(key(account, 2), 2, USER))
    second = house.ask(factors.add_key(key(account, 2, b"d"), 2, USER))
    with pytest.raises(LimitReached):
        house.ask(factors.add_key(key(account, 3, b"e"), 2, USER))
    assert version(house, account) == 2
    assert house.ask(factors.keys(account)) == [first, second]
    assert house.ask(factors.key_used(account, second.number, 0, 7, USER)) is True
    assert house.ask(factors.key_used(account, second.number, 0, 7, USER)) is False
    house.ask(factors.remove_key(account, first.id, USER))
    found = house.ask(house.store.accounts.get(account))
    assert found is not None
    assert found.factors == (Factor.WEBAUTHN,)
    house.ask(factors.remove_key(account, second.id, USER))
    found = house.ask(house.store.accounts.get(account))
    assert found is not None
    assert (found.factors, found.auth_version) == ((), 3)
    with pytest.raises(NotFound):
        house.ask(factors.remove_key(account, second.id, USER))


def test_a_challenge_is_answered_once_and_in_time(house: House) -> None:
    account = house.account()[0].number
    factors = house.store.factors
    now = int(house.clock.now())
    house.ask(factors.put_challenge(account, "assertion", Challenge(b"old", "{}", now + 60)))
    fresh = Challenge(b"new", "{}", now + 60)
    house.ask(factors.put_challenge(account, "assertion", fresh))
    assert house.ask(factors.take_challenge(account, "registration")) is None
    assert house.ask(factors.take_challenge(account, "assertion")) == fresh
    assert house.ask(factors.take_challenge(account, "assertion")) is None
    house.ask(factors.put_challenge(account, "assertion", fresh))
    house.clock.advance(60)
    assert house.ask(factors.take_challenge(account, "assertion")) is None


# -- the log


def login(ip: str = "192.0.2.1", result: str = "success", session: str = "") -> AuthEvent:
    return AuthEvent("authentication", result, "imap", "IMAP", ip, session)


def test_events_that_are_alike_share_a_row_for_six_hours(house: House) -> None:
    account = house.account()[0].number
    note = house.store.authlog.note
    house.ask(note([LoginNote(account, login(), count=2), LoginNote(account, login("192.0.2.2"))]))
    house.clock.advance(60)
    house.ask(note([LoginNote(account, login()), LoginNote(account, login(result="fail"))]))
    entries, total = house.ask(house.store.authlog.page(account, action="authentication"))
    assert total == 3
    assert [(one.event.ip, one.event.result, one.events) for one in entries] == [
        ("192.0.2.1", "fail", 1),
        ("192.0.2.2", "success", 1),
        ("192.0.2.1", "success", 3),
    ]
    assert entries[2].last - entries[2].created == 60
    house.clock.advance(6 * 3600)
    house.ask(note([LoginNote(account, login())]))
    assert house.ask(house.store.authlog.page(account, action="authentication"))[1] == 4


def test_the_log_is_paged_and_filtered(house: House) -> None:
    account, other = (house.account()[0].number for _ in range(2))
    authlog = house.store.authlog
    notes = [LoginNote(account, login(f"192.0.2.{n}", session=f"s{n % 2}")) for n in range(10)]
    house.ask(authlog.note([*notes, LoginNote(other, login())]))
    where = {"action": "authentication", "limit": 4}
    first, total = house.ask(authlog.page(account, **where))
    assert (total, [one.event.ip[-1] for one in first]) == (10, ["9", "8", "7", "6"])
    older, _ = house.ask(authlog.page(account, before=first[-1].number, **where))
    assert [one.event.ip[-1] for one in older] == ["5", "4", "3", "2"]
    newer, _ = house.ask(authlog.page(account, after=older[-1].number, **where))
    assert [one.event.ip[-1] for one in newer] == ["6", "5", "4", "3"]
    assert house.ask(authlog.page(account, session="s1"))[1] == 5
    assert house.ask(authlog.page(account, ip="192.0.2.3"))[1] == 1
    assert house.ask(authlog.page(account, ip="192.0.2.3", session="s0"))[1] == 0
    found = house.ask(authlog.get(account, first[0].id))
    assert found == first[0]
    assert house.ask(authlog.get(other, first[0].id)) is None


def test_rows_end_after_thirty_days_and_the_oldest_make_room(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mailhub.store import authlog as rows

    account = house.account()[0].number
    monkeypatch.setattr(rows, "KEPT", 5)
    notes = [LoginNote(account, login(f"192.0.2.{n}")) for n in range(9)]
    house.ask(house.store.authlog.note(notes))
    entries, total = house.ask(house.store.authlog.page(account))
    assert (total, entries[-1].event.ip) == (5, "192.0.2.4")
    monkeypatch.setattr(rows, "STEP", 3)
    house.clock.advance(30 * 86400)
    # The store on disk does so by itself too: then there is less left for these steps.
    for left in (2, 0, 0):
        house.ask(house.store.runner.write(rows.purge))
        assert house.ask(house.store.authlog.page(account))[1] <= left
    assert house.ask(house.store.runner.write(rows.purge)) is False


def test_what_no_text_can_hold_and_what_is_too_long_is_cut(house: House) -> None:
    account = house.account()[0].number
    event = login(ip="x" * 1000, session="a\0b\r\nc\ud800")
    house.ask(house.store.authlog.note([LoginNote(account, event), LoginNote(99, login())]))
    entry = house.ask(house.store.authlog.page(account))[0][0]
    assert (len(entry.event.ip), entry.event.session) == (255, "ab\r\nc?")


def test_forwards_and_the_end_of_an_account_are_in_the_log(house: House) -> None:
    account, _ = house.account()
    store = house.store.accounts
    for targets in (("a@x.example",), ("a@x.example", "b@x.example"), ("b@x.example",)):
        house.ask(store.replace(dataclasses.replace(account, targets=targets), USER))
    house.ask(store.remove(account.number, USER, due=int(house.clock.now()) + 60))
    house.ask(store.restore(account.id, USER))
    entries, _ = house.ask(house.store.authlog.page(account.number))
    assert [(one.event.action, one.event.target) for one in entries] == [
        ("restore user", ""),
        ("delete user", ""),
        ("user forward added", "b@x.example"),
        ("user forward added", "a@x.example"),
        ("account created", ""),
    ]


def test_all_of_it_goes_with_its_account(house: House) -> None:
    account = house.account()[0].number
    house.ask(house.store.app_passwords.add(account, order(), 50, ACTOR))
    house.ask(house.store.factors.put_totp(account, "SEED", ACTOR))
    house.ask(house.store.factors.add_key(key(account, 1), 2, USER))
    challenge = Challenge(b"value", "{}", int(house.clock.now()) + 60)
    house.ask(house.store.factors.put_challenge(account, "assertion", challenge))
    house.ask(house.store.accounts.remove(account, ACTOR, due=0))
    while house.ask(house.store.runner.write(sweeps.step)):
        continue
    house.ask(house.store.authlog.note([LoginNote(account, login())]))
    assert house.ask(house.store.app_passwords.all(account, 0)) == []
    assert house.ask(house.store.factors.totp(account)) is None
    assert house.ask(house.store.factors.keys(account)) == []
    assert house.ask(house.store.factors.take_challenge(account, "assertion")) is None
    assert house.ask(house.store.authlog.page(account)) == ([], 0)


# -- several devices


def test_devices_come_and_go_under_numbers_of_their_own(house: House) -> None:
    account = house.account()[0].number
    factors = house.store.factors
    for place, label in enumerate(("phone", "tablet", "watch"), 1):
        made = house.ask(factors.add_device(account, f"S{place}", label, 100, 3, USER))
        assert (made.number, made.label) == (place, label)
        found = house.ask(house.store.accounts.get(account))
        assert found is not None
        assert (found.factors, found.auth_version >= 1 + place) == ((Factor.TOTP,), True)
    with pytest.raises(LimitReached):
        house.ask(factors.add_device(account, "S4", "more", 100, 3, USER))
    house.ask(factors.remove_device(account, 1, USER))
    with pytest.raises(NotFound):
        house.ask(factors.remove_device(account, 1, USER))
    left = house.ask(factors.devices(account))
    assert [(one.number, one.label, one.seed) for one in left] == [
        (2, "tablet", "S2"),
        (3, "watch", "S3"),
    ]
    house.ask(factors.remove_device(account, 3, USER))
    house.ask(factors.remove_device(account, 2, USER))
    found = house.ask(house.store.accounts.get(account))
    assert found is not None
    assert found.factors == ()
    assert house.ask(factors.devices(account)) == []


def test_each_device_has_its_own_last_code_and_misses_count_for_all(house: House) -> None:
    account = enabled(house)
    factors = house.store.factors
    house.ask(factors.add_device(account, "S2", "tablet", 200, 3, USER))
    for device, step, outcome in (
        (2, 200, Spent.WRONG),
        (2, 201, Spent.TAKEN),
        (0, 101, Spent.TAKEN),
        (2, 201, Spent.WRONG),
        (0, 101, Spent.WRONG),
    ):
        spent = house.ask(factors.spend(account, step, USER, device=device))
        assert spent is outcome, (device, step)
    for _ in range(4):
        assert house.ask(factors.spend(account, None, USER)) is Spent.WRONG
    assert house.ask(factors.spend(account, 300, USER, device=2)) is Spent.LIMITED
