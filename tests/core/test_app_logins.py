"""What opens what: app passwords and second factors on every way in."""

from __future__ import annotations

import dataclasses

import pytest
from scramp import ScramClient

from mailhub.core.accounts import AccountOrder
from mailhub.core.app_passwords import fold
from mailhub.core.login import Login
from mailhub.model.account import Account, Principal, Scope, Service
from mailhub.model.envelope import Peer
from mailhub.model.errors import (
    AccountDisabled,
    AuthenticationFailed,
    Invalid,
    LimitReached,
    MailhubError,
    TooManyAttempts,
    WrongScope,
)
from mailhub.model.identity import MAIL, UNBOUND
from mailhub.model.settings import LimitSettings
from mailhub.wire import otp
from tests.support import run
from tests.world import ACTOR, PASSWORD, PEER, World, world

JOE = "joe@example.org"
LIMITS = LimitSettings(guesses_per_address=3, guesses_per_network=5, guesses_per_account=6)
DOORS = {
    Service.IMAP: Scope.IMAP,
    Service.POP3: Scope.POP3,
    Service.SUBMISSION: Scope.SMTP,
    Service.SIEVE: Scope.SIEVE,
}


def joe(here: World) -> Account:
    return run(here.accounts.by_name(JOE))


def app(here: World, *scopes: Scope, password: str = "") -> str:
    made = run(
        here.identity.app_passwords.create(
            joe(here), "phone", frozenset(scopes), ACTOR, password=password
        )
    )
    return made[1]


def enable(here: World) -> str:
    seed, _ = run(here.identity.codes.set_up(joe(here), "here", ACTOR))
    code = otp.code(seed, int(here.clock.now()) // 30)
    run(here.identity.codes.enable(joe(here), code, PEER, ACTOR))
    return seed


def plain(
    here: World, password: str, service: Service = Service.IMAP, peer: Peer = PEER
) -> Principal:
    return run(here.login.plain(JOE, password, peer, service))


def scram(
    here: World, password: str, service: Service = Service.IMAP, peer: Peer = PEER
) -> Principal:
    client = ScramClient(["SCRAM-SHA-256"], JOE, password)
    exchange = here.login.exchange("SCRAM-SHA-256", peer, service)
    run(exchange.step(b""))
    challenge = run(exchange.step(client.get_client_first().encode()))
    assert isinstance(challenge, bytes)
    client.set_server_first(challenge.decode())
    verifier = run(exchange.step(client.get_client_final().encode()))
    assert isinstance(verifier, bytes)
    client.set_server_final(verifier.decode())
    found = run(exchange.step(b""))
    assert isinstance(found, Principal)
    return found


def at(address: str) -> Peer:
    return dataclasses.replace(PEER, address=address)


WAYS = pytest.mark.parametrize("way", [plain, scram])


@WAYS
@pytest.mark.parametrize("factors", [False, True])
def test_an_app_password_opens_its_own_doors_alone(way, factors: bool) -> None:  # type: ignore[no-untyped-def]
    here = world()
    if factors:
        enable(here)
    for scopes in ({Scope.IMAP}, {Scope.POP3}, {Scope.SMTP, Scope.IMAP}, set()):
        password = app(here, *scopes)
        for service, scope in DOORS.items():
            if scope in (scopes or UNBOUND):
                assert way(here, password, service).account == 1
            else:
                with pytest.raises(AuthenticationFailed):
                    way(here, password, service)


@WAYS
def test_the_account_s_own_password_beside_app_passwords(way) -> None:  # type: ignore[no-untyped-def]
    here = world()
    first, second = app(here, Scope.IMAP), app(here)
    for password in (PASSWORD, first, second):
        assert way(here, password).account == 1
    run(here.accounts.set_password(1, "another", ACTOR))
    for password in ("another", first, second):
        assert way(here, password).account == 1
    with pytest.raises(AuthenticationFailed):
        way(here, PASSWORD)


@WAYS
@pytest.mark.parametrize("service", DOORS)
def test_with_a_second_factor_the_password_opens_no_door(way, service: Service) -> None:  # type: ignore[no-untyped-def]
    here = world()
    assert way(here, PASSWORD, service).account == 1
    enable(here)
    with pytest.raises(AuthenticationFailed) as raised:
        way(here, PASSWORD, service)
    assert way is scram or type(raised.value) is WrongScope
    run(here.identity.codes.disable(joe(here), ACTOR))
    assert way(here, PASSWORD, service).account == 1


@WAYS
@pytest.mark.parametrize("service", DOORS)
def test_a_password_that_must_be_replaced_opens_no_door(way, service: Service) -> None:  # type: ignore[no-untyped-def]
    here = world()
    password = run(here.identity.recovery.reset(1, ACTOR))
    with pytest.raises(AuthenticationFailed):
        way(here, password, service)
    run(here.accounts.set_password(1, "own", ACTOR))
    assert way(here, "own", service).account == 1


def test_an_api_is_a_door_and_who_asks_for_the_factor_is_not() -> None:
    here = world()
    enable(here)
    with pytest.raises(WrongScope):
        plain(here, PASSWORD, Service.HTTP)
    whole = here.login.plain(JOE, PASSWORD, PEER, Service.HTTP, scope=Scope.MASTER)
    assert run(whole).account == 1
    password = app(here)
    for scope in (Scope.MASTER, Scope.API):
        with pytest.raises(AuthenticationFailed) as raised:
            run(here.login.plain(JOE, password, PEER, Service.HTTP, scope=scope))
        assert type(raised.value) is AuthenticationFailed


@WAYS
def test_a_closed_scope_is_closed_for_every_password(way) -> None:  # type: ignore[no-untyped-def]
    here = world()
    password = app(here)
    shut = dataclasses.replace(joe(here), disabled_scopes=frozenset({Scope.IMAP}))
    before = joe(here).auth_version
    after = run(here.accounts.update(shut, ACTOR))
    assert after.auth_version == before + 1
    for given in (PASSWORD, password):
        with pytest.raises(AuthenticationFailed):
            way(here, given)
        assert way(here, given, Service.POP3).account == 1
    run(here.accounts.update(dataclasses.replace(after, disabled_scopes=frozenset()), ACTOR))
    assert way(here, password).account == 1


@WAYS
def test_a_disabled_account_refuses_app_passwords(way) -> None:  # type: ignore[no-untyped-def]
    here = world()
    password = app(here)
    run(here.accounts.update(dataclasses.replace(joe(here), suspended=True), ACTOR))
    with pytest.raises(AccountDisabled):
        way(here, password)


@WAYS
def test_an_ended_app_password_is_out_at_once(way) -> None:  # type: ignore[no-untyped-def]
    here = world()
    password, other = app(here), app(here)
    before = way(here, password)
    (first, _) = run(here.identity.app_passwords.all(1))
    run(here.identity.app_passwords.remove(1, first.id, ACTOR))
    assert joe(here).auth_version > before.auth_version
    with pytest.raises(AuthenticationFailed):
        way(here, password)
    assert way(here, other).account == 1


def test_an_app_password_that_is_the_account_s_own_one_too() -> None:
    here = world(people=())
    here.account(JOE, "abcdefghijklmnop")
    app(here, Scope.POP3, password="abcdefghijklmnop")
    assert plain(here, "abcdefghijklmnop", Service.IMAP).account == 1
    assert plain(here, "abcdefghijklmnop", Service.POP3).account == 1


@pytest.mark.parametrize(
    "given", ["ABCD efgh ijkl mnop", "abcdefghijklmnop", " abcdefghijklmnop\t"]
)
def test_spaces_and_capitals_do_not_count(given: str) -> None:
    here = world()
    app(here, password="abcdefghijklmnop")
    assert plain(here, given).account == 1


@pytest.mark.parametrize("text", ["", "abcdefghijklmno", "abcdefghijklmnopq", "abcdefghijklmno1"])
def test_what_is_no_app_password(text: str) -> None:
    assert fold(text) == ""


def test_orders_that_are_refused() -> None:
    here = world()
    passwords = here.identity.app_passwords
    for description, scopes, more, field in (
        ("", MAIL, {}, "description"),
        ("a\nb", MAIL, {}, "description"),
        ("x", frozenset({Scope.MASTER}), {}, "scopes"),
        ("x", MAIL, {"password": "short"}, "password"),
        ("x", MAIL, {"ttl": -1}, "ttl"),
    ):
        with pytest.raises(Invalid) as raised:
            run(passwords.create(joe(here), description, scopes, ACTOR, **more))  # type: ignore[arg-type]
        assert raised.value.field == field
    for _ in range(50):
        app(here)
    with pytest.raises(LimitReached):
        app(here)


def test_one_salt_also_where_the_account_came_with_a_foreign_hash() -> None:
    here = world(people=())
    hashed = "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="  # "password"
    run(here.accounts.create(AccountOrder(username=JOE, hashed=hashed), ACTOR))
    first = app(here)
    assert scram(here, first).account == 1
    assert plain(here, "password").account == 1
    second = app(here)
    for password in ("password", first, second):
        assert scram(here, password).account == 1


def test_keys_under_another_salt_work_by_plain_at_least() -> None:
    here = world()
    password = app(here)
    foreign = run(here.hashing.hash("moved here"))
    run(here.store.accounts.set_secrets(1, foreign, ACTOR, end_sessions=True))
    other = app(here)
    for given in (password, other, "moved here"):
        assert plain(here, given).account == 1
    assert scram(here, other).account == 1
    assert scram(here, "moved here").account == 1
    enable(here)
    assert scram(here, password).account == 1


# -- limits and work


@WAYS
def test_an_app_password_passes_the_limit_that_others_fill(way) -> None:  # type: ignore[no-untyped-def]
    here = world(limits=LIMITS)
    password = app(here)
    for number in range(20):
        with pytest.raises(MailhubError):
            plain(here, "guess", peer=at(f"198.51.{number}.1"))
    stranger = at("203.0.113.1")
    for wrong in (PASSWORD, "zzzzzzzzzzzzzzzz"):
        with pytest.raises((TooManyAttempts, AuthenticationFailed)):
            way(here, wrong, peer=stranger)
    assert way(here, password, peer=stranger).account == 1


def test_an_app_password_does_not_pass_the_limit_that_its_own_address_fills() -> None:
    here = world(limits=LIMITS)
    password = app(here)
    for _ in range(3):
        with pytest.raises(AuthenticationFailed):
            plain(here, "zzzzzzzzzzzzzzzz")
    with pytest.raises(TooManyAttempts):
        plain(here, password)


def test_a_password_of_that_shape_costs_the_same_for_everybody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = world(people=(JOE, "ann@example.org"))
    for _ in range(3):
        app(here)
    work: list[str] = []
    derive, verify = here.hashing.derive, here.hashing.verify

    async def derived(*args: object) -> object:
        work.append("derive")
        return await derive(*args)  # type: ignore[arg-type]

    async def verified(*args: object) -> object:
        work.append("verify")
        return await verify(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(here.hashing, "derive", derived)
    monkeypatch.setattr(here.hashing, "verify", verified)
    for name in (JOE, "ann@example.org", "nobody@example.org"):
        work.clear()
        with pytest.raises(AuthenticationFailed):
            run(here.login.plain(name, "zzzzzzzzzzzzzzzz", PEER, Service.IMAP))
        assert work == ["derive", "verify"], name


def test_codes_count_with_passwords() -> None:
    here = world(limits=LIMITS)
    enable(here)
    for _ in range(3):
        with pytest.raises(AuthenticationFailed):
            run(here.identity.codes.check(joe(here), "000000", PEER, ACTOR))
    with pytest.raises(TooManyAttempts):
        run(here.identity.codes.check(joe(here), "000000", PEER, ACTOR))
    with pytest.raises(TooManyAttempts):
        plain(here, "x")


def test_right_codes_use_nothing_up() -> None:
    here = world(limits=LIMITS)
    seed = enable(here)
    for number in range(1, 12):
        here.clock.advance(30)
        code = otp.code(seed, int(here.clock.now()) // 30)
        run(here.identity.codes.check(joe(here), f"{code[:3]} {code[3:]}", PEER, ACTOR))
        with pytest.raises(AuthenticationFailed):
            run(here.identity.codes.check(joe(here), code, at(f"198.51.{number}.1"), ACTOR))


def challenged(here: World, name: str) -> bytes:
    """Salt and count that a SCRAM client of this name is told."""
    exchange = here.login.exchange("SCRAM-SHA-256", at("127.0.0.1"), Service.IMAP)
    challenge = run(exchange.step(f"n,,n={name},r=nonce".encode()))
    assert isinstance(challenge, bytes)
    return challenge.partition(b",s=")[2]


def test_no_salt_tells_that_a_factor_was_turned_on() -> None:
    here = world()
    before = challenged(here, JOE)
    enable(here)
    assert challenged(here, JOE) == before
    app(here, Scope.IMAP)
    assert challenged(here, JOE) == before
    run(here.accounts.set_password(1, "another", ACTOR))
    assert challenged(here, JOE) == before


def test_a_name_that_nobody_has_looks_the_same_after_a_restart() -> None:
    here = world()
    salts = []
    for secret in (b"s" * 32, b"s" * 32, b"t" * 32):
        here.login = Login(
            here.directory,
            here.store,
            here.hashing,
            here.counters,
            LimitSettings(),
            here.clock,
            here.log,
            randomness=here.randomness,
            secret=secret,
        )
        salts.append(challenged(here, "nobody@example.org"))
    assert salts[0] == salts[1] != salts[2]


# -- the record


def test_logins_go_into_the_log_together_and_none_is_lost() -> None:
    here = world()
    password = app(here)
    for _ in range(5):
        plain(here, password)
    entries, _ = run(here.identity.authlog.page(1, action="authentication"))
    ((entry),) = entries
    assert (entry.events, entry.event.target_name, entry.event.protocol) == (5, "phone", "IMAP")
    here.clock.advance(61)
    plain(here, password)
    (entry,), _ = run(here.identity.authlog.page(1, action="authentication"))
    assert entry.events == 6
    (used,) = run(here.identity.app_passwords.all(1))
    assert (used.last_used, used.last_address) == (int(here.clock.now()), PEER.address)
    assert used.last_event == entry.id


def test_neither_an_app_password_nor_a_seed_nor_a_code_is_written_down() -> None:
    here = world()
    password, seed = app(here), enable(here)
    plain(here, password)
    written = repr(here.log.events) + repr(run(here.store.journal.since(0, limit=1000)))
    written += repr(run(here.identity.authlog.page(1)))
    written += repr(run(here.store.factors.totp(1)))
    assert password not in written
    assert seed not in written
