"""A domain written out and taken in again, in memory: what goes along, and what may not."""

from __future__ import annotations

import dataclasses
import io
import json
import tarfile
from typing import Any

import pytest

from mailhub.core import domainfile as files
from mailhub.core.exporting import Exporting, Wanted
from mailhub.core.importing import Importing
from mailhub.core.messages import Messages
from mailhub.core.selected import Selections
from mailhub.model.account import Role
from mailhub.model.errors import Conflict, Corrupt, Invalid, NotFound
from mailhub.model.flags import SEEN, Flags
from mailhub.model.settings import StoreSettings
from tests.acting import importing
from tests.contract.stores import TextBody
from tests.support import run
from tests.world import ACTOR, World, world
from tests.zoned import place

ANN, EVE = "ann@example.org", "eve@example.org"
TEXT = b"Subject: one\r\n\r\nx\r\n"


def export(here: World, *, secrets: bool = True, domain: str = "example.org") -> bytes:
    async def whole() -> bytes:
        made = Exporting(here.store, here.keys, here.clock, "test")
        found = await made.begin(domain, Wanted(secrets=secrets))
        return b"".join([piece async for piece in found.pieces()])

    return run(whole())


def members(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {one.name: tar.extractfile(one).read() for one in tar if one.isfile()}  # type: ignore[union-attr]


def importer(here: World) -> Importing:
    return importing(here, Messages(here.store, here.clock), place(here).zones)


def facts(data: bytes, name: str = "ann") -> files.AccountFile:
    return files.load(files.AccountFile, members(data)[f"accounts/{name}.json"], "x")


def test_nothing_secret_without_the_right() -> None:
    here = world(people=(ANN,))
    run(here.keys.found("example.org", ACTOR))
    open_, closed = (b"".join(members(export(here, secrets=one)).values()) for one in (True, False))
    assert b"$argon2id$" in open_
    assert b"PRIVATE KEY" in open_
    assert b"$argon2id$" not in closed
    assert b"PRIVATE KEY" not in closed


def test_what_cannot_be_is_told_at_once() -> None:
    here = world(people=(ANN,))
    for name in ("nowhere.example", "", "x\r\n", "*"):
        with pytest.raises(NotFound):
            export(here, domain=name)


def test_what_goes_meanwhile_is_left_out() -> None:
    here = world(people=(ANN, EVE))
    here.deliver(ANN, TEXT)

    async def whole() -> bytes:
        made = Exporting(here.store, here.keys, here.clock, "test")
        found = await made.begin("example.org", Wanted())
        await here.accounts.remove(here.people[EVE].number, ACTOR)
        return b"".join([piece async for piece in found.pieces()])

    found = members(run(whole()))
    assert "accounts/ann.json" in found
    assert "accounts/eve.json" not in found
    told = json.loads(found["complete.json"])
    assert (told["accounts"], told["messages"]) == (1, 1)


def test_what_is_damaged_ends_it() -> None:
    here = world(people=(ANN,))
    here.deliver(ANN, TEXT)

    async def lost(refs: object) -> list[bytes]:
        raise Corrupt("The stored message is missing")

    here.store.blobs.read = lost  # type: ignore[method-assign]
    with pytest.raises(Corrupt):
        export(here)


def test_names_of_all_kinds_stay_in_their_folder() -> None:
    odd = ['".."@example.org', '"a/b"@example.org', ".x@example.org"[1:], "q'r@example.org"]
    here = world(people=())
    for one in odd:
        here.account(one)
    names = members(export(here))
    for name in names:
        assert ".." not in name.split("/"), name
    assert sum(name.startswith("accounts/") for name in names) == len(odd)


def taken(given: files.AccountFile, **changes: Any) -> tuple[World, Any]:
    """An account of another server, on a new one."""
    there = world(people=())
    run(there.domains.ensure("example.org", ACTOR))
    done = run(importer(there).account(dataclasses.replace(given, **changes), "example.org", ACTOR))
    return there, done


def test_an_archive_gives_no_rights() -> None:
    here = world(people=())
    here.account(ANN, role=Role.ADMIN)
    given = facts(export(here))
    assert given.role == "admin"
    there, done = taken(given, sending="any")
    account = run(there.accounts.by_name(ANN))
    assert (account.role, account.sending.value, account.has_password) == (Role.USER, "own", False)
    assert len(done.notes) == 2
    for changes in ({"address": "ann@other.example"}, {"address": "no address"}):
        with pytest.raises(Invalid):
            taken(given, **changes)


def test_programs_do_not_run() -> None:
    there = world(people=(ANN,))
    alias = files.AddressFile(address="run@example.org", program=("/bin/sh", "-c", "id"))
    done = run(importer(there).alias(alias, "example.org", ACTOR))
    assert (done.new, len(done.notes)) == (False, 1)
    with pytest.raises(NotFound):
        run(there.addresses.get("run@example.org"))
    other = files.AddressFile(address="x@other.example", targets=(ANN,))
    with pytest.raises(Invalid):
        run(importer(there).alias(other, "example.org", ACTOR))


def test_what_is_here_stays() -> None:
    here = world(people=(ANN,))
    given = facts(export(here))
    there = world(people=(ANN,))
    before = run(there.accounts.password_hash(there.people[ANN].number))
    done = run(importer(there).account(given, "example.org", ACTOR))
    assert not done.new
    assert run(importer(there).password(ANN, "$1$abc$def", ACTOR)) is False
    assert run(there.accounts.password_hash(there.people[ANN].number)) == before
    there = world(people=(EVE,))
    run(there.addresses.create(ANN, ACTOR, targets=(EVE,)))
    with pytest.raises(Conflict):
        run(importer(there).account(given, "example.org", ACTOR))


def test_hashes_of_other_products_are_taken_and_others_are_not() -> None:
    here = world(people=(ANN,))
    there, _ = taken(facts(export(here)))
    with pytest.raises(Invalid):
        run(importer(there).password(ANN, "clear text", ACTOR))
    assert run(importer(there).password(ANN, "{SHA512-CRYPT}$6$abc$def", ACTOR))


def test_uids_stay_until_other_mail_has_them() -> None:
    there = world(people=(ANN,))
    mail = importer(there).mail
    opened = run(mail.open(ANN, "INBOX", 77, ACTOR))
    assert (opened.kept, opened.mailbox.uidvalidity) == (True, 77)

    def take(uid: int, text: bytes = TEXT) -> tuple[int, bool, bool]:
        body = TextBody(text + b"%d" % uid)
        placed = run(mail.place(ANN, "INBOX", body, Flags(SEEN), 1_500_000_000, (77, uid), ACTOR))
        return placed.uid, placed.new, placed.kept

    assert take(3) == (3, True, True)
    assert take(9) == (9, True, True)
    assert take(3) == (3, False, True), "nothing comes twice"
    run(mail.close(ANN, "INBOX", (77, 12), ACTOR))
    box = run(there.mailboxes.get(there.people[ANN].number, "INBOX"))
    assert (box.uidvalidity, box.uidnext, box.messages) == (77, 12, 2)
    assert there.deliver(ANN, TEXT).uid == 12
    assert take(12) == (13, True, False)
    box = run(there.mailboxes.get(there.people[ANN].number, "INBOX"))
    assert box.uidvalidity > 77
    assert take(14) == (14, True, False), "the UIDs of another UIDVALIDITY say nothing"
    assert take(12)[1] is False
    assert not run(mail.open(ANN, "INBOX", 77, ACTOR)).kept


@pytest.mark.parametrize("validity", [0, -1, 0xFFFF_FFFF, 1 << 40])
def test_a_uidvalidity_that_leaves_no_room_is_not_taken_over(validity: int) -> None:
    there = world(people=(ANN,))
    assert not run(importer(there).mail.open(ANN, "INBOX", validity, ACTOR)).kept


@pytest.mark.parametrize("place", [(77, 0), (77, -1), (77, 1 << 32)])
def test_what_is_no_uid_is_refused(place: tuple[int, int]) -> None:
    there = world(people=(ANN,))
    with pytest.raises(Invalid):
        run(importer(there).mail.place(ANN, "INBOX", TextBody(TEXT), Flags(), 1, place, ACTOR))


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"username": 1}', b"\xff", b'{"username":"a","address":"b"}']
)
def test_facts_that_cannot_be_read(data: bytes) -> None:
    with pytest.raises(Invalid):
        files.load(files.AccountFile, data, "an account")


def test_sessions_of_a_mailbox_end_when_its_uids_are_others() -> None:
    here = world(people=(ANN,))
    here.deliver(ANN, TEXT)
    number = here.people[ANN].number
    selections = Selections(here.store, here.watch, StoreSettings())

    async def renumbered() -> tuple[int, int]:
        box = await here.mailboxes.get(number, "INBOX")
        view = await selections.select(box, read_only=False, recent=False)
        before = view.box.uidvalidity
        await here.store.mailboxes.number_from(number, box.number, 0, 1, ACTOR)
        assert view.box.gone
        view.close()
        box = await here.mailboxes.get(number, "INBOX")
        again = await selections.select(box, read_only=False, recent=False)
        assert not again.box.gone
        assert list(again.box.uids) == [1]
        return before, again.box.uidvalidity

    before, after = run(renumbered())
    assert after > before
