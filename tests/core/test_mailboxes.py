from __future__ import annotations

import pytest

from mailhub.core.mailboxes import Mailboxes
from mailhub.model.errors import (
    AlreadyExists,
    Invalid,
    LimitReached,
    NotFound,
    NotPermitted,
)
from tests.support import run
from tests.world import ACTOR, World, world

START = ["INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"]
MESSAGE = b"Subject: x\r\n\r\ny\r\n"


def listed(here: World) -> list[str]:
    return [box.name for box in run(here.mailboxes.all(1))]


def added(here: World) -> list[str]:
    return [name for name in listed(here) if name not in START]


def test_a_mailbox_is_made_with_the_parents_it_lacks() -> None:
    here = world()
    made = run(here.mailboxes.create(1, "Work/2026/May/", ACTOR))
    assert made.name == "Work/2026/May"
    assert added(here) == ["Work", "Work/2026", "Work/2026/May"]
    assert len(made.id) == 24
    run(here.mailboxes.create(1, "Work/2027", ACTOR))
    assert added(here)[-1] == "Work/2027"


def test_inbox_has_children_in_any_case_of_its_name() -> None:
    here = world()
    assert run(here.mailboxes.create(1, "inbox/Lists", ACTOR)).name == "INBOX/Lists"
    assert run(here.mailboxes.get(1, "Inbox/Lists")).name == "INBOX/Lists"
    with pytest.raises(AlreadyExists):
        run(here.mailboxes.create(1, "iNBOX", ACTOR))


@pytest.mark.parametrize("name", ["", "/x", "a//b", "a/../b", "x%", "*", "\0", "~joe", "#shared/x"])
def test_a_name_that_may_not_be_is_not_made(name: str) -> None:
    here = world()
    with pytest.raises(Invalid):
        run(here.mailboxes.create(1, name, ACTOR))
    with pytest.raises(Invalid):
        run(here.mailboxes.rename(1, "Sent", name, ACTOR))
    with pytest.raises(NotFound):
        run(here.mailboxes.get(1, name))
    assert added(here) == []


def test_hostile_names_are_data() -> None:
    here = world()
    hostile = ["'; DROP TABLE mailbox; --", "<b>", "...", "C:\\x", "\u202egnp", "name\u00a0x"]
    for name in hostile:
        run(here.mailboxes.create(1, name, ACTOR))
    assert set(added(here)) == set(hostile)
    for name in hostile:
        run(here.mailboxes.rename(1, name, "old/" + name, ACTOR))
        run(here.mailboxes.remove(1, "old/" + name, ACTOR))
    assert added(here) == ["old"]


def test_another_accounts_mailboxes_do_not_exist() -> None:
    here = world(people=("joe@example.org", "ann@example.org"))
    run(here.mailboxes.create(2, "Secret", ACTOR))
    secret = run(here.mailboxes.get(2, "Secret"))
    for attempt in (
        here.mailboxes.get(1, "Secret"),
        here.mailboxes.by_number(1, secret.number),
        here.mailboxes.rename(1, "Secret", "Mine", ACTOR),
        here.mailboxes.remove(1, "Secret", ACTOR),
        here.mailboxes.set_special_use(1, "Secret", "", ACTOR),
    ):
        with pytest.raises(NotFound):
            run(attempt)


def test_renaming_takes_the_children_along_and_makes_parents() -> None:
    here = world()
    for name in ("a/b/c", "a/bb", "ab"):
        run(here.mailboxes.create(1, name, ACTOR))
    number = run(here.mailboxes.get(1, "a/b")).number
    run(here.mailboxes.rename(1, "a", "x/y", ACTOR))
    assert sorted(added(here)) == ["ab", "x", "x/y", "x/y/b", "x/y/b/c", "x/y/bb"]
    assert run(here.mailboxes.get(1, "x/y/b")).number == number


def test_renaming_refuses_what_would_lose_something() -> None:
    here = world()
    run(here.mailboxes.create(1, "a/b", ACTOR))
    run(here.mailboxes.create(1, "c", ACTOR))
    with pytest.raises(AlreadyExists):
        run(here.mailboxes.rename(1, "a", "c", ACTOR))
    with pytest.raises(AlreadyExists):
        run(here.mailboxes.rename(1, "c", "inbox", ACTOR))
    with pytest.raises(Invalid):
        run(here.mailboxes.rename(1, "a", "a/b/c", ACTOR))
    with pytest.raises(NotFound):
        run(here.mailboxes.rename(1, "nothing", "new", ACTOR))
    assert sorted(added(here)) == ["a", "a/b", "c"]


def test_a_child_that_would_be_too_deep_keeps_all_where_it_is() -> None:
    here = world()
    run(here.mailboxes.create(1, "/".join("a" * 127), ACTOR))
    before = listed(here)
    with pytest.raises(Invalid):
        run(here.mailboxes.rename(1, "a", "b/c/d", ACTOR))
    assert listed(here) == before


def test_renaming_inbox_moves_its_messages_and_leaves_it() -> None:
    here = world()
    run(here.mailboxes.create(1, "INBOX/Lists", ACTOR))
    here.deliver("joe@example.org", MESSAGE)
    run(here.mailboxes.rename(1, "inbox", "old/mail", ACTOR))
    assert run(here.mailboxes.status(1, "INBOX")).messages == 0
    assert run(here.mailboxes.status(1, "old/mail")).messages == 1
    assert "INBOX/Lists" in listed(here)
    assert here.deliver("joe@example.org", MESSAGE).uid == 2


def test_deleting_leaves_the_children_and_never_inbox() -> None:
    here = world()
    run(here.mailboxes.create(1, "a/b", ACTOR))
    run(here.mailboxes.remove(1, "a", ACTOR))
    assert added(here) == ["a/b"]
    with pytest.raises(NotFound):
        run(here.mailboxes.get(1, "a"))
    run(here.mailboxes.create(1, "a", ACTOR))
    for name in ("INBOX", "inbox"):
        with pytest.raises(NotPermitted):
            run(here.mailboxes.remove(1, name, ACTOR))


def test_a_name_made_again_has_another_uidvalidity() -> None:
    here = world()
    first = run(here.mailboxes.create(1, "a", ACTOR))
    run(here.mailboxes.remove(1, "a", ACTOR))
    second = run(here.mailboxes.create(1, "a", ACTOR))
    assert second.uidvalidity > first.uidvalidity
    assert second.id != first.id


def test_a_special_use_stands_once() -> None:
    here = world()
    with pytest.raises(AlreadyExists):
        run(here.mailboxes.create(1, "Spam", ACTOR, special_use="\\Junk"))
    with pytest.raises(Invalid):
        run(here.mailboxes.create(1, "Everything", ACTOR, special_use="\\All"))
    run(here.mailboxes.set_special_use(1, "Junk", "", ACTOR))
    assert (
        run(here.mailboxes.create(1, "Spam", ACTOR, special_use="\\Junk")).special_use == "\\Junk"
    )
    with pytest.raises(AlreadyExists):
        run(here.mailboxes.set_special_use(1, "Junk", "\\Junk", ACTOR))
    run(here.mailboxes.set_special_use(1, "Spam", "\\Junk", ACTOR))
    found = run(here.mailboxes.by_special_use(1, "\\Junk"))
    assert found is not None
    assert found.name == "Spam"
    assert run(here.mailboxes.by_special_use(1, "\\Flagged")) is None


def test_a_subscription_needs_no_mailbox_and_outlives_nothing_else() -> None:
    here = world()
    run(here.mailboxes.subscribe(1, "no/such", True, ACTOR))
    run(here.mailboxes.subscribe(1, "Sent", False, ACTOR))
    subscribed = run(here.mailboxes.subscriptions(1))
    assert "no/such" in subscribed
    assert "Sent" not in subscribed
    run(here.mailboxes.subscribe(1, "no/such", False, ACTOR))
    assert "no/such" not in run(here.mailboxes.subscriptions(1))
    with pytest.raises(Invalid):
        run(here.mailboxes.subscribe(1, "a//b", True, ACTOR))


def test_mailboxes_are_limited_parents_included() -> None:
    here = world()
    few = Mailboxes(here.store, here.clock, here.ids, limit=9)
    with pytest.raises(LimitReached):
        run(few.create(1, "a/b/c/d", ACTOR))
    run(few.create(1, "a/b/c", ACTOR))
    with pytest.raises(LimitReached):
        run(few.create(1, "d", ACTOR))
    with pytest.raises(LimitReached):
        run(few.rename(1, "INBOX", "d", ACTOR))
    with pytest.raises(LimitReached):
        run(few.rename(1, "a", "x/y", ACTOR))
    run(few.rename(1, "a", "x", ACTOR))


def test_hidden_mailboxes_are_neither_listed_nor_subscribed() -> None:
    here = world()
    run(here.mailboxes.create(1, "Secret", ACTOR, hidden=True))
    later = run(here.mailboxes.create(1, "Later", ACTOR))
    run(here.mailboxes.set_options(1, later, ACTOR, hidden=True))
    assert {"Secret", "Later"} <= set(listed(here))
    assert not {"Secret", "Later"} & {box.name for box in run(here.mailboxes.visible(1))}
    assert not {"Secret", "Later"} & set(run(here.mailboxes.subscriptions(1)))
    with pytest.raises(NotPermitted):
        run(here.mailboxes.remove(1, "Secret", ACTOR, only_plain=True))
    run(here.mailboxes.remove(1, "Secret", ACTOR))
