from __future__ import annotations

import pytest

from mailhub.coord.memory import MemoryCounters
from mailhub.model.errors import TooManyAttempts
from mailhub.model.settings import LimitSettings
from mailhub.policy.limits import Guesses
from tests.fakes import FakeClock
from tests.support import run

SETTINGS = LimitSettings(
    guesses_per_address=3,
    guesses_per_network=5,
    guesses_per_account=7,
    exempt_networks=("127.0.0.0/8", "unix"),
)


def made() -> tuple[Guesses, FakeClock]:
    clock = FakeClock()
    return Guesses(MemoryCounters(clock), SETTINGS), clock


def guess(guesses: Guesses, address: str, subject: str = "#1") -> bool:
    """Whether a wrong guess was even looked at."""
    try:
        run(guesses.begin(address, subject))
    except TooManyAttempts:
        return False
    return True


def test_an_address_has_so_many_guesses_a_minute_at_all_accounts_together() -> None:
    guesses, clock = made()
    tries = [guess(guesses, "192.0.2.1", f"#{number}") for number in range(6)]
    assert tries == [True] * 3 + [False] * 3
    assert guess(guesses, "203.0.113.1", "#0")
    clock.advance(60)
    assert guess(guesses, "192.0.2.1")


def test_a_network_has_so_many_however_many_addresses_it_uses() -> None:
    guesses, _ = made()
    tries = [guess(guesses, f"192.0.2.{number}", f"#{number}") for number in range(8)]
    assert tries == [True] * 5 + [False] * 3


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_what_counts_as_one_address(one: str, other: str, same: bool) -> None:
    guesses, _ = made()
    for number in range(3):
        assert guess(guesses, one, f"#{number}")
    assert guess(guesses, other, "#9") is not same


def test_an_account_has_so_many_from_everywhere() -> None:
    guesses, _ = made()
    tries = [guess(guesses, f"198.51.{number}.1") for number in range(10)]
    assert tries == [True] * 7 + [False] * 3
    assert guess(guesses, "198.51.100.1", "#2")


def test_spraying_is_limited_in_all_and_known_networks_are_not() -> None:
    guesses = Guesses(MemoryCounters(FakeClock()), LimitSettings(guesses_in_all=20))
    run(guesses.right(run(guesses.begin("192.0.2.1", "#1"))))
    tries = [guess(guesses, f"10.{number}.0.1", f"#{number}") for number in range(30)]
    assert tries == [True] * 20 + [False] * 10
    assert guess(guesses, "192.0.2.1", "#1")


def test_right_guesses_are_not_counted() -> None:
    guesses, _ = made()
    for _ in range(50):
        run(guesses.right(run(guesses.begin("192.0.2.1", "#1"))))
    for _ in range(50):
        run(guesses.withdraw(run(guesses.begin("192.0.2.9", "#2"))))
    assert guess(guesses, "192.0.2.1", "#3")


def test_the_owner_is_not_locked_out_by_an_attack_on_the_account_or_from_the_network() -> None:
    guesses, clock = made()
    run(guesses.right(run(guesses.begin("192.0.2.1", "#1"))))
    for number in range(20):
        guess(guesses, f"198.51.{number}.1", "#1")
        guess(guesses, f"192.0.2.{number + 20}", f"#{number + 10}")
    assert not guess(guesses, "198.51.100.1", "#1")
    assert not guess(guesses, "192.0.2.8", "#55")
    run(guesses.right(run(guesses.begin("192.0.2.1", "#1"))))
    clock.advance(86400)
    run(guesses.right(run(guesses.begin("192.0.2.1", "#1"))))


def test_a_known_network_has_its_own_limit() -> None:
    guesses, _ = made()
    run(guesses.right(run(guesses.begin("192.0.2.1", "#1"))))
    tries = [guess(guesses, "192.0.2.1", "#1") for _ in range(5)]
    assert tries == [True] * 3 + [False] * 2


def test_a_proven_password_is_no_guess_from_a_known_network_only() -> None:
    guesses, _ = made()
    run(guesses.right(run(guesses.begin("192.0.2.1", "#1"))))
    while guess(guesses, "192.0.2.1", "#1"):
        pass
    run(guesses.begin("192.0.2.1", "#1", proven=True))
    while guess(guesses, "203.0.113.5", "#1"):
        pass
    with pytest.raises(TooManyAttempts):
        run(guesses.begin("203.0.113.5", "#1", proven=True))


def test_a_thousand_guesses_at_once_count_as_a_thousand() -> None:
    guesses, _ = made()
    begun = [guess(guesses, "192.0.2.1") for _ in range(1000)]
    assert sum(begun) == 3


def test_exempt_peers_are_not_counted() -> None:
    guesses, _ = made()
    assert all(guess(guesses, address) for address in ("127.0.0.1", "127.9.9.9", "unix") * 20)


def test_a_limit_of_zero_is_none() -> None:
    guesses = Guesses(
        MemoryCounters(FakeClock()),
        LimitSettings(
            guesses_per_address=0, guesses_per_network=0, guesses_per_account=0, guesses_in_all=0
        ),
    )
    assert all(guess(guesses, "192.0.2.1") for _ in range(100))
