"""The resolver against a server that answers as told, over real sockets."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

from mailhub.model.dns import DNSAnswer
from mailhub.model.errors import Invalid, NotFound, Unavailable
from mailhub.model.route import TLSA
from mailhub.model.settings import ResolverSettings
from mailhub.net.resolver import StubResolver, resolver
from mailhub.net.resolver.codec import Refused
from tests.dns import DNSServer, Fault
from tests.fakes import ListLog, SeededRandomness
from tests.live.pace import prompt
from tests.loop import Loop, loop

pytestmark = pytest.mark.thorough

ORG = """
@ MX 10 Mx1
@ MX 20 mx2.example.net.
@ TXT "v=spf1 " "-all"
@ TXT "second"
@ A 192.0.2.1
@ A 192.0.2.2
@ AAAA 2001:db8::1
www CNAME @
far CNAME www.example.net.
loop1 CNAME loop2
loop2 CNAME loop1
dangling CNAME nowhere
empty.deep A 192.0.2.9
_25._tcp.mx1 TLSA 3 1 1 00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF
_imaps._tcp SRV 1 2 993 Imap
null MX 0 .
"""
NET = "www CNAME host\nhost 60 A 192.0.2.7\nmx2 A 192.0.2.3\n"
LONG = "".join(f"chain{number} CNAME chain{number + 1}\n" for number in range(18))
MANY = "".join(f"@ MX {number} mx{number}.a-long-name-of-a-host\n" for number in range(1000))
REVERSE = "1 PTR Mail.Example.Org.\n"
ZONES = {
    "example.org": ORG,
    "example.net": NET,
    "long.example": LONG + "chain18 A 192.0.2.1\n",
    "many.example": MANY,
    "2.0.192.in-addr.arpa": REVERSE,
}


@pytest.fixture
def server() -> Iterator[DNSServer]:
    with DNSServer(ZONES) as running:
        yield running


@pytest.fixture
def world(server: DNSServer) -> Iterator[World]:
    with loop() as running:
        yield World(running, server.address)


class World:
    """A resolver that asks `servers`."""

    def __init__(self, running: Loop, *servers: str, **settings: Any) -> None:
        self.loop = running
        self.log = ListLog()
        settings = {"timeout": 1, "tries": 2, "deadline": 5} | settings
        self.resolver = StubResolver(
            ResolverSettings(servers=servers, **settings),
            running.reactor,
            SeededRandomness(),
            self.log,
        )

    def ask(self, name: str, kind: str) -> DNSAnswer:
        return self.loop.wait(self.resolver.query(name, kind))

    def again(self, *servers: str, **settings: Any) -> World:
        return World(self.loop, *servers, **settings)


@pytest.mark.parametrize(
    ("name", "kind", "records"),
    [
        ("example.org", "A", {"192.0.2.1", "192.0.2.2"}),
        ("Example.ORG.", "aaaa", {"2001:db8::1"}),
        ("example.org", "MX", {(10, "mx1.example.org"), (20, "mx2.example.net")}),
        ("example.org", "TXT", {b"v=spf1 -all", b"second"}),
        ("example.org", "NS", {"ns.example.org"}),
        ("www.example.org", "CNAME", {"example.org"}),
        ("1.2.0.192.in-addr.arpa", "PTR", {"mail.example.org"}),
        ("_imaps._tcp.example.org", "SRV", {(1, 2, 993, "imap.example.org")}),
        ("null.example.org", "MX", {(0, ".")}),
        (
            "_25._tcp.mx1.example.org",
            "TLSA",
            {TLSA(3, 1, 1, bytes.fromhex("00112233445566778899AABBCCDDEEFF" * 2))},
        ),
    ],
)
def test_records_of_every_type(world: World, name: str, kind: str, records: set[Any]) -> None:
    answer = world.ask(name, kind)
    assert set(answer.records) == records
    assert answer.name == name.lower().rstrip(".")
    assert answer.kind == kind.upper()
    assert answer.ttl == 300


def test_aliases_are_followed_over_zones(world: World) -> None:
    answer = world.ask("far.example.org", "A")
    assert answer.records == ("192.0.2.7",)
    assert answer.canonical == "host.example.net"
    assert answer.ttl == 60
    assert world.ask("example.org", "A").canonical == "example.org"


def test_aliases_in_a_circle_or_without_end(world: World) -> None:
    for name in ("loop1.example.org", "chain0.long.example"):
        with pytest.raises(Unavailable):
            world.ask(name, "A")
    assert world.ask("chain3.long.example", "A").records == ("192.0.2.1",)


def test_what_is_not_there(world: World) -> None:
    with pytest.raises(NotFound):
        world.ask("nowhere.example.org", "A")
    with pytest.raises(NotFound):
        world.ask("dangling.example.org", "A")
    assert world.ask("mx2.example.net", "AAAA").records == ()
    assert world.ask("deep.example.org", "A").records == ()


@pytest.mark.parametrize("name", ["a..b", "a" * 64 + ".example", "a\\b.example", "\ud800.example"])
def test_names_that_cannot_be(world: World, server: DNSServer, name: str) -> None:
    with pytest.raises(NotFound):
        world.ask(name, "A")
    assert server.asked == []


def test_types_that_are_not_known(world: World) -> None:
    with pytest.raises(Invalid):
        world.resolver.query("example.org", "ANY")


def test_answers_are_kept(world: World, server: DNSServer) -> None:
    for _ in range(3):
        world.ask("example.org", "A")
        world.ask("EXAMPLE.org.", "a")
        with pytest.raises(NotFound):
            world.ask("nowhere.example.org", "A")
        world.ask("mx2.example.net", "AAAA")
    assert len(server.asked) == 3
    world.resolver.forget()
    world.ask("example.org", "A")
    assert len(server.asked) == 4


def test_failures_are_kept_for_a_moment(world: World, server: DNSServer) -> None:
    server.faults["example.org", "*"] = Fault("servfail")
    for _ in range(3):
        with pytest.raises(Unavailable):
            world.ask("example.org", "A")
    assert len(server.asked) == 1


def test_a_failure_that_is_kept_holds_on_to_nothing(world: World, server: DNSServer) -> None:
    server.faults["example.org", "*"] = Fault("servfail")
    with pytest.raises(Unavailable):
        world.ask("example.org", "A")
    gc.collect()
    assert not [one for one in gc.get_objects() if isinstance(one, Refused)]


def test_the_same_question_is_asked_once_at_a_time(world: World, server: DNSServer) -> None:
    server.faults["*", "*"] = Fault(slow=0.2)
    answers = [world.resolver.query("example.org", "A") for _ in range(50)]
    answers[7].addErrback(lambda failure: None if failure.check(CancelledError) else failure)
    answers[7].cancel()
    records = [world.loop.wait(answer) for answer in answers[:7] + answers[8:]]
    assert len({answer.records for answer in records}) == 1
    assert len(server.asked) == 1
    assert world.resolver.under_way == 0


def test_what_nobody_waits_for_any_more_is_kept(world: World, server: DNSServer) -> None:
    server.faults["*", "*"] = Fault(slow=0.1)
    answer = world.resolver.query("example.org", "A")
    answer.addErrback(lambda failure: None if failure.check(CancelledError) else failure)
    answer.cancel()
    world.loop.until(lambda: world.resolver.under_way == 0)
    world.ask("example.org", "A")
    assert len(server.asked) == 1


def test_long_answers_come_over_tcp(world: World, server: DNSServer) -> None:
    answer = world.ask("many.example", "MX")
    assert len(answer.records) == 1000
    assert [transport for _, _, transport in server.asked] == ["udp", "tcp"]
    server.faults["example.org", "A"] = Fault("truncated")
    assert len(world.ask("example.org", "A").records) == 2


def test_a_server_that_hangs_up_on_tcp(world: World, server: DNSServer) -> None:
    server.faults["many.example", "*"] = Fault("hang-up")
    with pytest.raises(Unavailable, match="hung up"):
        world.ask("many.example", "MX")


@pytest.mark.parametrize("kind", ["wrong-id", "wrong-question", "garbage"])
def test_packets_that_are_no_answer(world: World, server: DNSServer, kind: str) -> None:
    server.faults["example.org", "*"] = Fault(kind)
    impatient = world.again(server.address, timeout=0.3)
    with pytest.raises(Unavailable):
        impatient.ask("example.org", "A")
    assert world.ask("mx2.example.net", "A").records == ("192.0.2.3",)


def test_a_forger_who_is_faster_does_not_win(world: World, server: DNSServer) -> None:
    server.faults["example.org", "*"] = Fault("forged-first")
    assert len(world.ask("example.org", "A").records) == 2
    assert len(server.asked) == 1


@pytest.mark.parametrize("kind", ["servfail", "refused", "lame"])
def test_a_server_that_does_not_want_is_asked_once(
    world: World, server: DNSServer, kind: str
) -> None:
    server.faults["example.org", "*"] = Fault(kind)
    with pytest.raises(Unavailable):
        world.ask("example.org", "A")
    assert len(server.asked) == 1


def test_a_server_from_before_edns(world: World, server: DNSServer) -> None:
    server.faults["*", "*"] = Fault("no-edns")
    assert len(world.ask("example.org", "A").records) == 2
    assert len(server.asked) == 2
    world.ask("mx2.example.net", "A")
    assert len(server.asked) == 3


def test_a_silent_server_is_asked_again_and_then_given_up(world: World, server: DNSServer) -> None:
    server.faults["*", "*"] = Fault("silent")
    impatient = world.again(server.address, timeout=0.3)
    started = time.monotonic()
    with prompt(3), pytest.raises(Unavailable, match="No answer from"):
        impatient.ask("example.org", "A")
    assert time.monotonic() - started > 0.5
    assert len(server.asked) == 2
    assert impatient.log.named("resolver") == [
        {"server": server.address, "outcome": "silent", "level": "warn"}
    ]


def test_the_whole_time_is_bounded(world: World, server: DNSServer) -> None:
    server.faults["*", "*"] = Fault("silent")
    impatient = world.again(server.address, timeout=0.8, tries=9, deadline=0.4)
    with prompt(0.75), pytest.raises(Unavailable, match=r"in 0\.4 s"):
        impatient.ask("example.org", "A")
    assert impatient.resolver.under_way == 0


def test_the_next_server_answers(world: World, server: DNSServer) -> None:
    with DNSServer(ZONES) as other:
        server.faults["example.org", "*"] = Fault("servfail")
        server.faults["example.net", "*"] = Fault("silent")
        both = world.again(server.address, other.address, timeout=0.3)
        assert len(both.ask("example.org", "A").records) == 2
        assert both.ask("example.net", "NS").records == ("ns.example.net",)
        assert len(both.log.named("resolver")) == 1
        # Who was silent is asked last for a while; who said SERVFAIL is as good as before.
        asked = len(server.asked)
        both.ask("mx2.example.net", "A")
        assert len(server.asked) == asked


def test_nobody_listens(world: World) -> None:
    with DNSServer() as gone:
        address = gone.address
    nobody = world.again(address, "[::1]:1")
    with prompt(0.9), pytest.raises(Unavailable):
        nobody.ask("example.org", "A")


def test_over_ipv6(world: World) -> None:
    with DNSServer(ZONES, host="::1") as server:
        six = world.again(server.address)
        assert len(six.ask("example.org", "A").records) == 2
        assert len(six.ask("many.example", "MX").records) == 1000


@pytest.mark.parametrize(
    ("trust", "believed"), [("loopback", True), ("always", True), ("never", False)]
)
def test_whose_ad_bit_is_believed(
    world: World, server: DNSServer, trust: str, believed: bool
) -> None:
    server.authentic = {"example.org", "www.example.net", "mx2.example.net"}
    asking = world.again(server.address, trust_ad=trust)
    assert asking.ask("example.org", "A").authentic is believed
    assert asking.ask("mx2.example.net", "AAAA").authentic is believed
    assert asking.ask("far.example.org", "A").authentic is False
    assert asking.ask("host.example.net", "A").authentic is False
    assert all(flags & 0x0120 == 0x0120 for flags in server.flags)


def test_sockets_are_bounded_and_the_others_wait(world: World, server: DNSServer) -> None:
    server.faults["*", "*"] = Fault(slow=0.1)
    few = world.again(server.address, sockets=4)
    idle = len(world.loop.reactor.getReaders())
    answers = [few.resolver.query(f"chain{n}.long.example", "CNAME") for n in range(12)]
    most = 0

    def done() -> bool:
        nonlocal most
        most = max(most, len(world.loop.reactor.getReaders()))
        return all(answer.called for answer in answers)

    world.loop.until(done)
    assert most - idle == 4
    assert [world.loop.wait(answer).name for answer in answers] == [
        f"chain{n}.long.example" for n in range(12)
    ]


def test_more_questions_than_may_wait(
    world: World, server: DNSServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver, "WAITING", 50)
    server.load(
        "wide.example", "* A 192.0.2.1\n" + "".join(f"n{n} A 192.0.2.1\n" for n in range(9))
    )
    patient = world.again(server.address, timeout=10, tries=9, deadline=90)
    answers = [patient.resolver.query(f"n{n}.wide.example", "A") for n in range(400)]
    assert sum(answer.called for answer in answers) == 400 - 50 - 256
    ends = [outcome(patient, answer) for answer in answers]
    assert ends.count("Unavailable") == 400 - 50 - 256
    assert ends.count("NotFound") == 50 + 256 - 9
    assert ends.count("192.0.2.1") == 9
    assert patient.resolver.under_way == 0


def outcome(world: World, answer: Deferred[DNSAnswer]) -> str:
    try:
        return str(world.loop.wait(answer, 30).records[0])
    except (NotFound, Unavailable) as error:
        return type(error).__name__


def test_stopping_ends_every_question(world: World, server: DNSServer) -> None:
    server.faults["*", "*"] = Fault("silent")
    few = world.again(server.address, sockets=2)
    answers = [few.resolver.query(f"n{n}.example.org", "A") for n in range(6)]
    world.loop.run(0.1)
    few.resolver.stop()
    for answer in answers:
        with pytest.raises(Unavailable):
            world.loop.wait(answer)
    assert few.resolver.under_way == 0
    world.loop.run(0.1)
    assert world.loop.reactor.getDelayedCalls() == []


def test_no_two_questions_share_id_and_port(world: World, server: DNSServer) -> None:
    seen: set[tuple[int, bytes]] = set()
    serve = server._send_udp

    def watch(answer: bytes, peer: Any) -> None:
        seen.add((peer[1], answer[:2]))
        serve(answer, peer)

    server._send_udp = watch  # type: ignore[method-assign]
    for number in range(20):
        with pytest.raises(NotFound):
            world.ask(f"n{number}.example.org", "A")
    assert len({port for port, _ in seen}) > 15
    assert len({id for _, id in seen}) > 15
