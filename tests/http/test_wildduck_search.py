"""WildDuck's search: every parameter, order, cursors, and what is refused."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from mailhub.core.search_documents import document
from mailhub.model.change import Actor
from mailhub.model.flags import FLAGGED, SEEN, FlagMode, Flags
from mailhub.model.uids import UidSet
from tests.http.browsing import Site
from tests.support import run
from tests.world import world

ACTOR = Actor(None, "test")
JOE = "joe@example.org"
MESSAGES = (
    b"From: Ann Lee <ann@example.org>\r\nTo: joe@example.org\r\nSubject: The budget\r\n"
    b"Message-ID: <1@example.org>\r\n\r\nThe annual report is attached\r\n",
    b"From: Bob <bob@example.net>\r\nCc: Ann <ann@example.org>\r\nSubject: Re: The budget\r\n"
    b"In-Reply-To: <1@example.org>\r\n\r\n" + b"long words\r\n" * 100,
    b"From: cat@example.org\r\nSubject: =?utf-8?q?r=C3=A9sum=C3=A9?=\r\n"
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nsee the file\r\n--x\r\n"
    b'Content-Type: application/pdf; name="budget.pdf"\r\n\r\nx\r\n--x--\r\n',
    b"From: spam@example.org\r\nSubject: budget pills\r\n\r\nspam\r\n",
)


class Searched:
    """A site with mail: the fourth message is in Junk."""

    def __init__(self, indexed: bool) -> None:
        here = world(people=(JOE,))
        self.site = Site(here)
        account = here.people[JOE]
        self.user, self.store = account.id, here.store
        for message in MESSAGES:
            here.deliver(JOE, message)
            here.clock.advance(86_400)
        boxes = {box.name: box for box in run(here.store.mailboxes.all(account.number))}
        self.inbox, self.junk = boxes["INBOX"], boxes["Junk"]
        messages, number = here.store.messages, account.number
        moved = UidSet(((4, 4),))
        run(messages.move(number, self.inbox.number, moved, self.junk.number, ACTOR))
        marked = UidSet(((2, 2),))
        flags = Flags(SEEN | FLAGGED)
        run(messages.store_flags(number, self.inbox.number, marked, FlagMode.ADD, flags, ACTOR))
        if indexed:
            run(here.store.search_index.follow(document))

    def get(self, expected: int = 200, **given: object) -> Any:
        names = {"from_": "from"}
        query = urlencode({names.get(name, name): value for name, value in given.items()})
        reply = self.site.get(f"/users/{self.user}/search?{query}")
        assert reply.status == expected, reply.body
        return reply.json

    def ids(self, **given: object) -> list[int]:
        found = self.get(**given)
        assert found["total"] == len(found["results"])
        return [row["id"] for row in found["results"]]


@pytest.fixture(scope="module", params=[False, True], ids=["scanned", "indexed"])
def site(request: pytest.FixtureRequest) -> Searched:
    """One for all tests, which only read."""
    return Searched(request.param)


@pytest.mark.parametrize(
    ("given", "ids"),
    [
        ({}, [3, 2, 1]),
        ({"query": "budget"}, [3, 2, 1]),
        ({"query": "budget -long"}, [3, 1]),
        ({"query": '"annual report"'}, [1]),
        ({"query": "annual long"}, []),
        ({"query": "annual long", "useAndSearch": "false"}, [2, 1]),
        ({"query": "resume"}, [3]),
        ({"q": "from:ann OR filename:budget"}, [3, 1]),
        ({"q": "budget -(is:unread OR from:bob)"}, []),
        ({"q": "in:junk budget"}, [1]),
        ({"q": "budget", "unseen": "yes"}, [3, 1]),
        ({"from_": "ann@exa"}, [1]),
        ({"to": "ann"}, [2]),
        ({"subject": "e budg"}, [2, 1]),
        ({"attachments": "true"}, [3]),
        ({"flagged": "true"}, [2]),
        ({"seen": "true"}, [2]),
        ({"seen": "false"}, [3, 1]),
        ({"unseen": "false"}, [2]),
        ({"minSize": 1000}, [2]),
        ({"maxSize": 1000}, [3, 1]),
        ({"datestart": "2027-01-16T00:00:00Z"}, [3, 2]),
        ({"dateend": "2027-01-16T00:00:00Z"}, [1]),
        ({"searchable": "true"}, [3, 2, 1]),
        ({"or.query": "annual", "or.from": "bob"}, [2, 1]),
        ({"or[subject]": "sum", "or.to": "ann"}, [3, 2]),
        ({"or.query": "annual", "flagged": "true"}, []),
    ],
)
def test_each_parameter(site: Searched, given: dict[str, object], ids: list[int]) -> None:
    assert site.ids(**given) == ids


def test_the_answer_of_the_document(site: Searched) -> None:
    found = site.get(query="annual")
    assert (found["success"], found["query"], found["total"], found["page"]) == (
        True,
        "annual",
        1,
        1,
    )
    assert found["previousCursor"] is False
    assert found["nextCursor"] is False
    (row,) = found["results"]
    expected = {
        "id": 1,
        "mailbox": site.inbox.id,
        "from": {"address": "ann@example.org", "name": "Ann Lee"},
        "subject": "The budget",
        "date": "2027-01-15T08:00:00.000Z",
        "intro": "The annual report is attached",
        "attachments": False,
        "seen": False,
        "deleted": False,
        "flagged": False,
        "draft": False,
    }
    assert {name: row[name] for name in expected} == expected
    assert len(row["thread"]) == 24


def test_mail_in_junk_is_found_where_it_is_asked_for(site: Searched) -> None:
    assert site.get(mailbox=site.junk.id)["results"][0]["mailbox"] == site.junk.id
    everywhere = site.get(query="budget", searchable="false")["results"]
    assert [row["mailbox"] for row in everywhere] == [site.junk.id] + [site.inbox.id] * 3


def test_a_thread(site: Searched) -> None:
    thread = site.get(query="annual")["results"][0]["thread"]
    assert site.ids(thread=thread) == [2, 1]
    assert site.ids(q=f"thread:{thread} long") == [2]


@pytest.mark.parametrize(("order", "ids"), [("desc", [3, 2, 1]), ("asc", [1, 2, 3])])
def test_pages_forth_and_back(site: Searched, order: str, ids: list[int]) -> None:
    seen: list[int] = []
    cursors: list[Any] = []
    cursor: Any = ""
    while cursor is not False:
        found = site.get(query="budget", order=order, limit=1, next=cursor)
        assert found["total"] == 3
        seen += [row["id"] for row in found["results"]]
        cursors.append(found["previousCursor"])
        cursor = found["nextCursor"]
    assert seen == ids
    assert cursors[0] is False
    back = site.get(query="budget", order=order, limit=1, previous=cursors[-1])
    assert [row["id"] for row in back["results"]] == ids[1:2]
    assert back["previousCursor"]
    assert back["nextCursor"]


def test_header_fields_that_are_asked_for(site: Searched) -> None:
    (row,) = site.get(query="annual", includeHeaders="message-id,x-none")["results"]
    assert row["headers"] == {"message-id": ["<1@example.org>"], "x-none": []}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"q": "(budget"}, "q"),
        ({"q": "after:noon"}, "q"),
        ({"q": "x" * 1025}, "q"),
        ({"query": "x" * 256}, "query"),
        ({"query": "a " * 100}, "query"),
        ({"limit": 0}, "limit"),
        ({"limit": 251}, "limit"),
        ({"order": "sideways"}, "order"),
        ({"next": "!"}, "next"),
        ({"datestart": "noon"}, "datestart"),
        ({"minSize": "big"}, "minSize"),
        ({"mailbox": "inbox"}, "mailbox"),
        ({"flagged": "perhaps"}, "flagged"),
    ],
)
def test_what_is_refused(site: Searched, given: dict[str, object], field: str) -> None:
    answer = site.get(400, **given)
    assert answer["code"] == "InputValidationError"
    assert field in answer["details"]


def test_users_and_mailboxes_that_are_not_there(site: Searched) -> None:
    reply = site.site.get(f"/users/{'0' * 24}/search?query=x")
    assert (reply.status, reply.json["code"]) == (404, "UserNotFound")
    assert site.get(404, mailbox="0" * 24)["code"] == "NoSuchMailbox"


def test_the_singular_path(site: Searched) -> None:
    assert site.site.get(f"/user/{site.user}/search?query=annual").json["total"] == 1


def test_of_each_thread_one_message_is_shown(site: Searched) -> None:
    query = {"q": "subject:budget OR subject:resume OR filename:budget", "collapseThreads": "yes"}
    assert site.ids(**query) == [3, 2]
    assert site.ids(**query, order="asc") == [1, 3]
    first = site.get(**query, limit=1, threadCounters=1)
    second = site.get(**query, limit=1, threadCounters=1, next=first["nextCursor"])
    back = site.get(**query, limit=1, previous=second["previousCursor"])
    (one,), (other,) = first["results"], second["results"]
    assert (one["id"], one["threadMessageCount"], one["seen"]) == (3, 1, False)
    assert (other["id"], other["threadMessageCount"], other["flagged"]) == (2, 2, True)
    assert other["seen"] is False  # the first one of the thread is not
    assert [row["id"] for row in back["results"]] == [3]
    assert (first["total"], second["nextCursor"]) == (2, False)
