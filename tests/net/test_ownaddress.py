"""Which addresses are this machine's own."""

from __future__ import annotations

import socket

import pytest

from mailhub.net.ownaddress import OwnAddresses


@pytest.mark.parametrize(
    ("listening", "address", "port", "ours"),
    [
        ([("127.0.0.1", 2525)], "127.0.0.1", 2525, True),
        ([("127.0.0.1", 2525)], "::ffff:127.0.0.1", 2525, True),
        ([("127.0.0.1", 2525)], "127.0.0.1", 25, False),
        ([("127.0.0.1", 2525)], "127.0.0.2", 2525, False),
        ([("0.0.0.0", 25)], "127.0.0.2", 25, True),
        ([("::", 25)], "::1", 25, True),
        ([("::1", 25)], "127.0.0.1", 25, False),
        ([], "0.0.0.0", 25, True),
        ([], "::", 25, True),
        ([], "192.0.2.1", 25, False),
        ([], "2001:db8::1", 25, False),
        ([], "nonsense", 25, False),
    ],
)
def test_own(listening: list[tuple[str, int]], address: str, port: int, ours: bool) -> None:
    assert OwnAddresses(lambda: listening)(address, port) is ours


def test_the_machines_own_address_is_ours_whatever_listens_there() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))
        except OSError:
            pytest.skip("this machine has loopback alone")
        mine = probe.getsockname()[0]
    assert OwnAddresses(lambda: ())(mine, 25)
