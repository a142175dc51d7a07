"""Filters written as Sieve: what comes out is a script, and does what the filters do."""

from __future__ import annotations

import pytest

from mailhub.core.filterscript import script_of
from mailhub.model.filter import Actions, Conditions, Filter
from mailhub.policy.sieve.outcome import Filing
from mailhub.wire.sieve.checks import compiled
from tests.sieve_corpus import MESSAGES
from tests.sieving import play

BOXES = {1: "INBOX", 5: 'Work/"odd" \\ ${name}'}


def one(
    conditions: Conditions, actions: Actions, name: str = "a\nname", *, disabled: bool = False
) -> Filter:
    return Filter(1, "5" * 24, 0, name, conditions, actions, disabled)


ALL = Conditions()
PLACED = Filing('Work/"odd" \\ ${name}')


@pytest.mark.parametrize(
    ("conditions", "holds"),
    [
        (ALL, True),
        (Conditions(sender="ANN"), True),
        (Conditions(sender='"; discard; #'), False),
        (Conditions(recipient="detail@"), True),
        (Conditions(subject="proposal", sender="ann"), True),
        (Conditions(subject="proposal", sender="bob"), False),
        (Conditions(list_id="x"), False),
        (Conditions(text="hello WORLD"), True),
        (Conditions(size=10), True),
        (Conditions(size=-10), False),
        (Conditions(attachments=True), False),
        (Conditions(attachments=False), True),
    ],
)
def test_conditions(conditions: Conditions, holds: bool) -> None:
    source = script_of([one(conditions, Actions(delete=True))], BOXES)
    outcome = play(source, MESSAGES["plain"])
    assert outcome.error == ""
    assert (not outcome.filings) is holds


def test_actions_of_one_filter() -> None:
    actions = Actions(seen=True, flag=True, mailbox=5, forwards=("a@b.example",), uploads=("u:",))
    source = script_of([one(ALL, actions)], BOXES)
    outcome = play(source, MESSAGES["plain"])
    assert [filing.mailbox for filing in outcome.filings] == [PLACED.mailbox]
    assert outcome.filings[0].flags == ("\\Seen", "\\Flagged")
    assert [one.address for one in outcome.forwardings] == ["a@b.example"]
    assert "# posted to u:" in source


def test_junk_goes_where_junk_is() -> None:
    source = script_of([one(ALL, Actions(spam=True))], BOXES)
    [filing] = play(source, MESSAGES["plain"]).filings
    assert (filing.mailbox, filing.special_use) == ("Junk", "\\Junk")


def test_of_each_action_the_first_filter_wins() -> None:
    filters = [
        one(ALL, Actions(seen=False, forwards=("a@b.example",))),
        one(Conditions(subject="nothing of this"), Actions(delete=True)),
        one(ALL, Actions(seen=True, delete=False, mailbox=5)),
        one(ALL, Actions(delete=True, mailbox=1, forwards=("c@d.example",))),
        one(ALL, Actions(flag=True), disabled=True),
    ]
    outcome = play(script_of(filters, BOXES), MESSAGES["plain"])
    assert outcome.error == ""
    assert [(filing.mailbox, filing.flags) for filing in outcome.filings] == [(PLACED.mailbox, ())]
    assert [one.address for one in outcome.forwardings] == ["a@b.example", "c@d.example"]


def test_no_filters_and_filters_that_do_nothing_are_scripts_too() -> None:
    for filters in ([], [one(ALL, Actions())], [one(Conditions(sender="x"), Actions())]):
        source = script_of(filters, {})
        assert compiled(source)
        assert play(source, MESSAGES["plain"]).filings[0].implicit
