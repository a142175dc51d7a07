"""Named networks and what counts as one peer."""

from __future__ import annotations

import pytest

from mailhub.model.errors import Invalid
from mailhub.wire.networks import REMEMBERED, Networks, group, plain


@pytest.mark.parametrize(
    ("names", "address", "inside"),
    [
        (["127.0.0.0/8"], "127.1.2.3", True),
        (["127.0.0.0/8"], "128.0.0.1", False),
        (["127.0.0.0/8"], "::ffff:127.0.0.1", True),
        (["192.0.2.1"], "192.0.2.1", True),
        (["2001:db8::/32"], "2001:db8:1::1", True),
        (["2001:db8::/32"], "2001:db9::1", False),
        (["fe80::/10"], "fe80::1%eth0", True),
        (["0.0.0.0/0"], "2001:db8::1", False),
        (["unix"], "unix", True),
        (["0.0.0.0/0"], "unix", False),
        (["0.0.0.0/0"], "not an address", False),
        ([], "127.0.0.1", False),
    ],
)
def test_membership(names: list[str], address: str, inside: bool) -> None:
    networks = Networks(names)
    assert (address in networks) is inside
    assert (address in networks) is inside, "the second answer is remembered"


@pytest.mark.parametrize("name", ["10.0.0.1/8", "example.org", "", "1.2.3.4/33", "unix:"])
def test_what_is_no_network_is_named(name: str) -> None:
    with pytest.raises(Invalid, match="is no network"):
        Networks([name])


def test_an_empty_set_is_false() -> None:
    assert not Networks([])
    assert Networks(["unix"])
    assert Networks(["::1"])


def test_memory_is_bounded() -> None:
    networks = Networks(["10.0.0.0/8"])
    for number in range(REMEMBERED * 2):
        assert f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}" in networks
    assert len(networks._answers) <= REMEMBERED


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix", "unix"),
    ],
)
def test_one_peer(address: str, wanted: str) -> None:
    assert group(address) == wanted


def test_wider_groups() -> None:
    assert group("192.0.2.77", v4=24) == "192.0.2.0/24"
    assert group("2001:db8:1:2::1", v6=48) == "2001:db8:1::/48"


def test_plain() -> None:
    assert plain("::FFFF:10.0.0.1") == "10.0.0.1"
    assert plain("::ffff:a00:1") == "::ffff:a00:1"
