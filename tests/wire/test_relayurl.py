"""URLs of relays: what they mean, how they are written, and what is none."""

from __future__ import annotations

import pytest

from mailhub.model.errors import Invalid
from mailhub.wire import relayurl
from mailhub.wire.relayurl import RelayURL


@pytest.mark.parametrize(
    ("text", "meant", "written"),
    [
        ("smtp://mx.example.net", RelayURL("smtp", "mx.example.net", 25), "smtp://mx.example.net"),
        ("SMTP://MX.Example.NET:25/", RelayURL("smtp", "mx.example.net", 25), None),
        ("smtps://mx.example.net", RelayURL("smtps", "mx.example.net", 465), None),
        ("smtp://192.0.2.1:2525", RelayURL("smtp", "192.0.2.1", 2525), "smtp://192.0.2.1:2525"),
        ("smtp://[2001:db8::1]", RelayURL("smtp", "2001:db8::1", 25), "smtp://[2001:db8::1]"),
        ("smtp://b\u00fccher.example:587", RelayURL("smtp", "xn--bcher-kva.example", 587), None),
        (
            "smtps://joe%40example.org:s%3Aecret%2F@mx.example.net:4465",
            RelayURL("smtps", "mx.example.net", 4465, "joe@example.org", "s:ecret/"),
            "smtps://joe%40example.org:s%3Aecret%2F@mx.example.net:4465",
        ),
    ],
)
def test_what_is_a_relay(text: str, meant: RelayURL, written: str | None) -> None:
    found = relayurl.parse(text)
    assert relayurl.is_relay(text)
    assert found == meant
    assert written is None or str(found) == written
    assert relayurl.parse(str(found)) == found
    assert "ecret" not in found.place
    assert relayurl.parse(found.place).place == found.place


@pytest.mark.parametrize(
    "text",
    [
        "smtp://",
        "smtp://:25",
        "smtp://mx.example.net/path",
        "smtp://mx.example.net?x=1",
        "smtp://mx.example.net#x",
        "smtp://mx.example.net:",
        "smtp://mx.example.net:0",
        "smtp://mx.example.net:22",
        "smtp://mx.example.net:6000",
        "smtp://mx.example.net:99999",
        "smtp://joe@mx.example.net",
        "smtp://joe:@mx.example.net",
        "smtp://:word@mx.example.net",
        "smtp://joe:wo%0d%0ard@mx.example.net",
        "smtp://joe:%00@mx.example.net",
        "smtp://127.1",
        "smtp://0x7f000001",
        "smtp://2130706433",
        "smtp://[fe80::1%25eth0]",
        "smtp://a b",
        "smtp://mx\\.example.net",
        "smtp://" + "a" * 2100,
        "lmtp://mx.example.net",
        "http://mx.example.net",
        "",
    ],
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        relayurl.parse(text)
    assert caught.value.field == "targets"


@pytest.mark.parametrize("text", ["joe@example.org", "https://example.org/", "smtp:x", "", "://"])
def test_what_is_not_meant_to_be_one(text: str) -> None:
    assert not relayurl.is_relay(text)
