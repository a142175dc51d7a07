"""Challenges and failed attempts: kept until their time is over, or it went well."""

from __future__ import annotations

from mailhub.model.acme import Attempt
from tests.contract.stores import ACTOR, House


def test_a_challenge_is_answered_until_its_time_is_over(house: House) -> None:
    notes = house.store.certificates
    far = 1 << 40

    def answer(token: str, now: int) -> str | None:
        return house.ask(notes.answer(token, now))

    house.ask(notes.put([("a", "a.print"), ("b", "b.print")], far))
    house.ask(notes.put([("b", "b.other")], far + 30))
    assert answer("a", far - 1) == "a.print"
    assert answer("b", far + 29) == "b.other"
    assert answer("c", 0) is None
    assert answer("a", far) is None
    house.ask(notes.drop(["b"]))
    assert answer("b", 0) is None
    assert answer("a", 0) == "a.print"
    house.ask(notes.put([("old", "x")], 1))
    house.ask(notes.drop([]))
    assert answer("old", 0) is None


def test_failures_end_with_a_success(house: House) -> None:
    notes = house.store.certificates
    first = Attempt("a.example", 1, 100, 200, "no such host")
    other = Attempt("b.example", 1, 100, 200, "limit")
    house.ask(notes.failed([other, first]))
    assert list(house.ask(notes.attempts())) == [first, other]
    again = Attempt("a.example", 2, 300, 900, "still none")
    house.ask(notes.failed([again]))
    assert list(house.ask(notes.attempts())) == [again, other]
    house.ask(notes.changed("installed", "00ff", ["a.example", "c.example"], ACTOR))
    assert list(house.ask(notes.attempts())) == [other]
    house.ask(notes.changed("removed", "00ff", ["b.example"], ACTOR))
    assert list(house.ask(notes.attempts())) == [other]
    told = [one for one in house.ask(house.store.journal.since(0)) if "00ff" in one.detail]
    assert [one.kind for one in told] == ["certificateschanged"] * 2
