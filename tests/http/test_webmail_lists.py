"""Lists of the webmail, what is done with messages, folders and search, as a browser meets them."""

from __future__ import annotations

import re

import pytest

from tests.http.reading import ANN, JOE, Reader
from tests.http.visiting import Browser, foreign
from tests.support import run
from tests.world import ACTOR, PASSWORD

pytestmark = pytest.mark.thorough


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture(scope="module")
def calm() -> Reader:
    """For tests that change nothing: two messages in the INBOX."""
    made = Reader()
    made.letter("Invoice one")
    made.letter("Invoice two", From="Bob <bob@remote.example>")
    return made


def test_signing_in_leads_to_the_page_that_was_asked_for(calm: Reader) -> None:
    other = Browser(calm.site)
    other.look(f"{calm.inbox}?by=message")
    assert other.path == "/panel/sign-in"
    other.send("/panel/sign-in", name=JOE, password=PASSWORD)
    assert other.path == f"{calm.inbox}?by=message"
    assert "Inbox" in other.page


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/mail/",
        "//evil.example/mail",
        "/\\evil.example",
        "/mail\\@evil.example",
        "/mail/\r\nSet-Cookie: x=y",
        "/mailevil",
        "/admin/",
        "javascript:alert(1)",
        "/mail/" + "x" * 600,
    ],
)
def test_signing_in_leads_nowhere_else(calm: Reader, wanted: str) -> None:
    other = Browser(calm.site)
    other.look("/panel/sign-in")
    reply = other.post("/panel/sign-in", {"name": JOE, "password": PASSWORD, "next": wanted})
    assert reply.headers["location"] == "/panel/"


def test_an_empty_mailbox(reader: Reader) -> None:
    page = reader.look("/mail/")
    assert reader.browser.status == 200
    assert "There is nothing here" in page
    assert not foreign(page)


def test_a_list_shows_who_wrote_what(reader: Reader) -> None:
    reader.letter("One", From='"Eve & <Co>" <eve@remote.example>')
    page = reader.look("/mail/")
    assert "Eve &amp; &lt;Co&gt;" in page
    assert 'title="eve@remote.example"' in page
    assert "Hello Joe" in page
    assert '<span class="mark">new</span>' in page
    assert "<title>Inbox (1)" in page


@pytest.mark.parametrize("name", ["boss@bank.example", "boss＠bank.example", "boss﹫bank.example"])
def test_a_name_that_is_another_address_is_not_shown_in_place_of_it(
    reader: Reader, name: str
) -> None:
    reader.letter("One", From=f'"{name}" <eve@remote.example>')
    page = reader.look("/mail/")
    assert '<bdi title="eve@remote.example">eve@remote.example</bdi>' in page
    assert "boss" not in page


def test_endless_fields_do_not_fill_a_page(reader: Reader) -> None:
    for _ in range(50):
        reader.letter("s" * 5000, From=f'"{"n" * 3000}" <{"a" * 2000}@remote.example>')
    assert len(reader.look(f"{reader.inbox}?by=message").encode()) < 200_000


def test_pages_of_a_list_meet_every_message_once(reader: Reader) -> None:
    for number in range(120):
        reader.letter(f"number {number}")
    seen = reader.lines(f"{reader.inbox}?by=message")
    older = re.search(r'rel="next" href="([^"]+)"', reader.browser.page)
    assert older is not None
    assert "by=message" in older[1]
    reader.letter("arrives meanwhile")
    seen += reader.lines(older[1].replace("&amp;", "&"))
    middle = reader.browser.page
    older = re.search(r'rel="next" href="([^"]+)"', middle)
    assert older is not None
    seen += reader.lines(older[1].replace("&amp;", "&"))
    assert seen == [f"number {number}" for number in range(119, -1, -1)]
    assert 'rel="next"' not in reader.browser.page
    newer = re.search(r'rel="prev" href="([^"]+)"', reader.browser.page)
    assert newer is not None
    assert reader.look(newer[1].replace("&amp;", "&")).count("data-line") == 50


@pytest.mark.parametrize(
    "query", ["older=x", "older=1.2.3.4", "newer=9999999999999999999", "older=1..2", "older=%00"]
)
def test_a_place_that_is_none(calm: Reader, query: str) -> None:
    calm.look(f"{calm.inbox}?{query}")
    assert calm.browser.status == 400


@pytest.mark.parametrize("query", ["older=1", "newer=1", "older=1.2", "older=1.2.3", "older=-5.1"])
def test_a_place_of_another_list_breaks_nothing(calm: Reader, query: str) -> None:
    calm.look(f"{calm.inbox}?{query}")
    assert calm.browser.status in (200, 400)
    calm.look(f"/mail/search?q=hello&{query}")
    assert calm.browser.status in (200, 400)


def test_threads_are_one_line(reader: Reader) -> None:
    reader.letter("Plan", Message_ID="<1@x>")
    reader.letter("Other", Message_ID="<9@x>")
    reader.letter("Re: Plan", Message_ID="<2@x>", References="<1@x>", In_Reply_To="<1@x>")
    assert reader.lines() == ["Re: Plan", "Other"]
    assert reader.lines(f"{reader.inbox}?by=message") == ["Re: Plan", "Other", "Plan"]
    reader.look(reader.inbox)
    found = re.search(r'href="([^"]+/thread)"', reader.browser.page)
    assert found is not None
    page = reader.look(found[1])
    assert page.count("<article") == 2
    assert page.index("Plan") < page.index("<article")


def test_only_what_is_unread(reader: Reader) -> None:
    reader.letter("One")
    reader.letter("Two")
    reader.look(f"{reader.inbox}/1")
    assert reader.lines(f"{reader.inbox}?show=unread") == ["Two"]


# -- what is done


@pytest.mark.parametrize(
    ("action", "there", "gone"),
    [
        ("unread", 'class="unread"', None),
        ("read", None, 'class="unread"'),
        ("flag", 'aria-label="flagged"', None),
        ("unflag", None, 'aria-label="flagged"'),
    ],
)
def test_marks(reader: Reader, action: str, there: str | None, gone: str | None) -> None:
    reader.letter()
    page = reader.act(action, reader.ids())
    assert there is None or there in page
    assert gone is None or gone not in page
    assert "1 message:" in page


@pytest.mark.parametrize(
    ("action", "where"), [("archive", "Archive"), ("junk", "Junk"), ("delete", "Trash")]
)
def test_a_move_and_back(reader: Reader, action: str, where: str) -> None:
    reader.letter("One")
    reader.letter("Two")
    reader.letter("Three")
    reader.act(action, reader.ids()[:2])
    place = f"/mail/folders/{reader.boxes[where]}"
    undo = reader.browser.page
    assert reader.lines() == ["One"]
    assert sorted(reader.lines(place)) == ["Three", "Two"]
    reader.browser.page = undo
    reader.browser.send("/mail/messages/undo")
    assert "moved back" in reader.browser.page
    assert sorted(reader.lines()) == ["One", "Three", "Two"]
    assert reader.lines(place) == []


def test_many_that_were_moved_go_back_to_the_list_they_came_from(reader: Reader) -> None:
    for number in range(90):
        reader.letter(f"number {number}")
    archive = f"/mail/folders/{reader.boxes['Archive']}?by=message"
    reader.act("archive", [f"{reader.boxes['INBOX']}.{uid}" for uid in range(1, 90)])
    odd = [f"{reader.boxes['Archive']}.{uid}" for uid in range(1, 90, 2)]
    reader.act("move", odd, to=reader.boxes["INBOX"], back=archive)
    reader.browser.send("/mail/messages/undo")
    assert reader.browser.path == f"{archive}&done=undo&count=45"


def test_what_is_in_trash_is_deleted_for_ever(reader: Reader) -> None:
    reader.letter()
    reader.act("delete", reader.ids())
    trash = f"/mail/folders/{reader.boxes['Trash']}"
    page = reader.act("delete", reader.ids(trash), back=trash)
    assert "deleted for ever" in page
    assert "Undo" not in page
    assert reader.lines(trash) == []


def test_junk_and_back_says_so_to_programs(reader: Reader) -> None:
    reader.letter()
    reader.act("junk", reader.ids())
    account, junk = reader.site.world.people[JOE].number, reader.boxes["Junk"]
    box = run(reader.site.world.mailboxes.by_id(account, junk))
    row = run(reader.site.world.mailroom.listings.one(account, box.number, 1)).row
    assert row.flags.keywords == ("$Junk",)
    reader.act("notjunk", reader.ids(f"/mail/folders/{junk}"))
    box = run(reader.site.world.mailboxes.get(account, "INBOX"))
    row = run(reader.site.world.mailroom.listings.one(account, box.number, 2)).row
    assert row.flags.keywords == ("$NotJunk",)


def test_a_copy_and_a_move_to_a_folder_of_ones_own(reader: Reader) -> None:
    reader.look("/mail/folders")
    reader.browser.send("/mail/folders", name="Work/Invoices")
    box = reader.names()["Work/Invoices"]
    reader.letter()
    reader.act("copy", reader.ids(), to=box)
    assert reader.lines() == ["Hello"]
    reader.act("move", reader.ids(), to=box)
    assert reader.lines() == []
    assert reader.lines(f"/mail/folders/{box}?by=message") == ["Hello", "Hello"]


def test_a_thread_goes_as_one(reader: Reader) -> None:
    reader.letter("Plan", Message_ID="<1@x>")
    reader.letter("Re: Plan", Message_ID="<2@x>", References="<1@x>")
    page = reader.act("archive", reader.ids(), by="thread")
    assert "2 messages:" in page
    assert reader.lines(f"{reader.inbox}?by=message") == []


def test_nothing_chosen_does_nothing(calm: Reader) -> None:
    calm.look(calm.inbox)
    calm.act("delete", [])
    assert calm.lines() == ["Invoice two", "Invoice one"]


def test_an_account_without_trash_is_given_one(reader: Reader) -> None:
    world, account = reader.site.world, reader.site.world.people[JOE]
    run(world.mailboxes.remove(account.number, "Trash", ACTOR))
    reader.letter()
    reader.act("delete", reader.ids())
    found = run(world.mailboxes.by_special_use(account.number, "\\Trash"))
    assert found is not None
    assert found.messages == 1


@pytest.mark.parametrize("action", ["", "explode", "move"])
def test_an_action_that_is_none(calm: Reader, action: str) -> None:
    calm.act(action, calm.ids())
    assert calm.browser.status == 400
    assert calm.lines() == ["Invoice two", "Invoice one"]


@pytest.mark.parametrize("message", ["x", "1", "../../1", "f" * 24 + ".0", "f" * 24 + ".1"])
def test_a_message_that_is_none(calm: Reader, message: str) -> None:
    calm.look(calm.inbox)
    calm.act("delete", [message])
    assert calm.browser.status in (400, 404)
    assert calm.lines() == ["Invoice two", "Invoice one"]


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/panel/", ""])
def test_a_form_leads_back_to_the_webmail_alone(reader: Reader, back: str) -> None:
    reader.letter()
    reader.look(reader.inbox)
    fields = {"csrf": reader.csrf, "action": "read", "back": back, "message": reader.ids()[0]}
    reply = reader.browser.post("/mail/messages", fields)
    assert reply.headers["location"].startswith("/mail/?done=read")


@pytest.mark.parametrize(
    "undo", ["", "x", "a.1.b", "{inbox}.1.{other}", "{other}.1.{inbox}", "{inbox}.0.{inbox}"]
)
def test_what_cannot_be_undone(calm: Reader, undo: str) -> None:
    world = calm.site.world
    ann = run(world.mailboxes.get(world.people[ANN].number, "INBOX"))
    calm.look(calm.inbox)
    wanted = undo.format(inbox=calm.boxes["INBOX"], other=ann.id)
    calm.browser.post("/mail/messages/undo", {"csrf": calm.csrf, "undo": wanted, "back": ""})
    assert calm.browser.status in (400, 404)
    assert calm.lines() == ["Invoice two", "Invoice one"]


@pytest.mark.parametrize("done", ["<script>", "moved%20to%20Mallory", "forever&count=9999999"])
def test_what_was_done_is_said_in_words_of_ours(calm: Reader, done: str) -> None:
    page = calm.look(f"/mail/?done={done}&undo=%22%3E%3Cscript%3E")
    assert "<script>" not in page
    assert "9999999" not in page.replace("count=9999999", "")
    assert "Mallory" not in page.replace(f"done={done}", "")


# -- whose it is


def test_nobody_reads_what_is_anothers(reader: Reader) -> None:
    reader.deliver(b"From: a@b.example\r\nSubject: secret\r\n\r\nsecret\r\n", ANN)
    world = reader.site.world
    box = run(world.mailboxes.get(world.people[ANN].number, "INBOX"))
    places = ("", "/1", "/1/thread", "/1/html", "/1/source", "/1/attachments/ATT00001")
    for path in places:
        page = reader.look(f"/mail/folders/{box.id}{path}")
        assert reader.browser.status == 404
        assert "secret" not in page
    reader.letter()
    reader.look(reader.inbox)
    for action in ("delete", "read", "copy"):
        reader.act(action, [f"{box.id}.1"], to=reader.boxes["INBOX"])
        assert reader.browser.status == 404
    reader.look(reader.inbox)
    reader.act("move", reader.ids(), to=box.id)
    assert reader.browser.status == 404
    for verb in ("rename", "remove", "subscribe", "empty"):
        reader.look(reader.inbox)
        fields = {"csrf": reader.csrf, "name": "mine", "subscribed": "0"}
        assert reader.browser.post(f"/mail/folders/{box.id}/{verb}", fields).status == 404
    assert run(world.mailboxes.get(world.people[ANN].number, "INBOX")).messages == 1


def test_a_form_of_another_site_does_nothing(reader: Reader) -> None:
    reader.letter()
    (id,) = reader.ids()
    for headers in ({"sec_fetch_site": "cross-site"}, {"origin": "https://evil.example"}):
        fields = {"csrf": reader.csrf, "action": "delete", "message": id}
        assert reader.browser.post("/mail/messages", fields, **headers).status == 403
        reader.look(reader.inbox)
    reader.browser.post("/mail/messages", {"action": "delete", "message": id})
    assert reader.browser.status == 403
    assert reader.lines() == ["Hello"]


# -- folders


def test_a_folder_is_made_renamed_hidden_and_removed(reader: Reader) -> None:
    reader.look("/mail/folders")
    reader.browser.send("/mail/folders", name="Año/“Q1” & <b>")
    assert "Año/“Q1” &amp; &lt;b&gt;" in reader.browser.page
    path = f"/mail/folders/{reader.names()['Año/“Q1” & <b>']}"
    reader.browser.send(f"{path}/rename", name="Plain")
    assert "Plain" in reader.names()
    reader.browser.send(f"{path}/subscribe")
    account = reader.site.world.people[JOE].number
    assert "Plain" not in run(reader.site.world.mailboxes.subscriptions(account))
    reader.browser.send(f"{path}/remove")
    assert "Plain" not in reader.names()


@pytest.mark.parametrize("name", ["", "INBOX", "Trash", "a//b", "x" * 2000])
def test_a_folder_that_cannot_be(calm: Reader, name: str) -> None:
    calm.look("/mail/folders")
    page = calm.browser.send("/mail/folders", name=name)
    assert calm.browser.status == 400
    assert 'role="alert"' in page
    assert f'name="name" value="{name}"' in page


def test_a_name_that_is_taken_is_kept_in_its_form(calm: Reader) -> None:
    path = f"/mail/folders/{calm.boxes['Archive']}"
    calm.look("/mail/folders")
    page = calm.browser.send(f"{path}/rename", name="Sent")
    assert calm.browser.status == 400
    assert page.count("<details open>") == 1
    form = page[
        page.index("<details open>") : page.index("</details>", page.index("<details open>"))
    ]
    assert f'action="{path}/rename"' in form
    assert 'name="name" value="Sent"' in form
    assert page.count('value="Sent"') == 2, "its own, and the form of the folder of that name"


def test_a_folder_for_something_stays(calm: Reader) -> None:
    calm.look("/mail/folders")
    fields = {"csrf": calm.csrf}
    for name in ("INBOX", "Trash", "Sent"):
        calm.browser.post(f"/mail/folders/{calm.boxes[name]}/remove", fields)
        assert calm.browser.status == 400
    assert {"INBOX", "Trash", "Sent"} <= calm.names().keys()


def test_only_junk_and_trash_are_emptied(reader: Reader) -> None:
    for number in range(3):
        reader.letter(f"number {number}")
    reader.act("delete", reader.ids())
    reader.letter("stays")
    trash = f"/mail/folders/{reader.boxes['Trash']}"
    reader.look(trash)
    reader.browser.send(f"{trash}/empty")
    assert "3 messages:" in reader.browser.page
    assert reader.lines(trash) == []
    reader.browser.post(f"{reader.inbox}/empty", {"csrf": reader.csrf})
    assert reader.browser.status == 403
    assert reader.lines() == ["stays"]


# -- search


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=invoice", ["Invoice two", "Invoice one"]),
        ("q=subject:one", ["Invoice one"]),
        ("q=from:bob", ["Invoice two"]),
        ("q=invoice+-two", ["Invoice one"]),
        ("from=bob&q=invoice", ["Invoice two"]),
        ("subject=invoice+one", ["Invoice one"]),
        ("from=%22)+bob:(", ["Invoice two"]),
        ("q=has:attachment", []),
        ("attachment=1", []),
        ("after=2020-01-01&q=one", ["Invoice one"]),
        ("before=2020-01-01&q=one", []),
        ("q=is:unread+one", ["Invoice one"]),
        ("q=zebra", []),
        ("q=", []),
    ],
)
def test_a_search(calm: Reader, query: str, found: list[str]) -> None:
    assert calm.lines(f"/mail/search?{query}") == found
    assert calm.browser.status == 200


@pytest.mark.parametrize("query", ["(", ")", "after:never", "is:odd", "(" * 40])
def test_a_search_that_says_nothing(calm: Reader, query: str) -> None:
    page = calm.look(f"/mail/search?q={query}")
    assert calm.browser.status == 400
    assert f'value="{query}"' in page


def test_a_search_goes_on_over_its_pages(reader: Reader) -> None:
    for number in range(60):
        reader.letter(f"invoice {number}")
    seen = reader.lines("/mail/search?q=invoice")
    older = re.search(r'rel="next" href="([^"]+)"', reader.browser.page)
    assert older is not None
    seen += reader.lines(older[1].replace("&amp;", "&"))
    assert seen == [f"invoice {number}" for number in range(59, -1, -1)]
    newer = re.search(r'rel="prev" href="([^"]+)"', reader.browser.page)
    assert newer is not None
    assert reader.lines(newer[1].replace("&amp;", "&")) == seen[:50]


def test_what_was_searched_for_is_shown_as_text(calm: Reader) -> None:
    page = calm.look("/mail/search?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>alert" not in page
    assert not foreign(page)


# -- every page


def test_pages_are_small_whole_and_in_ones_language(reader: Reader) -> None:
    for number in range(55):
        reader.letter(f"number {number}")
    for path in ("/mail/", "/mail/folders", "/mail/help", "/mail/search?q=number", "/mail/search"):
        page = reader.look(path)
        assert reader.browser.status == 200
        assert len(page.encode()) < 100_000
        assert not foreign(page)
        assert page.count("<h1") == 1
        assert page.count("<main") == 1
        german = reader.site.ask(
            "GET", path, cookie=reader.browser.cookie, accept_language="de"
        ).body.decode()
        assert "Ordner ändern" in german
        for field in re.findall(r"<(?:input|select)[^>]*>", page):
            if 'type="hidden"' not in field:
                assert re.search(
                    r"<label[^>]*>(?:(?!</label>).)*" + re.escape(field), page, re.S
                ), field


def test_a_session_that_is_over_shows_no_mail(reader: Reader) -> None:
    reader.letter()
    reader.look("/mail/")
    kept = reader.browser.cookie
    reader.browser.send("/panel/sign-out")
    again = Browser(reader.site)
    again.cookie = kept
    for path in ("/mail/", reader.inbox, f"{reader.inbox}/1", "/mail/updates"):
        again.look(path)
        assert again.path == "/panel/sign-in"
