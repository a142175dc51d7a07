from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scramp import ScramClient

from mailhub.core.accounts import AccountOrder
from mailhub.model.account import Principal, Service
from mailhub.model.envelope import Peer
from mailhub.model.errors import (
    AccountDisabled,
    AuthenticationFailed,
    Invalid,
    MailhubError,
    TooManyAttempts,
    Unavailable,
    Unsupported,
)
from mailhub.model.settings import LimitSettings
from tests.support import run
from tests.wire.test_sasl import prove
from tests.world import ACTOR, PASSWORD, PEER, SECURE_PEER, World, world

JOE = "joe@example.org"


def login(
    here: World,
    username: str = JOE,
    password: str = PASSWORD,
    *,
    peer: Peer = PEER,
    authzid: str = "",
) -> Principal:
    return run(here.login.plain(username, password, peer, Service.IMAP, authzid))


def at(address: str) -> Peer:
    return dataclasses.replace(PEER, address=address)


# -- by password


@pytest.mark.parametrize(
    "username",
    [
        JOE,
        "JOE@EXAMPLE.ORG",
        " joe@example.org",
        "joe",
        "Joe",
        "joseph@example.org",
        "joe@alias.example",
    ],
)
def test_every_name_of_an_account_lets_in(username: str) -> None:
    here = world()
    run(here.domains.add("alias.example", ACTOR, alias_of="example.org"))
    run(here.addresses.create("joseph@example.org", ACTOR, account=1))
    assert login(here, username) == here.principal(JOE, Service.IMAP)


def test_an_account_with_a_plain_name() -> None:
    here = world(people=())
    run(here.accounts.create(AccountOrder(username="joe", password=PASSWORD), ACTOR))
    assert login(here, "JOE").username == "joe"


def test_two_spellings_of_one_password() -> None:
    here = world(people=())
    here.account(JOE, "Gru\u0308n\u00adkohl")
    assert login(here, password="Gr\u00fcnkohl").account == 1


@pytest.mark.parametrize(
    ("username", "password"),
    [
        (JOE, "wrong"),
        (JOE, PASSWORD + " "),
        (JOE, PASSWORD.upper()),
        (JOE, ""),
        (JOE, PASSWORD + "\0"),
        (JOE, "x" * 3000),
        (JOE, "\ud800"),
        ("", PASSWORD),
        ("nobody", PASSWORD),
        ("nobody@example.org", PASSWORD),
        ("joe@remote.example", PASSWORD),
        ("joe\0@example.org", PASSWORD),
        ("x" * 3000, PASSWORD),
        ("a@b@c", PASSWORD),
        ("' OR 1=1 --", PASSWORD),
        ("*", PASSWORD),
        ("*@example.org", PASSWORD),
    ],
)
def test_everything_else_keeps_out_and_costs_one_hash(
    username: str, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = world()
    hashes: list[str] = []
    verify = here.hashing.verify

    async def counted(password: str, hashed: str) -> tuple[bool, bool]:
        hashes.append(hashed)
        return await verify(password, hashed)

    monkeypatch.setattr(here.hashing, "verify", counted)
    with pytest.raises(AuthenticationFailed) as raised:
        login(here, username, password)
    assert type(raised.value) is AuthenticationFailed
    assert raised.value.text == "Authentication failed"
    assert len(hashes) == 1


def test_a_wildcard_address_is_no_login_name() -> None:
    here = world()
    run(here.addresses.create("*@example.org", ACTOR, account=1))
    with pytest.raises(AuthenticationFailed):
        login(here, "anything@example.org")


def test_an_account_without_a_password_lets_nobody_in() -> None:
    here = world()
    run(here.accounts.set_password(1, "", ACTOR))
    for password in ("", PASSWORD):
        with pytest.raises(AuthenticationFailed):
            login(here, password=password)


@pytest.mark.parametrize("change", [{"disabled": True}, {"suspended": True}])
def test_only_who_knows_the_password_hears_that_the_account_is_disabled(change: dict) -> None:
    here = world()
    run(here.accounts.update(dataclasses.replace(run(here.accounts.get(1)), **change), ACTOR))
    with pytest.raises(AccountDisabled):
        login(here)
    with pytest.raises(AuthenticationFailed) as raised:
        login(here, password="wrong")
    assert type(raised.value) is AuthenticationFailed


@pytest.mark.parametrize("authzid", ["", JOE, "JOE@example.org", "joseph@example.org"])
def test_one_may_act_as_oneself(authzid: str) -> None:
    here = world()
    run(here.addresses.create("joseph@example.org", ACTOR, account=1))
    assert login(here, "joseph@example.org", authzid=authzid).account == 1


@pytest.mark.parametrize("authzid", ["ann@example.org", "root", "\0", "a@b@c", "*"])
def test_nobody_acts_as_another(authzid: str) -> None:
    here = world(people=(JOE, "ann@example.org"))
    with pytest.raises(AuthenticationFailed):
        login(here, authzid=authzid)


# -- remembered and renewed


def test_a_password_that_was_right_costs_no_second_hash_until_it_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = world()
    hashes: list[str] = []
    verify = here.directory.verify

    async def counted(account: object, password: str) -> bool:
        hashes.append(password)
        return await verify(account, password)  # type: ignore[arg-type]

    monkeypatch.setattr(here.directory, "verify", counted)
    for _ in range(3):
        login(here)
    assert len(hashes) == 1
    with pytest.raises(AuthenticationFailed):
        login(here, password="wrong")
    assert len(hashes) == 2
    here.clock.advance(301)
    login(here)
    assert len(hashes) == 3
    run(here.accounts.set_password(1, "another", ACTOR))
    with pytest.raises(AuthenticationFailed):
        login(here)
    assert login(here, password="another").auth_version == 2


def test_a_disabled_account_is_out_at_once_although_its_password_is_remembered() -> None:
    here = world()
    login(here)
    run(here.accounts.update(dataclasses.replace(run(here.accounts.get(1)), disabled=True), ACTOR))
    with pytest.raises(AccountDisabled):
        login(here)


def test_a_foreign_hash_is_renewed_at_the_first_login() -> None:
    here = world(people=())
    hashed = "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="  # "password"
    run(here.accounts.create(AccountOrder(username=JOE, hashed=hashed), ACTOR))
    before = run(here.accounts.get(1)).auth_version
    assert login(here, password="password").auth_version == before
    secrets = run(here.store.accounts.secrets(1))
    assert secrets.password.startswith("$argon2id$")
    assert secrets.scram_sha256 is not None
    assert run(here.accounts.get(1)).auth_version == before
    here.clock.advance(301)
    assert login(here, password="password").account == 1


def test_a_login_is_right_although_its_hash_cannot_be_renewed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = world(people=())
    hashed = "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="
    run(here.accounts.create(AccountOrder(username=JOE, hashed=hashed), ACTOR))

    async def full(*args: object, **kwargs: object) -> None:
        raise Unavailable

    monkeypatch.setattr(here.store.accounts, "set_secrets", full)
    assert login(here, password="password").account == 1
    assert len(here.log.named("rehash-failed")) == 1


# -- limits


LIMITS = LimitSettings(
    guesses_per_address=3,
    guesses_per_network=5,
    guesses_per_account=6,
    exempt_networks=("127.0.0.0/8",),
)


def guesses(here: World, peer: Peer, count: int, username: str = JOE) -> list[str]:
    kinds = []
    for number in range(count):
        try:
            login(here, username, f"guess {number}", peer=peer)
        except MailhubError as error:
            kinds.append(type(error).__name__)
    return kinds


def test_guessing_is_limited_per_address_over_all_services() -> None:
    here = world(limits=LIMITS)
    assert guesses(here, PEER, 5) == ["AuthenticationFailed"] * 3 + ["TooManyAttempts"] * 2
    with pytest.raises(TooManyAttempts):
        run(here.login.plain(JOE, PASSWORD, PEER, Service.POP3))
    with pytest.raises(TooManyAttempts):
        run(here.login.plain("nobody", PASSWORD, PEER, Service.SUBMISSION))
    here.clock.advance(60)
    assert login(here).account == 1


def test_unknown_names_are_limited_exactly_as_known_ones() -> None:
    known, unknown = world(limits=LIMITS), world(limits=LIMITS)
    peers = [at(f"198.51.{number}.1") for number in range(9)]
    one = [guesses(known, peer, 1)[0] for peer in peers]
    other = [guesses(unknown, peer, 1, "nobody@example.org")[0] for peer in peers]
    assert one == other == ["AuthenticationFailed"] * 6 + ["TooManyAttempts"] * 3


def test_an_attack_does_not_lock_the_owner_out() -> None:
    here = world(limits=LIMITS)
    login(here)
    for number in range(20):
        guesses(here, at(f"198.51.{number}.1"), 1)
    with pytest.raises(TooManyAttempts):
        login(here, peer=at("203.0.113.1"))
    assert login(here).account == 1
    here.clock.advance(400)
    for number in range(20):
        guesses(here, at(f"198.51.{number}.1"), 1)
    assert login(here).account == 1


def test_a_limit_keeps_the_right_password_out_too_remembered_or_not() -> None:
    here = world(limits=LIMITS)
    login(here)
    stranger = at("203.0.113.1")
    guesses(here, stranger, 3)
    with pytest.raises(TooManyAttempts):
        login(here, peer=stranger)


def test_exempt_networks_are_not_limited() -> None:
    here = world(limits=LIMITS)
    assert set(guesses(here, at("127.0.0.1"), 20)) == {"AuthenticationFailed"}
    assert login(here, peer=at("127.0.0.1")).account == 1


def test_a_directory_that_is_away_costs_no_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    here = world(limits=LIMITS)

    async def away(account: object, password: str) -> bool:
        raise Unavailable

    with monkeypatch.context() as patch:
        patch.setattr(here.directory, "verify", away)
        assert set(guesses(here, PEER, 20)) == {"Unavailable"}
    assert login(here).account == 1


# -- the record


def test_logins_are_in_the_journal_without_a_flood() -> None:
    here = world()
    for _ in range(5):
        login(here)
        guesses(here, PEER, 1)
    kinds = [entry.kind for entry in run(here.store.journal.since(0, account=1, limit=1000))]
    assert kinds.count("login") == 1
    assert kinds.count("login-refused") == 1
    here.clock.advance(61)
    login(here)
    entries = run(here.store.journal.since(0, account=1, limit=1000))
    logins = [entry for entry in entries if entry.kind == "login"]
    assert len(logins) == 2
    assert logins[0].actor.source == "imap 192.0.2.7"


def test_no_password_and_no_strange_name_is_ever_written_down() -> None:
    here = world()
    for username, password in ((JOE, "hunter2"), ("hunter2", "x"), (JOE, PASSWORD)):
        try:
            login(here, username, password)
        except AuthenticationFailed:
            continue
    written = repr(here.log.events) + repr(run(here.store.journal.since(0, limit=1000)))
    assert "hunter2" not in written
    assert PASSWORD not in written
    assert [event["outcome"] for event in here.log.named("login")] == ["wrong", "wrong", "ok"]


def test_a_journal_that_fails_stops_no_login(monkeypatch: pytest.MonkeyPatch) -> None:
    here = world()

    async def full(*args: object) -> None:
        raise Unavailable

    monkeypatch.setattr(here.store.authlog, "note", full)
    assert login(here).account == 1
    assert here.log.named("background-failed")


# -- mechanisms


def test_mechanisms_are_strongest_first_and_binding_needs_tls() -> None:
    here = world()
    assert here.login.mechanisms(PEER) == ("SCRAM-SHA-256", "PLAIN", "LOGIN")
    assert here.login.mechanisms(SECURE_PEER)[0] == "SCRAM-SHA-256-PLUS"
    for name in ("CRAM-MD5", "", "SCRAM-SHA-256-PLUS", "plain\0"):
        with pytest.raises(Unsupported):
            here.login.exchange(name, PEER, Service.IMAP)


def test_plain_with_and_without_an_initial_response() -> None:
    here = world()
    response = f"\0{JOE}\0{PASSWORD}".encode()
    at_once = here.login.exchange("plain", PEER, Service.IMAP)
    assert run(at_once.step(response)) == here.principal(JOE, Service.IMAP)
    asked = here.login.exchange("PLAIN", PEER, Service.SUBMISSION)
    assert run(asked.step(b"")) == b""
    assert run(asked.step(response)) == here.principal(JOE)
    empty = here.login.exchange("PLAIN", PEER, Service.IMAP)
    run(empty.step(b""))
    with pytest.raises(Invalid):
        run(empty.step(b""))


def test_plain_as_another_is_refused() -> None:
    here = world(people=(JOE, "ann@example.org"))
    exchange = here.login.exchange("PLAIN", PEER, Service.IMAP)
    with pytest.raises(AuthenticationFailed):
        run(exchange.step(f"ann@example.org\0{JOE}\0{PASSWORD}".encode()))


@pytest.mark.parametrize("initial", [True, False])
def test_login_asks_for_name_and_password(initial: bool) -> None:
    here = world()
    exchange = here.login.exchange("LOGIN", PEER, Service.SUBMISSION)
    if not initial:
        assert run(exchange.step(b"")) == b"Username:"
    assert run(exchange.step(JOE.encode())) == b"Password:"
    assert run(exchange.step(PASSWORD.encode())) == here.principal(JOE)


def scram(here: World, username: str, password: str) -> Principal | bytes:
    client = ScramClient(["SCRAM-SHA-256"], username, password)
    exchange = here.login.exchange("SCRAM-SHA-256", PEER, Service.IMAP)
    assert run(exchange.step(b"")) == b""
    challenge = run(exchange.step(client.get_client_first().encode()))
    assert isinstance(challenge, bytes)
    client.set_server_first(challenge.decode())
    verifier = run(exchange.step(client.get_client_final().encode()))
    assert isinstance(verifier, bytes)
    client.set_server_final(verifier.decode())
    return run(exchange.step(b""))


def test_scram_lets_in_and_proves_the_server() -> None:
    here = world()
    assert scram(here, JOE, PASSWORD) == here.principal(JOE, Service.IMAP)
    assert [event["outcome"] for event in here.log.named("login")] == ["ok"]


def test_scram_keeps_out() -> None:
    here = world()
    run(here.accounts.update(dataclasses.replace(run(here.accounts.get(1)), disabled=True), ACTOR))
    with pytest.raises(AccountDisabled):
        scram(here, JOE, PASSWORD)
    for username, password in ((JOE, "wrong"), ("nobody@example.org", PASSWORD), ("x y", "z")):
        with pytest.raises(AuthenticationFailed) as raised:
            scram(here, username, password)
        assert type(raised.value) is AuthenticationFailed


def test_scram_binds_the_channel() -> None:
    here = world()
    for exporter, right in ((b"e" * 32, True), (b"f" * 32, False)):
        exchange = here.login.exchange("SCRAM-SHA-256-PLUS", SECURE_PEER, Service.IMAP)
        first = f"p=tls-exporter,,n={JOE},r=nonce"
        challenge = run(exchange.step(first.encode()))
        assert isinstance(challenge, bytes)
        final = prove(PASSWORD, first, challenge, gs2="p=tls-exporter,,", exporter=exporter)
        if right:
            run(exchange.step(final))
            assert run(exchange.step(b"")) == here.principal(JOE, Service.IMAP)
        else:
            with pytest.raises(AuthenticationFailed):
                run(exchange.step(final))


def test_scram_cannot_be_driven_out_of_order() -> None:
    here = world()
    exchange = here.login.exchange("SCRAM-SHA-256", PEER, Service.IMAP)
    run(exchange.step(f"n,,n={JOE},r=nonce".encode()))
    with pytest.raises(Invalid):
        run(exchange.step(b""))
    for response in (b"", b"c=biws,r=x,p=AAAA"):
        with pytest.raises(Invalid):
            run(exchange.step(response))


def test_scram_guesses_are_limited_with_the_others() -> None:
    here = world(limits=LIMITS)
    for _ in range(3):
        with pytest.raises(AuthenticationFailed):
            scram(here, JOE, "wrong")
    with pytest.raises(TooManyAttempts):
        scram(here, JOE, PASSWORD)
    with pytest.raises(TooManyAttempts):
        login(here)


def test_an_unknown_name_gets_the_same_salt_again() -> None:
    here = world()
    salts = set()
    for name in ("nobody", "NOBODY", "nobody@example.org"):
        exchange = here.login.exchange("SCRAM-SHA-256", at("127.0.0.1"), Service.IMAP)
        challenge = run(exchange.step(f"n,,n={name},r=nonce".encode()))
        assert isinstance(challenge, bytes)
        salts.add(challenge.split(b",s=")[1])
    assert len(salts) == 1


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    st.sampled_from(["PLAIN", "LOGIN", "SCRAM-SHA-256"]),
    st.lists(st.binary(max_size=60), min_size=1, max_size=4),
)
def test_any_bytes_end_in_a_kind_and_never_in_a_principal(name: str, steps: list[bytes]) -> None:
    here = WORLD
    exchange = here.login.exchange(name, at("127.0.0.1"), Service.IMAP)
    for step in steps:
        try:
            assert isinstance(run(exchange.step(step)), bytes)
        except MailhubError:
            return


WORLD = world(limits=LIMITS)
