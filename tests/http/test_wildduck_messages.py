"""WildDuck's message lists and changes against the documented contract."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.http.downloads import content_type, disposition
from mailhub.http.wildduck.message_shapes import uids
from mailhub.http.wildduck.places import _decode, _encode
from mailhub.model.uids import UidSet
from mailhub.wire.attachments import Attachment
from tests.http.mailing import ABSENT, JOE, RICH, Mailbox, refused
from tests.world import DOMAIN, world


@pytest.fixture
def mail() -> Mailbox:
    return Mailbox(world())


@pytest.fixture(scope="module")
def still() -> Mailbox:
    """For tests that change nothing: one message."""
    mail = Mailbox(world())
    mail.deliver("a")
    return mail


# -- lists


def test_a_row_has_all_documented_fields(mail: Mailbox) -> None:
    mail.world.deliver(JOE, RICH)
    listing = mail.site.get(mail.inbox).json
    (row,) = listing.pop("results")
    assert listing == {
        "success": True,
        "total": 1,
        "page": 1,
        "previousCursor": False,
        "nextCursor": False,
        "specialUse": None,
    }
    thread = row.pop("thread")
    assert len(thread) == 24
    size, idate = row.pop("size"), row.pop("idate")
    assert size > len(RICH)
    assert idate.startswith("2027-")
    assert row == {
        "id": 1,
        "mailbox": mail.boxes["INBOX"].id,
        "from": {"name": "Jürgen", "address": "j@far.example"},
        "to": [
            {"name": "Joe", "address": "joe@example.org"},
            {"name": "", "address": "ann@example.org"},
        ],
        "cc": [{"name": "Smith, K", "address": "k@far.example"}],
        "bcc": [],
        "messageId": "<rich@far.example>",
        "subject": "Grüße",
        "date": "2011-11-02T19:19:08.000Z",
        "intro": "Plain words",
        "attachments": True,
        "attachmentsList": [
            {
                "id": "ATT00001",
                "filename": "pic.png",
                "contentType": "image/png",
                "disposition": "inline",
                "transferEncoding": "base64",
                "related": True,
                "sizeKb": 1,
                "cid": "pic@far",
            },
            {
                "id": "ATT00002",
                "filename": 'evil".txt',
                "contentType": "text/x-data",
                "disposition": "attachment",
                "transferEncoding": "quoted-printable",
                "related": False,
                "sizeKb": 1,
                "cid": "",
            },
        ],
        **dict.fromkeys(
            ("seen", "deleted", "flagged", "draft", "answered", "forwarded", "encrypted"), False
        ),
        "references": ["<a@far.example>", "<b@far.example>"],
        "contentType": {"value": "multipart/mixed", "params": {"boundary": "m"}},
    }


def test_pages_by_cursors_while_mail_arrives_and_leaves(mail: Mailbox) -> None:
    mail.deliver("a", "b", "c", "d", "e")
    first = mail.site.get(f"{mail.inbox}?limit=2").json
    assert [row["id"] for row in first["results"]] == [5, 4]
    assert first["previousCursor"] is False
    mail.deliver("f")
    assert mail.site.delete(f"{mail.inbox}/4").status == 200
    second = mail.site.get(f"{mail.inbox}?limit=2&page=2&next={first['nextCursor']}").json
    assert [row["id"] for row in second["results"]] == [3, 2]
    assert (second["page"], second["total"]) == (2, 5)
    back = mail.site.get(f"{mail.inbox}?limit=2&page=1&previous={second['previousCursor']}").json
    assert [row["id"] for row in back["results"]] == [6, 5]
    assert (back["page"], back["previousCursor"]) == (1, False)
    again = mail.site.get(f"{mail.inbox}?limit=2&next={back['nextCursor']}").json
    assert [row["id"] for row in again["results"]] == [3, 2]
    last = mail.site.get(f"{mail.inbox}?limit=2&next={second['nextCursor']}").json
    assert [row["id"] for row in last["results"]] == [1]
    assert last["nextCursor"] is False


def test_order_and_what_is_shown_when_asked(mail: Mailbox) -> None:
    mail.deliver("a", "b", "c")
    assert mail.ids(query="?order=asc&limit=2") == [1, 2]
    assert mail.ids(query="?order=asc&unknown=1") == [1, 2, 3]
    mail.site.put(f"{mail.inbox}/2", {"seen": True, "metaData": {"k": 1}})
    assert mail.ids(query="?unseen=true") == [3, 1]
    rows = mail.site.get(
        f"{mail.inbox}?threadCounters=1&metaData=yes&includeHeaders=Subject,x-none"
    ).json["results"]
    assert [row["metaData"] for row in rows] == [{}, {"k": 1}, {}]
    assert [row["threadMessageCount"] for row in rows] == [1, 1, 1]
    assert rows[0]["headers"] == {"subject": ["c"], "x-none": []}


def test_threads_are_shown_by_one_message_each(mail: Mailbox) -> None:
    for number, answered in ((1, 0), (2, 0), (3, 1), (4, 2)):
        references = f"References: <{answered}@far.example>\r\n" if answered else ""
        text = f"Message-ID: <{number}@far.example>\r\n{references}Subject: s\r\n\r\nt\r\n"
        mail.world.deliver(JOE, text.encode())
    mail.site.put(f"{mail.inbox}/1", {"flagged": True})
    mail.site.put(f"{mail.inbox}/2:4", {"seen": True})
    query = f"{mail.inbox}?collapseThreads=true&threadCounters=true&limit=1"
    first = mail.site.get(query).json
    second = mail.site.get(f"{query}&next={first['nextCursor']}").json
    (one,), (other,) = first["results"], second["results"]
    assert [first["total"], first["previousCursor"], second["nextCursor"]] == [2, False, False]
    assert [row["threadMessageCount"] for row in (one, other)] == [2, 2]
    shown = [(row["id"], row["seen"], row["flagged"], row["hasDrafts"]) for row in (one, other)]
    assert shown == [(4, True, False, False), (3, False, True, False)]
    back = mail.site.get(f"{query}&previous={second['previousCursor']}").json
    assert [row["id"] for row in back["results"]] == [4]
    assert mail.ids(query="?collapseThreads=true&order=asc") == [1, 2]
    assert mail.ids(query="?collapseThreads=true&unseen=true") == [1]
    row = mail.site.get(mail.inbox).json["results"][0]
    assert "threadMessageCount" not in row
    assert "hasDrafts" not in row


def test_flagged_leaves_out_junk_and_trash(mail: Mailbox) -> None:
    mail.deliver("a", "b", "c")
    mail.site.put(f"{mail.inbox}/1:3", {"flagged": True})
    mail.site.put(f"{mail.inbox}/2", {"moveTo": mail.boxes["Trash"].id})
    mail.site.put(f"{mail.inbox}/3", {"moveTo": mail.boxes["Sent"].id})
    listing = mail.site.get(f"{mail.user}/flagged?limit=1").json
    assert listing["total"] == 2
    assert "specialUse" not in listing
    assert listing["results"][0]["mailbox"] == mail.boxes["Sent"].id
    following = f"{mail.user}/flagged?next={listing['nextCursor']}"
    assert mail.ids(following) == [1]
    assert mail.ids(f"{mail.user}/flagged", "?order=asc") == [1, 1]
    rows = mail.site.get(f"{mail.user}/flagged?includeHeaders=subject").json["results"]
    assert [row["headers"] for row in rows] == [{"subject": ["c"]}, {"subject": ["a"]}]


# -- changes


RANGES = {"1": [1], "1,3": [1, 3], "2:3": [2, 3], "3:*": [3, 4], "4:3": [3, 4], "9,2": [2]}


def test_ranges(mail: Mailbox) -> None:
    mail.deliver("a", "b", "c", "d")
    for wanted, changed in RANGES.items():
        reply = mail.site.put(f"{mail.inbox}/{wanted}", {"seen": "yes", "flagged": True})
        assert reply.json == {"success": True, "updated": len(changed)}
        rows = mail.site.get(f"{mail.inbox}?order=asc").json["results"]
        assert [row["id"] for row in rows if row["seen"] and row["flagged"]] == changed
        reply = mail.site.put(mail.inbox, {"message": wanted, "seen": False})
        assert reply.json == {"success": True, "updated": len(changed)}
        assert mail.ids(query="?unseen=1") == [4, 3, 2, 1]


def test_each_flag(mail: Mailbox) -> None:
    mail.deliver("a")
    for name in ("seen", "flagged", "draft", "deleted"):
        for wanted in (True, False):
            assert mail.site.put(f"{mail.inbox}/1", {name: wanted}).status == 200
            assert mail.site.get(f"{mail.inbox}/1").json[name] is wanted


def test_moving_tells_old_and_new_ids(mail: Mailbox) -> None:
    mail.deliver("a", "b", "c")
    target = mail.boxes["Sent"].id
    reply = mail.site.put(f"{mail.inbox}/2:*", {"moveTo": target, "seen": True})
    assert reply.json == {"success": True, "mailbox": target, "id": [[2, 1], [3, 2]]}
    assert mail.ids() == [1]
    rows = mail.site.get(mail.path("Sent")).json["results"]
    assert [(row["id"], row["seen"], row["subject"]) for row in rows] == [
        (2, True, "c"),
        (1, True, "b"),
    ]
    again = mail.site.put(f"{mail.path('Sent')}/1:*", {"moveTo": target})
    assert again.json["id"] == [[1, 3], [2, 4]]


ENDS: list[tuple[object, object]] = [
    ("2030-01-02T03:04:05Z", "2030-01-02T03:04:05.000Z"),
    (1893553445000, "2030-01-02T03:04:05.000Z"),
    ("2030-01-02", "2030-01-02T00:00:00.000Z"),
    (False, False),
]


def test_expiry(mail: Mailbox) -> None:
    mail.deliver("a")
    for given_end, shown in ENDS:
        assert mail.site.put(f"{mail.inbox}/1", {"expires": given_end}).json["updated"] == 1
        assert mail.site.get(f"{mail.inbox}/1").json["expires"] == shown


# -- refusals


def test_what_does_not_exist(still: Mailbox) -> None:
    mail = still
    one = f"{mail.inbox}/1"
    nobody = one.replace(mail.account.id, ABSENT)
    nowhere = one.replace(mail.boxes["INBOX"].id, ABSENT)
    nothing = f"{mail.inbox}/9"
    for path, code in (
        (nobody, "UserNotFound"),
        (nowhere, "NoSuchMailbox"),
        (nothing, "MessageNotFound"),
    ):
        for tail in ("", "/events", "/message.eml", "/attachments/ATT00001"):
            refused(mail.site.get(path + tail), 404, code)
        refused(mail.site.put(path, {"seen": True}), 404, code)
        refused(mail.site.delete(path), 404, code)
    for path, code in ((nobody, "UserNotFound"), (nowhere, "NoSuchMailbox")):
        refused(mail.site.get(path[:-2]), 404, code)
        refused(mail.site.delete(path[:-2]), 404, code)
    refused(mail.site.get(f"{one}/attachments/ATT00001"), 404, "AttachmentNotFound")
    refused(mail.site.put(one, {"moveTo": ABSENT}), 404, "NoSuchMailbox")
    for path in (f"/users/{ABSENT}/flagged", f"/users/{ABSENT}/archived"):
        refused(mail.site.get(path), 404, "UserNotFound")
    refused(mail.site.get(f"{mail.user}/archived/{ABSENT}"), 404, "MessageNotFound")
    refused(mail.site.post(f"{mail.user}/archived/{'0' * 24}/restore", {}), 404, "MessageNotFound")


@pytest.mark.parametrize(
    ("method", "tail", "body", "field"),
    [
        ("GET", "?limit=0", None, "limit"),
        ("GET", "?limit=251", None, "limit"),
        ("GET", "?order=up", None, "order"),
        ("GET", "?next=%21", None, "next"),
        ("GET", "?previous=W10", None, "previous"),
        ("GET", "?includeHeaders=a%0Ab", None, "includeHeaders"),
        ("GET", "/0", None, "message"),
        ("GET", "/x", None, "message"),
        ("GET", "/4294967296", None, "message"),
        ("GET", "/1?markAsSeen=maybe", None, "markAsSeen"),
        ("GET", "/1?unknown=1", None, "unknown"),
        ("GET", "/1/attachments/x", None, "attachment"),
        ("PUT", "/1:2:3", {"seen": True}, "message"),
        ("PUT", "/1", {"seen": "perhaps"}, "seen"),
        ("PUT", "/1", {"seen": True, "colour": 1}, "colour"),
        ("PUT", "/1", {"expires": "soon"}, "expires"),
        ("PUT", "/1", {"expires": True}, "expires"),
        ("PUT", "/1", {"metaData": [1]}, "metaData"),
        ("PUT", "/1", {"moveTo": "x"}, "moveTo"),
        ("PUT", "", {"seen": True}, "message"),
        ("DELETE", "/1,x", None, "message"),
    ],
)
def test_what_is_malformed(
    still: Mailbox, method: str, tail: str, body: object, field: str
) -> None:
    refused(still.site.ask(method, still.inbox + tail, body), 400, "InputValidationError", field)


def test_nothing_to_change_is_refused(still: Mailbox) -> None:
    refused(still.site.put(f"{still.inbox}/1", {}), 400, "InputValidationError")
    refused(still.site.put(f"{still.inbox}/1", {"sess": "x"}), 400, "InputValidationError")


def test_the_messages_of_others_are_not_found(mail: Mailbox) -> None:
    """Through another's path, another's mailbox, or another's id in the archive."""
    ann = mail.world.account(f"ann@{DOMAIN}")
    mail.deliver("a", "b")
    mail.site.delete(f"{mail.inbox}/1")
    (row,) = mail.site.get(f"{mail.user}/archived").json["results"]
    hers = f"/users/{ann.id}"
    refused(mail.site.get(mail.inbox.replace(mail.account.id, ann.id)), 404, "NoSuchMailbox")
    refused(mail.site.get(f"{hers}/archived/{row['id']}"), 404, "MessageNotFound")
    refused(mail.site.post(f"{hers}/archived/{row['id']}/restore", {}), 404, "MessageNotFound")


# -- the grammar of ranges, cursors and names


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 0xFFFFFFFF), st.one_of(st.integers(1, 0xFFFFFFFF), st.just("*"))),
        min_size=1,
        max_size=8,
    )
)
def test_ranges_are_sets(ranges: list[tuple[int, int | str]]) -> None:
    text = ",".join(f"{low}:{high}" for low, high in ranges)
    wanted = UidSet.of((low, 0xFFFFFFFF if high == "*" else int(high)) for low, high in ranges)
    assert uids(text) == wanted


@settings(max_examples=50, deadline=None)
@given(st.text("0123456789:,*x -", max_size=12))
def test_no_other_text_is_a_range(text: str) -> None:
    try:
        found = uids(text)
    except ValueError:
        return
    assert found
    assert found.ranges[0][0] >= 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-(1 << 62), 1 << 62), min_size=1, max_size=3))
def test_cursors_come_back_as_they_went(place: list[int]) -> None:
    cursor = _encode(tuple(place))
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert _decode("next", cursor) == tuple(place)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=30), st.text(max_size=20), st.text(max_size=10))
def test_nothing_of_an_attachment_leaves_its_header(name: str, media: str, charset: str) -> None:
    one = Attachment(1, (1,), media, name, "", "", 0, False, "", charset)
    _, shown = disposition(one.filename or one.id)
    for value in (content_type(one.media, one.charset), shown):
        assert value.isascii()
        assert value.isprintable()
    assert shown.count('"') == 2
