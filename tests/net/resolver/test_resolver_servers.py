"""Which resolvers are asked: settings, resolv.conf, and the order of those that are silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailhub.model.errors import Invalid
from mailhub.model.settings import ResolverSettings
from mailhub.net.resolver.servers import (
    LOOK,
    SULK,
    Server,
    Servers,
    parse_resolv_conf,
    parse_server,
)
from tests.fakes import FakeClock


@pytest.mark.parametrize(
    ("text", "server", "shown"),
    [
        ("192.0.2.1", Server("192.0.2.1"), "192.0.2.1:53"),
        ("192.0.2.1:5353", Server("192.0.2.1", 5353), "192.0.2.1:5353"),
        ("2001:DB8::1", Server("2001:db8::1"), "[2001:db8::1]:53"),
        ("[2001:db8::1]:5353", Server("2001:db8::1", 5353), "[2001:db8::1]:5353"),
        ("127.0.0.53", Server("127.0.0.53", trusted=True), "127.0.0.53:53"),
        ("[::1]", Server("::1", trusted=True), "[::1]:53"),
    ],
)
def test_servers_in_words(text: str, server: Server, shown: str) -> None:
    assert parse_server(text, "loopback") == server
    assert str(server) == shown


@pytest.mark.parametrize(
    "text",
    ["", "dns.example", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "[::1]:x", "[::1", "::1:x"],
)
def test_what_is_no_server(text: str) -> None:
    with pytest.raises(Invalid):
        parse_server(text, "loopback")


def test_whose_word_is_believed() -> None:
    assert parse_server("192.0.2.1", "always").trusted
    assert not parse_server("127.0.0.1", "never").trusted


def test_resolv_conf() -> None:
    text = (
        "# comment\nsearch example.org\nnameserver 127.0.0.53\n nameserver\t2001:db8::1 # us\n"
        "nameserver fe80::1%eth0\nnameserver\nnameserver nonsense\n;nameserver 192.0.2.9\n"
    )
    assert parse_resolv_conf(text, "loopback") == (
        Server("127.0.0.53", trusted=True),
        Server("2001:db8::1"),
    )
    assert parse_resolv_conf("", "loopback") == (Server("127.0.0.1", trusted=True),)
    assert len(parse_resolv_conf("nameserver 192.0.2.1\n" * 50, "loopback")) == 8


def test_the_file_is_read_again_when_it_changed(tmp_path: Path) -> None:
    clock, file = FakeClock(), tmp_path / "resolv.conf"
    servers = Servers(ResolverSettings(), clock.seconds, path=file)
    assert [str(one) for one in servers.order()] == ["127.0.0.1:53"]
    file.write_text("nameserver 192.0.2.1\n")
    assert [str(one) for one in servers.order()] == ["127.0.0.1:53"]
    clock.advance(LOOK)
    assert [str(one) for one in servers.order()] == ["192.0.2.1:53"]
    file.unlink()
    clock.advance(LOOK)
    assert [str(one) for one in servers.order()] == ["192.0.2.1:53"]
    file.write_text("nameserver 192.0.2.20\n")
    clock.advance(LOOK)
    assert [str(one) for one in servers.order()] == ["192.0.2.20:53"]


def test_silent_servers_are_asked_last() -> None:
    clock = FakeClock()
    heard: list[tuple[str, bool]] = []
    servers = Servers(
        ResolverSettings(servers=("192.0.2.1", "192.0.2.2", "192.0.2.3")),
        clock.seconds,
        lambda server, up: heard.append((server, up)),
    )
    one, two, three = servers.order()
    servers.failed(one)
    servers.failed(one)
    assert list(servers.order()) == [two, three, one]
    servers.failed(two)
    servers.failed(three)
    assert list(servers.order()) == [one, two, three]
    servers.answered(two)
    servers.answered(two)
    assert list(servers.order()) == [two, one, three]
    clock.advance(SULK)
    assert list(servers.order()) == [one, two, three]
    assert heard == [
        ("192.0.2.1:53", False),
        ("192.0.2.2:53", False),
        ("192.0.2.3:53", False),
        ("192.0.2.2:53", True),
    ]
