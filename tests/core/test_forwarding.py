from __future__ import annotations

import pytest

from mailhub.core.srs import SRS
from mailhub.model.envelope import ForwardPath
from mailhub.model.errors import NotFound
from tests.queue_bench import ACTOR, REFUSED, QueueBench, bench
from tests.support import run

SECRET = SRS(b"secret", "example.org")


def forwarding() -> QueueBench:
    b = bench(srs=SECRET)
    run(b.world.addresses.create("fwd@example.org", ACTOR, targets=("far@example.net",)))
    return b


def test_forwarded_mail_has_a_sender_of_ours_and_names_whom_it_was_for() -> None:
    b = forwarding()
    b.submit("fwd@example.org", sender="s@example.com")
    [call] = b.outbound.calls
    assert call.sender.address == SECRET.forward("s@example.com", b.clock.now())
    assert not call.sender.local
    assert call.recipients[0].recipient == "far@example.net"
    assert call.recipients[0].orcpt == "rfc822;fwd@example.org"


def test_senders_of_ours_and_the_null_sender_stay() -> None:
    b = forwarding()
    b.submit("fwd@example.org", sender="joe@example.org")
    b.submit("fwd@example.org", sender="")
    assert [call.sender.address for call in b.outbound.calls] == ["joe@example.org", ""]


def test_what_is_relayed_for_its_sender_is_not_forwarded() -> None:
    b = forwarding()
    b.submit("direct@example.net", sender="s@example.com")
    assert b.outbound.calls[0].sender.address == "s@example.com"


def test_a_bounce_finds_its_way_back() -> None:
    b = forwarding()
    b.outbound.says["far@example.net"] = [REFUSED]
    b.submit("fwd@example.org", sender="s@example.com")
    first, bounce = b.outbound.calls
    assert bounce.sender.address == ""
    assert [one.recipient for one in bounce.recipients] == ["s@example.com"]
    assert first.sender.address.encode() in bounce.data
    # A bounce of the remote's own comes to the rewritten sender, from anywhere.
    path = ForwardPath(first.sender.address)
    recipient = run(b.world.intake.recipient(path, None, False))
    assert recipient.resolution.remote == ("s@example.com",)


@pytest.mark.parametrize("days", [30, 0])
def test_old_and_forged_ones_are_nobody(days: int) -> None:
    b = forwarding()
    rewritten = SECRET.forward("s@example.com", b.clock.now())
    if days:
        b.clock.leap(days * 86_400)
    else:
        rewritten = rewritten.replace("=s@", "=t@")
    with pytest.raises(NotFound):
        run(b.world.intake.recipient(ForwardPath(rewritten), None, False))
