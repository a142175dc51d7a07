"""Whether mail sent to an address would come back to this very server.

Asks the kernel, which knows the addresses of this machine at any time; sends nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from ipaddress import ip_address

from mailhub.wire.networks import plain

Listening = Callable[[], Iterable[tuple[str, int]]]
"""(address, port) of our own listeners; `0.0.0.0` and `::` stand for all addresses."""


class OwnAddresses:
    """Every address of the machine is ours, whatever listens there: behind it mail would be ours
    to deliver. Of loopback, where other servers may be tried out, only what we listen on."""

    def __init__(self, listening: Listening) -> None:
        self._listening = listening

    def __call__(self, address: str, port: int) -> bool:
        """Whether we are who answers there."""
        try:
            parsed = ip_address(plain(address))
        except ValueError:
            return False
        if parsed.is_unspecified:
            return True
        if parsed.is_loopback:
            return any(
                bound == port and (host == str(parsed) or ip_address(host).is_unspecified)
                for host, bound in self._listening()
            )
        return _is_local(str(parsed))


def _is_local(address: str) -> bool:
    """An address of this machine is reached from that address itself. (Binding to it would tell
    the same, unless `ip_nonlocal_bind` is set.)"""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))
            return bool(probe.getsockname()[0] == address)
    except OSError:
        return False
