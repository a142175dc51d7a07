"""Names as the DNS is asked for them."""

from __future__ import annotations

import pytest

from mailhub.model.errors import Invalid
from mailhub.wire.dnsname import query_name, reverse_name, text_address


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("192.0.2.1", "1.2.0.192.in-addr.arpa"),
        ("::ffff:192.0.2.1", "1.2.0.192.in-addr.arpa"),
        (
            "2001:db8::567:89ab",
            "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
        ),
        ("fe80::1%eth0", "1" + ".0" * 28 + ".8.e.f.ip6.arpa"),
    ],
)
def test_reverse_names(address: str, name: str) -> None:
    assert reverse_name(address) == name


@pytest.mark.parametrize("address", ["", "unix", "192.0.2", "example.org", "[192.0.2.1]"])
def test_no_reverse_name_of_what_is_no_address(address: str) -> None:
    with pytest.raises(Invalid):
        reverse_name(address)


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("Example.ORG.", "example.org"),
        ("example.org", "example.org"),
        (".", "."),
        ("", "."),
        ("_25._tcp.mx.example", "_25._tcp.mx.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("a" * 63 + ".example", "a" * 63 + ".example"),
        ("odd name!.example", "odd name!.example"),
    ],
)
def test_query_names(written: str, asked: str) -> None:
    assert query_name(written) == asked


@pytest.mark.parametrize(
    "written",
    [
        "..",
        ".example",
        "a..example",
        "example..",
        "a" * 64 + ".example",
        ".".join(["abcdefg"] * 32),
        "a\\.b.example",
        "a\x00b.example",
        "\ud800.example",
    ],
)
def test_what_no_name_can_be(written: str) -> None:
    with pytest.raises(Invalid):
        query_name(written)


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("[192.0.2.1]", "192.0.2.1"),
        ("[IPv6:2001:DB8::1]", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("192.0.2.1", "192.0.2.1"),
        ("[192.0.2.1", ""),
        ("example.org", ""),
        ("[example.org]", ""),
        ("", ""),
    ],
)
def test_addresses_in_text(name: str, address: str) -> None:
    assert text_address(name) == address
