"""Counts per service and network, and the descriptor budget."""

from __future__ import annotations

from mailhub.coord.memory import MemorySeats
from mailhub.model.settings import LimitSettings
from mailhub.net.admission import SPARE_DESCRIPTORS, Admission, Descriptors


def limits(**changes: object) -> LimitSettings:
    return LimitSettings(**changes)  # type: ignore[arg-type]


def test_in_all_and_per_service() -> None:
    admission = Admission(limits(connections=2), MemorySeats())
    first = admission.enter("imap", "192.0.2.1")
    assert first is not None
    assert admission.enter("imap", "192.0.2.2") is not None
    assert admission.enter("imap", "192.0.2.3") is None
    assert admission.enter("smtp", "192.0.2.3") is not None
    assert admission.count("imap") == 2
    admission.leave(first)
    assert admission.enter("imap", "192.0.2.3") is not None


def test_an_ipv6_network_is_one_peer() -> None:
    admission = Admission(limits(connections_per_network=2), MemorySeats())
    assert admission.enter("imap", "2001:db8::1") is not None
    assert admission.enter("imap", "2001:db8::2") is not None
    assert admission.enter("imap", "2001:db8::3") is None
    assert admission.enter("imap", "2001:db8:0:1::3") is not None


def test_ipv4_addresses_are_peers() -> None:
    admission = Admission(limits(connections_per_network=1), MemorySeats())
    assert admission.enter("imap", "192.0.2.1") is not None
    assert admission.enter("imap", "192.0.2.1") is None
    assert admission.enter("imap", "192.0.2.2") is not None


def test_exempt_networks_have_only_the_limit_in_all() -> None:
    admission = Admission(
        limits(connections=3, connections_per_network=1, exempt_networks=("127.0.0.0/8",)),
        MemorySeats(),
    )
    assert all(admission.enter("imap", "127.0.0.1") for _ in range(3))
    assert admission.enter("imap", "127.0.0.1") is None


def test_nothing_is_kept_of_who_left() -> None:
    seats = MemorySeats()
    admission = Admission(limits(), seats)
    for number in range(100):
        ticket = admission.enter("imap", f"192.0.2.{number}")
        assert ticket is not None
        admission.leave(ticket)
    assert not seats._open
    assert admission.count("imap") == 0


def test_descriptors_pause_once_and_resume_with_a_margin() -> None:
    told: list[str] = []
    descriptors = Descriptors(
        lambda: 100, lambda: told.append("pause"), lambda: told.append("resume")
    )
    assert all(descriptors.take() for _ in range(105))
    assert told == ["pause"]
    for _ in range(9):
        descriptors.give()
    assert told == ["pause"]
    descriptors.give()
    assert told == ["pause", "resume"]
    assert all(descriptors.take() for _ in range(5))
    assert told == ["pause", "resume", "pause"]


def test_the_spare_ones_are_never_all_taken() -> None:
    descriptors = Descriptors(lambda: 10, lambda: None, lambda: None)
    taken = sum(descriptors.take() for _ in range(1000))
    assert taken == 10 + SPARE_DESCRIPTORS // 2


def test_a_tiny_budget_still_pauses_and_resumes() -> None:
    told: list[str] = []
    descriptors = Descriptors(
        lambda: -5, lambda: told.append("pause"), lambda: told.append("resume")
    )
    assert descriptors.take()
    descriptors.give()
    assert told == ["pause", "resume"]
