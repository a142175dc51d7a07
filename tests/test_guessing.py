"""Guesses at passwords and codes: whichever door they come through, they stand in one count by
address, by network, by account and in all; over processes, and while these cannot speak."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlencode

import pytest
from twisted.internet.address import IPv4Address, IPv6Address

import tests.world
from mailhub.coord.memory import MemoryCounters
from mailhub.coord.redis.counters import SteadyCounters
from mailhub.model.account import Role, Service
from mailhub.model.errors import Unavailable
from mailhub.model.settings import LimitSettings
from mailhub.wire import otp
from tests.fakes import FakeClock
from tests.http.browsing import Site, with_token
from tests.http.tmail import basic
from tests.imap.listener import IMAPListener
from tests.managesieve.sievers import Sievers
from tests.pop3.visits import Visits
from tests.smtp.reception import Reception
from tests.support import run
from tests.transcript import Conversation, Transport
from tests.world import ACTOR, PASSWORD, World, world

pytestmark = pytest.mark.thorough

PER_ADDRESS, PER_NETWORK, PER_ACCOUNT, IN_ALL = 3, 5, 7, 9
LIMITS = LimitSettings(
    guesses_per_address=PER_ADDRESS,
    guesses_per_network=PER_NETWORK,
    guesses_per_account=PER_ACCOUNT,
    guesses_in_all=IN_ALL,
    exempt_networks=(),
)
ROOT, TOKEN = "root@example.org", "r00t"
FORM = "application/x-www-form-urlencoded"
IN, WRONG, LIMITED = "in", "wrong", "limited"


class House:
    """A server with its listeners, and an administrator."""

    def __init__(self) -> None:
        self.world: World = world(people=(), limits=LIMITS)
        self.account = self.world.account(ROOT, role=Role.ADMIN)
        self.site = Site(world=self.world, settings=with_token(TOKEN), root="")
        self.smtp = Reception(self.world, Service.SUBMISSION, plaintext_auth=True)
        self.imap = IMAPListener(self.world)
        self.pop3 = Visits(self.world, plaintext_auth=True)
        self.managesieve = Sievers(self.world, plaintext_auth=True)


def peer(address: str) -> IPv4Address:
    kind = IPv6Address if ":" in address else IPv4Address
    made: IPv4Address = kind("TCP", address, 40000)
    return made


def dialogue(listener: object, address: str, *lines: bytes) -> str:
    """What is said last to these lines, each sent once the one before was answered."""
    client = peer(address)
    factory = listener.factory  # type: ignore[attr-defined]
    protocol = factory.buildProtocol(client)
    talk = Conversation(protocol, Transport(client, client), listener.reactor)  # type: ignore[attr-defined]
    talk.read()
    for line in lines:
        talk.send(line + b"\r\n")
        heard = talk.read().decode().splitlines()
    protocol.connectionLost()
    return heard[-1]


def plain(name: str, password: str) -> bytes:
    return base64.b64encode(f"\0{name}\0{password}".encode())


Door = Callable[[House, str, str, str], str]
"""(house, address, name, password) to the outcome, or what was said where it is none."""


def spoken(said: str, **outcomes: str) -> str:
    found = [outcome for outcome, start in outcomes.items() if said.startswith(start)]
    return found[-1] if found else said


def smtp(house: House, address: str, name: str, password: str) -> str:
    said = dialogue(house.smtp, address, b"EHLO x", b"AUTH PLAIN " + plain(name, password))
    return spoken(said, **{IN: "235", WRONG: "535", LIMITED: "454"})


def smtp_login(house: House, address: str, name: str, password: str) -> str:
    words = [base64.b64encode(word.encode()) for word in (name, password)]
    said = dialogue(house.smtp, address, b"EHLO x", b"AUTH LOGIN", *words)
    return spoken(said, **{IN: "235", WRONG: "535", LIMITED: "454"})


IMAP_SAYS = {IN: "a OK", WRONG: "a NO [AUTHENTICATIONFAILED]", LIMITED: "a NO [LIMIT]"}


def imap(house: House, address: str, name: str, password: str) -> str:
    return spoken(
        dialogue(house.imap, address, f'a LOGIN "{name}" "{password}"'.encode()), **IMAP_SAYS
    )


def imap_sasl(house: House, address: str, name: str, password: str) -> str:
    words = b"a AUTHENTICATE PLAIN " + plain(name, password)
    return spoken(dialogue(house.imap, address, words), **IMAP_SAYS)


POP3_SAYS = {IN: "+OK", WRONG: "-ERR [AUTH]", LIMITED: "-ERR [SYS/TEMP]"}


def pop3(house: House, address: str, name: str, password: str) -> str:
    words = f"USER {name}".encode(), f"PASS {password}".encode()
    return spoken(dialogue(house.pop3, address, *words), **POP3_SAYS)


def pop3_sasl(house: House, address: str, name: str, password: str) -> str:
    said = dialogue(house.pop3, address, b"AUTH PLAIN " + plain(name, password))
    return spoken(said, **POP3_SAYS)


def managesieve(house: House, address: str, name: str, password: str) -> str:
    words = b'AUTHENTICATE "PLAIN" "%b"' % plain(name, password)
    said = dialogue(house.managesieve, address, words)
    return spoken(said, **{IN: "OK", WRONG: "NO", LIMITED: "NO (TRYLATER)"})


def wildduck(house: House, address: str, name: str, password: str) -> str:
    order = {"username": name, "password": password, "ip": "203.0.113.9", "sess": "x"}
    return asked(house, address, "/authenticate", order)


def existing_password(house: House, address: str, name: str, password: str) -> str:
    """Who has a session may try the password it takes to set another one."""
    order = {"name": "x", "existingPassword": password}
    return asked(house, address, f"/users/{house.account.id}", order, "PUT")


def asked(house: House, address: str, path: str, order: object, method: str = "POST") -> str:
    reply = house.site.ask(
        method, "/wildduck" + path, order, peer=peer(address), x_access_token=TOKEN
    )
    if reply.status == 200:
        return IN
    return LIMITED if reply.json["code"] == "RateLimitedError" else WRONG


def tmail(house: House, address: str, name: str, password: str) -> str:
    return by_basic(house, address, "/tmail/users", basic(name, password))


def mailinabox(house: House, address: str, name: str, password: str) -> str:
    return by_basic(house, address, "/admin/mail/users", basic(name, password))


def by_basic(house: House, address: str, path: str, header: str) -> str:
    reply = house.site.ask("GET", path, peer=peer(address), authorization=header)
    return {200: IN, 401: WRONG, 403: WRONG, 429: LIMITED}[reply.status]


def mailinabox_login(house: House, address: str, name: str, password: str) -> str:
    given = basic(name, password)
    reply = house.site.ask("POST", "/admin/login", b"", peer=peer(address), authorization=given)
    if reply.json["status"] == "ok":
        return IN
    return LIMITED if "Too many" in reply.json["reason"] else WRONG


def easymail(house: House, address: str, name: str, password: str) -> str:
    form = urlencode({"username": name, "password": password}).encode()
    reply = house.site.ask("POST", "/easymail/auth", form, peer=peer(address), content_type=FORM)
    return {200: IN, 401: WRONG, 429: LIMITED}[reply.status]


def panel(house: House, address: str, name: str, password: str) -> str:
    form = urlencode({"name": name, "password": password}).encode()
    reply = house.site.ask("POST", "/panel/sign-in", form, peer=peer(address), content_type=FORM)
    return {303: IN, 403: WRONG, 429: LIMITED}[reply.status]


DOORS: dict[str, Door] = {
    one.__name__: one
    for one in (
        smtp, smtp_login, imap, imap_sasl, pop3, pop3_sasl, managesieve, wildduck,
        existing_password, tmail, easymail, mailinabox, mailinabox_login, panel,
    )
}  # fmt: skip


@pytest.mark.parametrize("first", DOORS)
def test_an_address_that_failed_at_one_door_finds_all_shut(first: str) -> None:
    house = House()
    for _ in range(PER_ADDRESS):
        assert DOORS[first](house, "127.1.1.1", ROOT, "wrong") == WRONG
    found = {name: door(house, "127.1.1.1", ROOT, PASSWORD) for name, door in DOORS.items()}
    assert found == dict.fromkeys(DOORS, LIMITED)
    assert DOORS[first](house, "127.1.2.1", ROOT, PASSWORD) == IN
    house.world.clock.advance(61)
    found = {name: door(house, "127.1.1.1", ROOT, PASSWORD) for name, door in DOORS.items()}
    assert found == dict.fromkeys(DOORS, IN)


# -- one-time codes


def one_time_code(house: House, address: str, code: str) -> str:
    path = f"/users/{house.account.id}/2fa/totp/check"
    return asked(house, address, path, {"token": code})


def with_codes() -> tuple[House, Callable[[], str]]:
    """An account with a second factor, and what makes its codes."""
    house = House()
    seed, _ = run(house.world.identity.codes.set_up(house.account, "x", ACTOR))
    run(house.world.store.factors.spend(house.account.number, 1, ACTOR, enable=True))
    return house, lambda: otp.code(seed, int(house.world.clock.now()) // 30)


def test_wrong_codes_shut_all_doors_and_a_code_is_good_once() -> None:
    house, code = with_codes()
    assert one_time_code(house, "127.1.1.1", code()) == IN
    for _ in range(PER_ADDRESS):
        assert one_time_code(house, "127.1.2.1", "000000") == WRONG
    found = {name: door(house, "127.1.2.1", ROOT, PASSWORD) for name, door in DOORS.items()}
    assert found == dict.fromkeys(DOORS, LIMITED)
    assert one_time_code(house, "127.1.1.1", code()) == WRONG, "it was shown before"


@pytest.mark.parametrize("first", ["smtp", "imap", "wildduck", "panel"])
def test_wrong_passwords_shut_the_second_factor(first: str) -> None:
    house, code = with_codes()
    for _ in range(PER_ADDRESS):
        assert DOORS[first](house, "127.1.1.1", ROOT, "wrong") == WRONG
    assert one_time_code(house, "127.1.1.1", code()) == LIMITED
    assert one_time_code(house, "127.1.2.1", code()) == IN


# -- networks, accounts, all


PUBLIC = ("smtp", "imap", "pop3", "managesieve", "wildduck", "tmail", "easymail", "mailinabox")
"""Doors that may be knocked at from anywhere."""


@pytest.mark.parametrize(
    ("guesser", "guesses", "neighbor", "stranger"),
    [
        ("192.0.2.{}", PER_NETWORK, "192.0.2.200", "192.0.3.1"),
        ("2001:db8:1:2::{}", PER_ADDRESS, "2001:db8:1:2:ffff::1", "2001:db8:1:3::1"),
        ("::ffff:192.0.2.{}", PER_NETWORK, "192.0.2.200", "192.0.3.1"),
    ],
)
def test_a_network_is_one_guesser_at_all_doors(
    guesser: str, guesses: int, neighbor: str, stranger: str
) -> None:
    """Of IPv6 somebody has a whole /64: that is one address already."""
    house = House()
    for number in range(guesses):
        door = DOORS[PUBLIC[number % len(PUBLIC)]]
        assert door(house, guesser.format(number + 1), f"n{number}@example.org", "wrong") == WRONG
    found = {name: DOORS[name](house, neighbor, ROOT, PASSWORD) for name in PUBLIC}
    assert found == dict.fromkeys(PUBLIC, LIMITED)
    assert smtp(house, stranger, ROOT, PASSWORD) == IN


def test_an_account_is_guessed_at_from_everywhere_in_one_count() -> None:
    """Whoever owns it still comes in from where he always comes from."""
    house = House()
    assert imap(house, "203.0.113.1", ROOT, PASSWORD) == IN
    for number in range(PER_ACCOUNT):
        door = DOORS[PUBLIC[number % len(PUBLIC)]]
        assert door(house, f"198.51.{number}.1", ROOT, "wrong") == WRONG
    found = {name: DOORS[name](house, "192.0.2.1", ROOT, PASSWORD) for name in PUBLIC}
    assert found == dict.fromkeys(PUBLIC, LIMITED)
    found = {name: DOORS[name](house, "203.0.113.2", ROOT, PASSWORD) for name in PUBLIC}
    assert found == dict.fromkeys(PUBLIC, IN)


def test_what_is_sprayed_over_names_and_networks_is_one_count() -> None:
    house = House()
    for number in range(IN_ALL):
        door = DOORS[PUBLIC[number % len(PUBLIC)]]
        assert door(house, f"198.51.{number}.1", f"n{number}@example.org", "wrong") == WRONG
    found = {name: DOORS[name](house, "192.0.2.1", ROOT, PASSWORD) for name in PUBLIC}
    assert found == dict.fromkeys(PUBLIC, LIMITED)


# -- processes


class Shared(MemoryCounters):
    """What several processes count in; `away`: none of them reaches it."""

    away = False

    async def hit(self, key: str, window: float, cost: int = 1) -> int:
        self._reach()
        return await super().hit(key, window, cost)

    async def peek(self, key: str) -> int:
        self._reach()
        return await super().peek(key)

    def _reach(self) -> None:
        if self.away:
            raise Unavailable


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Shared:
    """Houses made from now on count in it."""
    made = Shared(FakeClock())
    monkeypatch.setattr(
        tests.world, "MemoryCounters", lambda clock: SteadyCounters(made, MemoryCounters(clock))
    )
    return made


@pytest.mark.parametrize("first", PUBLIC)
def test_processes_count_together(shared: Shared, first: str) -> None:
    one, other = House(), House()
    for _ in range(PER_ADDRESS):
        assert DOORS[first](one, "127.1.1.1", ROOT, "wrong") == WRONG
    found = {name: DOORS[name](other, "127.1.1.1", ROOT, PASSWORD) for name in PUBLIC}
    assert found == dict.fromkeys(PUBLIC, LIMITED)


@pytest.mark.parametrize("first", PUBLIC)
def test_while_processes_cannot_speak_each_holds_its_limits(shared: Shared, first: str) -> None:
    """And mail flows, also from who logs in."""
    house = House()
    assert smtp(house, "203.0.113.1", ROOT, PASSWORD) == IN
    shared.away = True
    for _ in range(PER_ADDRESS):
        assert DOORS[first](house, "127.1.1.1", ROOT, "wrong") == WRONG
    found = {name: DOORS[name](house, "127.1.1.1", ROOT, PASSWORD) for name in PUBLIC}
    assert found == dict.fromkeys(PUBLIC, LIMITED)
    found = {name: DOORS[name](house, "203.0.113.1", ROOT, PASSWORD) for name in PUBLIC}
    assert found == dict.fromkeys(PUBLIC, IN)
    house.world.deliver(ROOT, b"Subject: x\r\n\r\nx\r\n")
    shared.away = False
    found = {name: DOORS[name](house, "127.1.1.1", ROOT, PASSWORD) for name in PUBLIC}
    assert found == dict.fromkeys(PUBLIC, LIMITED), "it counted nothing, and frees nobody"


def test_an_address_is_where_a_guess_comes_from_and_no_word_in_it() -> None:
    house = House()
    outcomes = []
    for number in range(PER_ADDRESS + 2):
        label = f"203.0.113.{number}"
        reply = house.site.ask(
            "POST",
            "/wildduck/authenticate",
            {"username": ROOT, "password": "wrong", "ip": label, "sess": label},
            peer=peer("192.0.2.1"),
            x_access_token=TOKEN,
            x_forwarded_for=label,
            x_real_ip=label,
            forwarded=f"for={label}",
        )
        outcomes.append(reply.json["code"])
    assert outcomes == ["AuthFailed"] * PER_ADDRESS + ["RateLimitedError"] * 2
    assert tmail(house, "192.0.2.1", ROOT, PASSWORD) == LIMITED
    assert tmail(house, "203.0.113.1", ROOT, PASSWORD) == IN


# -- who is there


def by_name(house: House, path: str, name: str) -> bytes:
    """A whole answer to a wrong password, without the name itself and the time."""
    form = path.startswith("/panel")
    reply = house.site.ask(
        "POST" if form or path.endswith("login") else "GET",
        path,
        urlencode({"name": name, "password": "wrong"}).encode() if form else None,
        peer=peer("127.0.0.1"),
        **({"content_type": FORM} if form else {"authorization": basic(name, "wrong")}),
    )
    head = {key: value for key, value in reply.headers.items() if key not in TOLD}
    return repr((reply.status, head, reply.body.replace(name.encode(), b"NAME"))).encode()


TOLD = ("date", "content-length")


@pytest.mark.parametrize(
    "path", ["/tmail/users", "/admin/mail/users", "/admin/login", "/panel/sign-in"]
)
def test_no_answer_tells_who_is_there(path: str) -> None:
    house = House()
    codes = house.world.account("codes@example.org", role=Role.ADMIN)
    house.world.second_factor(codes.address)
    for name in ("joe", "shut", "gone"):
        house.world.account(f"{name}@example.org")
    people = house.world.people
    run(house.world.accounts.update(replace(people["shut@example.org"], disabled=True), ACTOR))
    run(house.world.accounts.remove(people["gone@example.org"].number, ACTOR))
    answers = set()
    for name in (ROOT, codes.address, "joe@example.org", "shut@example.org", "gone@example.org",
                 "nobody@example.org", "nobody@elsewhere.example", "nobody"):  # fmt: skip
        answers.add(by_name(house, path, name))
        house.world.clock.advance(61)
    assert len(answers) == 1, answers
