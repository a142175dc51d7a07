"""Everybody's logins, as one list."""

from __future__ import annotations

from mailhub.model.identity import AuthEvent
from tests.contract.stores import ACTOR, House


def test_logins_of_all_are_one_list_that_is_turned_over(house: House) -> None:
    log = house.store.authlog
    joe, _ = house.account()
    ann, _ = house.account()
    for number, account in enumerate((joe, ann, joe, ann, joe)):
        result = "fail" if number % 2 else "success"
        event = AuthEvent("authentication", result, "imap", "IMAP", f"192.0.2.{number}")
        house.ask(log.event(account.number, event, ACTOR))

    def page(before: str = "", **how: object) -> tuple[list[str], str]:
        given = {"account": None, "ip": "", "failures": False, "limit": 2, **how}
        rows, more = house.ask(log.everybody(before=before, **given))  # type: ignore[arg-type]
        wanted = [one for one in rows if one.entry.event.action == "authentication"]
        assert all(one.user in (joe.username, ann.username) for one in rows)
        return [one.entry.event.ip[-1] for one in wanted], more

    found: list[str] = []
    before = ""
    while True:
        some, before = page(before)
        found += some
        if not before:
            break
    assert found == ["4", "3", "2", "1", "0"]
    assert page(limit=10, failures=True)[0] == ["3", "1"]
    assert page(limit=10, account=joe.number)[0] == ["4", "2", "0"]
    assert page(limit=10, ip="192.0.2.3")[0] == ["3"]
    assert page(limit=10, ip="192.0.2.")[0] == ["4", "3", "2", "1", "0"]
    assert page(limit=10, ip="%")[0] == []
