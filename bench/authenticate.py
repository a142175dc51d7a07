"""What authenticating a message costs: processor time of every check, on a warm cache.

    python -m bench.authenticate [--size 10240] [--count 500]

A message of `size` octets with an RSA and an Ed25519 signature goes through the steps that judge
mail from other servers, on a DNS in memory; then the longest hold of the reactor on one of 20 MB.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

from mailhub.model.account import Service
from mailhub.model.envelope import Peer
from mailhub.policy.signing import header_end
from mailhub.policy.step import Content, Facts, Step
from tests import vouched
from tests.fakes import FakeClock
from tests.names import FakeResolver
from tests.support import run

LARGE = 20 << 20


def facts(data: bytes) -> Facts:
    """As a session of `vouched.CLIENT` has them."""
    end = header_end(data)
    return Facts(
        peer=Peer(vouched.CLIENT, 4000, "198.51.100.1", 25),
        service=Service.SMTP,
        helo=f"mx.{vouched.REMOTE}",
        sender=f"ann@{vouched.REMOTE}",
        recipients=("joe@example.org",),
        content=Content(data[:end], memoryview(data)[end:]),
    )


class Watch(FakeClock):
    """A clock that runs, and knows the longest time between two pauses."""

    def __init__(self) -> None:
        super().__init__(vouched.NOW)
        self.longest = 0.0
        self._began = time.process_time()

    def begin(self) -> None:
        """The reactor is ours from now on."""
        self._began = time.process_time()

    def seconds(self) -> float:
        return time.process_time()

    async def pause(self) -> None:
        self.longest = max(self.longest, time.process_time() - self._began)
        self._began = time.process_time()


def through(steps: Sequence[Step], given: Facts) -> list[str]:
    """What all steps find."""
    return [f"{one.step}={one.name}" for step in steps for one in run(step.run(given))]


def timed(work: Callable[[], object], count: int) -> float:
    """Microseconds of processor time of one."""
    begin = time.process_time()
    for _ in range(count):
        work()
    return (time.process_time() - begin) / count * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=10240)
    parser.add_argument("--count", type=int, default=500)
    options = parser.parse_args()
    resolver = FakeResolver(vouched.zones())
    line = b"The quick brown fox jumps over the lazy dog, again and again.\r\n"
    plain = vouched.message()
    plain += line * ((options.size - len(plain)) // len(line))
    for name, data in {
        "no signature": plain,
        "RSA and Ed25519 signatures": vouched.signed(plain),
        "the same, sealed once": vouched.sealed(
            vouched.signed(plain), vouched.REMOTE, f"dmarc=pass header.from={vouched.REMOTE}"
        ),
    }.items():
        given = facts(data)
        steps = vouched.steps(resolver)
        found = through(steps, given)
        cost = timed(lambda steps=steps, given=given: through(steps, given), options.count)
        print(f"{name}, {len(data)} octets: {cost:.0f} us ({' '.join(found)})")
    watch = Watch()
    given = facts(vouched.signed(vouched.message() + line * (LARGE // len(line))))
    steps = vouched.steps(resolver, clock=watch)
    watch.begin()
    begin = time.process_time()
    through(steps, given)
    run(watch.pause())
    took = time.process_time() - begin
    print(f"{LARGE >> 20} MB: {took * 1000:.0f} ms, longest hold {watch.longest * 1000:.1f} ms")


if __name__ == "__main__":
    main()
