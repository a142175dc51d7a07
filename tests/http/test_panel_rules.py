"""The panel's pages of filters, scripts and automatic replies."""

from __future__ import annotations

import re

import pytest

from mailhub.model.filter import Actions, Autoreply, Conditions, Filter
from tests.http.browsing import Site
from tests.http.visiting import Browser
from tests.support import run
from tests.world import ACTOR, PASSWORD, world

pytestmark = pytest.mark.thorough

JOE, ANN = "joe@example.org", "ann@example.org"
SCRIPT = 'require ["fileinto"];\nfileinto "Work";\n'


@pytest.fixture
def site() -> Site:
    return Site(world=world(people=(JOE, ANN)))


@pytest.fixture
def browser(site: Site) -> Browser:
    made = Browser(site)
    made.sign_in(JOE, PASSWORD)
    return made


def kept(browser: Browser) -> list[Filter]:
    here = browser.site.world
    return list(run(here.filters.of_account(here.people[JOE].number)))


def junk(browser: Browser) -> tuple[str, int]:
    """Id and number of the mailbox for junk."""
    here = browser.site.world
    box = run(here.mailboxes.by_special_use(here.people[JOE].number, "\\Junk"))
    assert box is not None
    return box.id, box.number


def add(browser: Browser, **fields: str) -> str:
    browser.look("/panel/filters/new")
    return browser.send("/panel/filters/new", **fields)


# -- filters


def test_a_filter_comes_changes_and_goes(browser: Browser) -> None:
    id, number = junk(browser)
    page = add(
        browser,
        **{"from": "boss@", "to": "me", "subject": "<b>", "list": "dev", "text": "now"},
        name="Work",
        attachments="no",
        than="smaller",
        size="5M",
        seen="1",
        flag="1",
        delete="1",
        spam="no",
        mailbox=id,
        forwards="a@remote.example\r\nb@remote.example",
    )
    assert browser.path == "/panel/filters"
    (one,) = kept(browser)
    assert one.conditions == Conditions(
        sender="boss@",
        recipient="me",
        subject="<b>",
        list_id="dev",
        text="now",
        attachments=False,
        size=-(5 << 20),
    )
    assert one.actions == Actions(
        seen=True,
        flag=True,
        delete=True,
        spam=False,
        mailbox=number,
        forwards=("a@remote.example", "b@remote.example"),
    )
    for said in ("is from boss@", "has the subject &lt;b&gt;", "smaller than 5.0 MiB", "no junk"):
        assert said in page
    assert "<b>" not in page

    page = browser.look(f"/panel/filters/{one.id}")
    for shown in ('name="size" value="5M"', 'value="smaller" selected', f'value="{id}" selected'):
        assert shown in page
    assert "a@remote.example\nb@remote.example</textarea>" in page
    page = browser.send(f"/panel/filters/{one.id}", subject="other", seen="1", off="1")
    (one,) = kept(browser)
    assert one.conditions == Conditions(subject="other")
    assert one.actions == Actions(seen=True)
    assert one.disabled
    assert ">off<" in page

    browser.send(f"/panel/filters/{one.id}/switch")
    assert not kept(browser)[0].disabled
    browser.send(f"/panel/filters/{one.id}/switch")
    assert kept(browser)[0].disabled
    assert "There are none yet" in browser.send(f"/panel/filters/{one.id}/remove")
    assert kept(browser) == []


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"subject": "x"}, "what is to be done"),
        ({"than": "larger", "size": "", "seen": "1"}, "A size is"),
        ({"than": "larger", "size": "much", "seen": "1"}, "such as"),
        ({"than": "larger", "size": "99T9", "seen": "1"}, "such as"),
        ({"than": "smaller", "size": "999999T", "seen": "1"}, "Not a size"),
        ({"forwards": "nobody"}, "alert"),
        ({"forwards": " ".join(f"a{n}@remote.example" for n in range(21))}, "at most 20"),
        ({"subject": "x" * 300, "seen": "1"}, "Too long"),
        ({"name": "x\x00y", "seen": "1"}, "control"),
        ({"mailbox": "1" * 24}, "alert"),
        ({"mailbox": "../x"}, "alert"),
    ],
)
def test_a_filter_that_cannot_be(browser: Browser, fields: dict[str, str], text: str) -> None:
    page = add(browser, **{"from": "<i>kept</i>", **fields})
    assert browser.status == 400
    assert text in page
    assert 'role="alert"' in page
    assert 'value="&lt;i&gt;kept&lt;/i&gt;"' in page, "what was typed stays"
    assert kept(browser) == []


def test_another_s_mailbox_and_filter_are_none(browser: Browser) -> None:
    here = browser.site.world
    ann = here.people[ANN]
    inbox = run(here.mailboxes.get(ann.number, "INBOX"))
    add(browser, mailbox=inbox.id)
    assert browser.status == 400
    hers = run(here.filters.create(ann, "hers", Conditions(), Actions(seen=True), ACTOR))
    csrf = re.search(r'name="csrf" value="(\w+)"', browser.look("/panel/filters"))
    assert csrf is not None
    browser.look(f"/panel/filters/{hers.id}")
    assert browser.status == 404
    for action in ("", "/switch", "/remove"):
        reply = browser.post(
            f"/panel/filters/{hers.id}{action}", {"csrf": csrf[1], "seen": "1", "on": ""}
        )
        assert reply.status == 404
    assert run(here.filters.of_account(ann.number)) == [hers]


def test_there_are_no_more_than_may_be(browser: Browser) -> None:
    here = browser.site.world
    joe = here.people[JOE]
    for _ in range(here.filters.most(joe)):
        run(here.filters.create(joe, "one", Conditions(), Actions(seen=True), ACTOR))
    page = browser.look("/panel/filters")
    assert len(page) < 200_000
    seen = re.findall(r'href="/panel/filters/([0-9a-f]{24})"', page)
    while found := re.search(r'href="(/panel/filters\?after=\d+)"', page):
        page = browser.look(found[1])
        assert len(page) < 200_000
        seen += re.findall(r'href="/panel/filters/([0-9a-f]{24})"', page)
    assert seen == [one.id for one in kept(browser)]
    assert "as many as there may be" in page
    assert "A new filter" not in page
    add(browser, seen="1")
    assert browser.status == 400


def test_what_an_application_set_stays(browser: Browser) -> None:
    here = browser.site.world
    joe = here.people[JOE]
    does = Actions(uploads=("https://hook.example/x",))
    one = run(here.filters.create(joe, "hook", Conditions(), does, ACTOR, metadata='{"a":1}'))
    page = browser.look(f"/panel/filters/{one.id}")
    assert "https://hook.example/x" in page
    browser.send(f"/panel/filters/{one.id}", name="named")
    (changed,) = kept(browser)
    assert (changed.name, changed.actions, changed.metadata) == ("named", does, '{"a":1}')


# -- scripts


def write(browser: Browser, **fields: str) -> str:
    browser.look("/panel/filters/scripts/edit")
    return browser.send("/panel/filters/scripts/edit", **fields)


def test_scripts_come_run_and_go(browser: Browser) -> None:
    assert "There are none yet" in browser.look("/panel/filters/scripts")
    page = write(browser, name="a&b <c>", source=SCRIPT)
    assert "a&amp;b &lt;c&gt;" in page
    page = browser.send("/panel/filters/scripts/activate")
    assert ">runs<" in page
    assert "The script a&amp;b &lt;c&gt; runs besides" in browser.look("/panel/filters")
    page = browser.look("/panel/filters/scripts")
    assert "/panel/filters/scripts/remove" not in page, "what runs stays"
    (edit,) = re.findall(r'href="(/panel/filters/scripts/edit\?name=[^"]+)"', page)
    page = browser.look(edit)
    assert "fileinto &#34;Work&#34;;" in page
    page = browser.send("/panel/filters/scripts/edit", name="other", source="keep;\r\n")
    assert "a&amp;b" not in page
    assert ">runs<" in page
    browser.send("/panel/filters/scripts/activate")
    page = browser.send("/panel/filters/scripts/remove")
    assert "There are none yet" in page


def test_faults_are_shown_with_their_lines(browser: Browser) -> None:
    source = 'keep;\r\nnonsense "<i>";\r\nkeep;\r\n'
    page = write(browser, name="bad", source=source)
    assert browser.status == 400
    assert "Line 2, column 1: " in page
    assert "&lt;i&gt;" in page
    assert "<i>" not in page
    assert "nonsense" in page, "what was typed stays"
    assert "There are none yet" in browser.look("/panel/filters/scripts")


@pytest.mark.parametrize("name", ["", "x\x00", "x" * 600])
def test_a_script_needs_a_name(browser: Browser, name: str) -> None:
    write(browser, name=name, source="keep;")
    assert browser.status == 400
    assert 'role="alert"' in browser.page


def test_a_script_does_not_take_another_s_place(browser: Browser) -> None:
    write(browser, name="one", source=SCRIPT)
    page = write(browser, name="one", source="discard;")
    assert browser.status == 400
    assert "of this name already" in page
    write(browser, name="two", source="discard;")
    browser.look("/panel/filters/scripts/edit?name=two")
    browser.send("/panel/filters/scripts/edit", name="one", source="discard;")
    assert browser.status == 400
    here = browser.site.world
    found = run(here.scripts.get(here.people[JOE].number, "one"))
    assert found.source == SCRIPT


def test_what_is_no_script_is_not_found(browser: Browser) -> None:
    browser.look("/panel/filters/scripts/edit?name=none")
    assert browser.status == 404
    write(browser, name="one", source="keep;")
    for action in ("activate", "remove"):
        csrf = re.search(r'name="csrf" value="(\w+)"', browser.page)
        assert csrf is not None
        browser.post(f"/panel/filters/scripts/{action}", {"csrf": csrf[1], "name": "none"})
        assert browser.status == 400


# -- automatic replies


def set_reply(browser: Browser, **fields: str) -> str:
    browser.look("/panel/autoreply")
    return browser.send("/panel/autoreply", **fields)


def reply_of(browser: Browser) -> Autoreply:
    here = browser.site.world
    return run(here.filters.autoreply(here.people[JOE].number))


def test_an_automatic_reply_is_set_shown_and_ended(browser: Browser) -> None:
    page = set_reply(
        browser,
        on="1",
        subject="Away",
        text="</textarea><b>\r\nBack soon",
        starts="2030-12-24T18:00",
        ends="2031-01-02T08:30",
    )
    assert "Saved." in page
    assert "<b>" not in page
    found = reply_of(browser)
    assert found.status
    assert (found.subject, found.text) == ("Away", "</textarea><b>\nBack soon")
    assert (found.starts, found.ends) == (1924365600, 1925109000)
    assert 'value="2030-12-24T18:00"' in page
    assert 'value="2031-01-02T08:30"' in page
    set_reply(browser, text="Back soon")
    found = reply_of(browser)
    assert (found.status, found.starts, found.ends) == (False, None, None)


@pytest.mark.parametrize(
    "fields",
    [
        {"on": "1", "text": " "},
        {"on": "1", "text": "x", "starts": "tomorrow"},
        {"on": "1", "text": "x", "ends": "9999-99-99T00:00"},
        {"on": "1", "text": "x", "starts": "2031-01-01T00:00", "ends": "2030-01-01T00:00"},
        {"on": "1", "text": "x", "subject": "a\nb"},
        {"on": "1", "text": "x" * 140_000},
    ],
)
def test_a_reply_that_cannot_be(browser: Browser, fields: dict[str, str]) -> None:
    page = set_reply(browser, **fields)
    assert browser.status == 400
    assert 'role="alert"' in page
    assert fields["text"] in page
    assert not reply_of(browser).status


def test_html_of_an_application_lives_as_long_as_the_text(browser: Browser) -> None:
    here = browser.site.world
    joe = here.people[JOE].number
    made = Autoreply(joe, status=True, name="Me", text="one\r\ntwo", html="<p>one")
    run(here.filters.set_autoreply(made, ACTOR))
    set_reply(browser, on="1", text="one\r\ntwo", subject="New")
    assert (reply_of(browser).html, reply_of(browser).name) == ("<p>one", "Me")
    set_reply(browser, on="1", text="three")
    assert (reply_of(browser).html, reply_of(browser).name) == ("", "Me")
