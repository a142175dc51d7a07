"""Files for messages still to be written, on every store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailhub.model.account import Limits
from mailhub.model.errors import LimitReached, NotFound, OverQuota
from mailhub.model.file import StoredFile
from mailhub.store import files, removals, sweeps
from tests.contract.stores import ACTOR, House

ONE = StoredFile(0, "a" * 24, "bïg_1.bin", "image/png", 10, 100, "cid@x")


def kept(house: House, account: int, id: str = ONE.id, pieces: int = 1) -> StoredFile:
    store = house.store.files
    made = house.ask(store.begin(replace(ONE, account=account, id=id), 9))
    for place in range(pieces):
        house.ask(store.put(made, place, b"x" * (place + 1)))
    done = replace(made, size=sum(range(1, pieces + 1)))
    house.ask(store.finish(done, ACTOR))
    return done


def test_a_file_is_seen_when_all_of_it_is_there(house: House) -> None:
    account, _ = house.account()
    store, number = house.store.files, account.number
    made = house.ask(store.begin(replace(ONE, account=number), 9))
    house.ask(store.put(made, 0, b"abc"))
    assert house.ask(store.get(number, ONE.id)) is None
    assert house.ask(store.page(number)) == ([], 0)
    done = replace(made, size=3)
    house.ask(store.finish(done, ACTOR))
    assert house.ask(store.get(number, ONE.id)) == done
    assert house.ask(store.get(number + 1, ONE.id)) is None
    assert house.ask(store.piece(done, 0)) == b"abc"
    assert house.ask(store.piece(done, 1)) == b""
    with pytest.raises(NotFound):
        house.ask(store.finish(done, ACTOR))


def test_pages(house: House) -> None:
    number = house.account()[0].number
    made = [kept(house, number, str(place) * 24) for place in range(1, 5)]
    store = house.store.files
    assert house.ask(store.page(number, limit=2)) == (made[:2], 4)
    assert house.ask(store.page(number, after=made[1].number, limit=2)) == (made[2:], 4)
    assert house.ask(store.page(number, before=made[2].number, limit=1)) == (made[1:2], 4)
    for query, count in (("BIN", 4), ("g_1", 4), ("%", 0), ("gx1", 0)):
        assert house.ask(store.page(number, query=query))[1] == count


def test_what_is_removed_goes_in_steps_and_what_comes_stays(house: House) -> None:
    number = house.account()[0].number
    store = house.store.files
    gone = kept(house, number, "1" * 24, files.STEP + 2)
    coming = house.ask(store.begin(replace(ONE, account=number, id="2" * 24), 9))
    house.ask(store.put(coming, 0, b"x"))
    stays = kept(house, number, "3" * 24)
    house.ask(store.remove(gone, ACTOR))
    assert house.ask(store.get(number, gone.id)) is None
    with pytest.raises(NotFound):
        house.ask(store.remove(gone, ACTOR))
    steps = [house.ask(store.clear(number, ONE.created)) for _ in range(3)]
    assert steps == [True, True, False]
    assert house.ask(store.piece(gone, 0)) == b""
    assert house.ask(store.piece(coming, 0)) == b"x"
    assert house.ask(store.clear(number, ONE.created + 1)) is True
    assert house.ask(store.clear(number, ONE.created + 1)) is False
    assert house.ask(store.piece(coming, 0)) == b""
    assert house.ask(store.get(number, stays.id)) == stays


def test_how_many_and_how_much(house: House) -> None:
    account, _ = house.account(limits=Limits(storage=25))
    store, number = house.store.files, account.number
    one = replace(ONE, account=number)
    house.ask(store.begin(one, 9))
    house.ask(store.begin(replace(one, id="b" * 24), 9))
    with pytest.raises(OverQuota):
        house.ask(store.begin(replace(one, id="c" * 24), 9))
    with pytest.raises(LimitReached):
        house.ask(store.begin(replace(one, id="c" * 24, size=1), 2))
    with pytest.raises(NotFound):
        house.ask(store.begin(replace(one, account=number + 99), 9))


def test_files_go_with_their_account_in_steps(house: House) -> None:
    number, other = house.account()[0].number, house.account()[0].number
    one, stays = kept(house, number, pieces=files.STEP + 1), kept(house, other)
    work = house.store.runner.write
    assert [house.ask(work(files.forget_account, number)) for _ in range(3)] == [True, True, False]
    assert house.ask(house.store.files.piece(one, files.STEP)) == b""
    again = kept(house, number)
    house.ask(house.store.accounts.remove(number, ACTOR, due=0))
    for step in (removals.purge, sweeps.step):
        while house.ask(work(step)):
            continue
    assert house.ask(house.store.files.get(number, again.id)) is None
    assert house.ask(house.store.files.piece(again, 0)) == b""
    assert house.ask(house.store.files.piece(stays, 0)) == b"x"
