from __future__ import annotations

import pytest

from mailhub.core.plan import Recipient, plan
from mailhub.model.account import Service
from mailhub.model.address import Resolution
from mailhub.model.envelope import Envelope, ForwardPath, Peer, ReversePath
from mailhub.model.errors import MailLoop
from mailhub.model.message import Arrival

ENVELOPE = Envelope("t", ReversePath("a@b.example"), (), Service.SMTP, Peer("192.0.2.1", 1))
RETURNED = b"Return-Path: <a@b.example>\r\n"


def to(address: str, *accounts: tuple[int, str], remote: tuple[str, ...] = ()) -> Recipient:
    path = ForwardPath(address, ("NEVER",), "rfc822;" + address)
    return Recipient(path, Resolution(accounts, remote))


def test_one_copy_an_account_one_entry_an_address() -> None:
    made = plan(
        ENVELOPE,
        [
            to("joe@x", (1, "joe@x")),
            to("all@x", (1, "joe@x"), (2, "ann@x"), remote=("far@y", "near@z")),
            to("far@y", remote=("far@y",)),
        ],
        frozenset(),
        77,
    )
    assert [(copy.account, copy.recipient, copy.internaldate) for copy in made.copies] == [
        (1, "joe@x", 77),
        (2, "all@x", 77),
    ]
    assert made.copies[0].prefix == RETURNED + b"Delivered-To: joe@x\r\n"
    assert made.copies[1].prefix == RETURNED + b"Delivered-To: ann@x\r\n"
    assert [(one.recipient, one.orcpt) for one in made.onward] == [
        ("far@y", "rfc822;all@x"),
        ("near@z", "rfc822;all@x"),
    ]
    assert {one.notify for one in made.onward} == {("NEVER",)}
    arrivals = [Arrival(1, 1, 1, 1, 1), Arrival(2, 1, 1, 1, 1)]
    assert [made.outcome(index, arrivals) for index in range(3)] == [
        arrivals[0],
        arrivals[0],
        None,
    ]


def test_an_address_without_domain_is_delivered_to_what_it_matched() -> None:
    made = plan(ENVELOPE, [to("postmaster", (1, "postmaster@x"))], frozenset(), 0)
    assert made.copies[0].prefix.endswith(b"Delivered-To: postmaster@x\r\n")


def test_a_loop_stops_the_mailbox_it_concerns() -> None:
    visited = frozenset({"joe@x"})
    alone = plan(ENVELOPE, [to("JOE@x", (1, "joe@x"))], visited, 0)
    assert not alone.any
    with pytest.raises(MailLoop):
        alone.check()
    several = plan(ENVELOPE, [to("all@x", (1, "joe@x"), (2, "ann@x"))], visited, 0)
    several.check()
    assert [copy.account for copy in several.copies] == [2]
    beside = plan(ENVELOPE, [to("joe@x", (1, "joe@x")), to("ann@x", (2, "ann@x"))], visited, 0)
    assert list(beside.errors) == [0]
    assert [copy.account for copy in beside.copies] == [2]
