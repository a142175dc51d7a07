"""The webmail in Chromium: every page and form, and that nothing of what strangers write ever runs,
is fetched, or reaches out of its frame."""

from __future__ import annotations

import re
import smtplib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

import pytest
from playwright.sync_api import Locator

from tests.live import web
from tests.live.chromium import Chromium, Window
from tests.live.hostile import TEXTS, pages
from tests.live.looking import faults, fill, form, pressed, send, walk
from tests.live.outgoing import PASSWORD, Hub, hub
from tests.live.peers import until

JOE, ANN = "joe@home.test", "ann@home.test"
STRANGE = "Strangers"
PICTURE = "https://canary.test/picture.png"


class House:
    """A server, a browser, and Joe before it, who has mail of strangers."""

    def __init__(self, hub: Hub, chromium: Chromium, joe: Window, id: str) -> None:
        self.hub = hub
        self.chromium = chromium
        self.joe = joe
        self.id = id

    def folder(self, path: str) -> str:
        """The path of a folder's page."""
        return f"/mail/folders/{box(self.hub.server, self.id, path)}"


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with ExitStack() as stack:
        ours = stack.enter_context(hub())
        id = furnish(ours)
        chromium = stack.enter_context(Chromium())
        base = f"http://127.0.0.1:{ours.server.port('http', 'none')}"
        joe = stack.enter_context(chromium.window(base))
        joe.sign_in(JOE, PASSWORD, "/mail/")
        yield House(ours, chromium, joe, id)
        said = ours.server.log.read_text()
        assert "Traceback" not in said
        assert "Unhandled" not in said


def furnish(ours: Hub) -> str:
    """Joe's mail: of friends in INBOX, of strangers in a folder of their own."""
    server = ours.server
    id = web.make(server, JOE)
    web.make(server, ANN)
    web.call(server, "POST", f"/users/{id}/mailboxes", {"path": STRANGE})
    for name in TEXTS[:12]:
        web.ask(server, "POST", f"/users/{id}/mailboxes", {"path": name.replace("/", "∕")})
    rule = {"query": {"subject": "~"}, "action": {"mailbox": box(server, id, STRANGE)}}
    web.call(server, "POST", f"/users/{id}/filters", {"name": "Strangers", **rule})
    bodies = pages()
    letters = [strange(place, bodies[place % len(bodies)]) for place in range(COUNT)]
    with smtplib.SMTP("127.0.0.1", server.port("smtp"), timeout=60) as smtp:
        for message in [*letters, *friendly()]:
            assert smtp.sendmail("stranger@far.test", [JOE], message.as_bytes(policy=SMTP)) == {}
    return id


def box(server: Any, id: str, path: str) -> str:
    answer: Any = web.call(server, "GET", f"/users/{id}/mailboxes")
    return next(one["id"] for one in answer["results"] if one["path"] == path)


COUNT = max(len(TEXTS), len(pages()))


def strange(place: int, body: str) -> EmailMessage:
    """A letter that is hostile wherever it can be; its subject has a tilde."""
    message = EmailMessage()
    name, subject, file = (TEXTS[(place + step) % len(TEXTS)] for step in (0, 7, 19))
    message["From"] = Address(name, "stranger", "far.test")
    message["To"] = Address(subject, "joe", "home.test")
    message["Reply-To"] = Address(file, "stranger", "far.test")
    message["Subject"] = f"~{place}~ {subject}"
    message["Message-ID"] = f"<strange{place}@far.test>"
    message.set_content(f"{name}\r\n{subject}\r\n")
    message.add_alternative(body, subtype="html", cte="base64")
    picture = f"<svg xmlns='http://www.w3.org/2000/svg' onload='parent.{TEXTS[0]}'/>".encode()
    message.add_attachment(picture, "image", "svg+xml", filename=file)
    return message


def friendly() -> Iterator[EmailMessage]:
    """A thread of three, a letter with a picture from elsewhere, and some more."""
    for place in range(3):
        message = EmailMessage()
        message["From"], message["To"] = "Ann <ann@far.test>", JOE
        message["Subject"], message["Message-ID"] = (
            "Re: Lunch" if place else "Lunch",
            f"<{place}@a>",
        )
        if place:
            message["In-Reply-To"] = message["References"] = "<0@a>"
        message.set_content(f"Hello,\r\n\r\nshall we eat at {place + 12}?\r\n")
        yield message
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Shop <shop@far.test>", JOE, "Offers"
    message.set_content("Buy.")
    message.add_alternative(f"<h2>Buy</h2><img src='{PICTURE}' alt=''>", subtype="html")
    yield message


def letters_of(window: Window, folder: str) -> list[str]:
    """Paths of all letters of a folder, without threads."""
    found: dict[str, None] = {}
    path: str | None = folder + "?threads=0"
    while path:
        window.go(path)
        for link in window.page.locator(".lines .what a").all():
            found[str(link.get_attribute("href"))] = None
        older = window.page.locator("a[rel=next]")
        path = older.get_attribute("href") if older.count() else None
    return list(found)


def test_nothing_that_strangers_write_runs_or_is_fetched(house: House) -> None:
    """Every letter as its page shows it, in its frame and as text, in lists and searches."""
    window = house.joe
    letters = letters_of(window, house.folder(STRANGE))
    assert len(letters) == COUNT
    seen = ""
    for path in letters:
        window.go(path)
        frame = window.page.frame_locator("iframe.html")
        frame.locator("body").wait_for(state="attached")
        seen += window.page.inner_text("main")
        wanted(window)
    window.go(letters[0] + "?as=text")
    wanted(window)
    shown = " ".join(seen.split())
    hidden = [one for one in TEXTS if " ".join(one.lstrip("\u202e").split()) not in shown]
    assert hidden == []
    for path in ("/mail/search?q=hello", "/mail/search?q=" + "%3Cscript%3Eran(1)%3C/script%3E"):
        window.go(path)
        wanted(window)
    assert not house.chromium.knocked("canary.test")


def wanted(window: Window) -> None:
    """Nothing went wrong, but that the policy held pictures back, which is what it is for."""
    window.troubles[:] = [
        one for one in window.troubles if not re.search(r"Content Security Policy.*img-src", one)
    ]
    window.calm()


ACTIVE = """() => [...document.body.querySelectorAll("*")].filter((it) =>
  it.matches("script, style, link, meta, base, iframe, object, embed, form, svg, math, template")
  || it.shadowRoot
  || [...it.attributes].some(({name, value}) => /^on|^srcdoc$|^formaction$|^hx-|^data-/.test(name)
    || (/^(href|src|action|background|poster)$/.test(name) &&
      !/^(https?:|mailto:|data:image[/]|[/]mail[/]pictures[/])/.test(value)))
).map((it) => it.outerHTML.slice(0, 200))"""
"""Elements of a document that could do anything."""


def test_what_was_cleaned_runs_nowhere(house: House) -> None:
    """The first of the walls alone: the document without frame, sandbox and policy."""
    letters = letters_of(house.joe, house.folder(STRANGE))
    with house.chromium.window("") as bare:
        for path in letters:
            answer = house.joe.page.request.get(f"{house.joe.base}{path}/html")
            assert answer.status == 200
            text = answer.text()
            bare.page.set_content(text, wait_until="load")
            assert bare.page.evaluate(ACTIVE) == [], (path, text)
            bare.left.clear()  # pictures are the policy's to hold back, and are
            bare.troubles[:] = [one for one in bare.troubles if "net::ERR_" not in one]
            bare.calm()


def test_pictures_of_others_come_when_they_are_asked_for(house: House) -> None:
    window = house.joe
    house.chromium.knocked("")
    window.go(house.folder("INBOX"))
    window.page.click(".lines a:has-text('Offers')")
    window.page.frame_locator("iframe.html").locator("h2").wait_for()
    wanted(window)
    assert not house.chromium.knocked("canary.test")
    window.page.click("a.images")
    assert until(lambda: window.page.title() and PICTURE in window.left)
    assert house.chromium.knocked("canary.test")
    assert until(lambda: window.page.title() and any("net::ERR_" in it for it in window.troubles))
    window.reported()


def test_every_page_is_as_pages_have_to_be(house: House) -> None:
    window = house.joe
    window.calm()
    wrong = dict[str, object]()
    unknown = set[str]()
    for visit in walk(window, "/mail/", ("/mail",)):
        unknown |= visit.forms - KNOWN
        if not visit.page:
            assert visit.status == 200
            continue
        found = faults(window) + [one for one in window.reported() if "img-src" not in one]
        if visit.path.endswith("images=1"):  # asked for, and nobody is there
            found = [one for one in found if PICTURE not in one and "net::ERR_" not in one]
        if visit.status != 200 or found:
            wrong[visit.path] = (visit.status, found)
    assert not wrong
    assert not unknown, sorted(unknown)


HOSTILE = "\"'><img src=x onerror=ran(1)>"


@dataclass(frozen=True)
class Form:
    """`key`: method and shape of its path; `page`: the folder or the path where it stands, and what
    to click there; `button`: the one to press. `good` is taken, and the page says `shows` then;
    `bad` is refused, None where only a forged proof can be wrong."""

    key: str
    page: str
    good: Mapping[str, str | bool] = field(default_factory=dict)
    bad: Mapping[str, str | bool] | None = None
    shows: str = ""
    button: str = ""


MADE = "/mail/folders>summary:has-text('Made')"
FORMS = (
    Form("GET /mail/search", "/mail/", {"q": "lunch"}, {"q": HOSTILE}, "Lunch"),
    Form("POST /mail/folders", "/mail/folders", {"name": "Made"}, {"name": ""}, "Made"),
    Form("POST /mail/folders/*/subscribe", MADE),
    Form("POST /mail/folders/*/rename", MADE, {"name": "Made 2"}, {"name": ""}, "Made 2"),
    Form("POST /mail/folders/*/remove", MADE),
    Form("POST /mail/messages", "INBOX>.lines .what a", button="flag"),
    Form(
        "POST /mail/compose",
        "/mail/compose",
        {"to": ANN, "subject": HOSTILE, "text": HOSTILE},
        {"to": HOSTILE, "subject": HOSTILE, "text": HOSTILE},
        button="send",
    ),
    Form("POST /mail/settings", "/mail/settings", {"signature": HOSTILE}, shows=HOSTILE),
)
BY_HAND = {
    "POST /panel/sign-out",
    "POST /mail/messages/undo",
    "POST /mail/compose/back",
    "POST /mail/folders/*/empty",
}
"""Forms that have a test of their own; signing out is tested with the panel."""
KNOWN = {one.key for one in FORMS} | BY_HAND


def open_page(house: House, page: str) -> None:
    path, *links = page.split(">")
    house.joe.go(path if path.startswith("/") else house.folder(path))
    for link in links:
        house.joe.page.locator(f"main {link}").first.click()
        house.joe.page.wait_for_load_state("load")


@pytest.mark.parametrize("case", FORMS, ids=lambda one: f"{one.key} {one.button}")
def test_a_form_refuses_what_is_wrong_and_takes_what_is_right(house: House, case: Form) -> None:
    window, page = house.joe, house.joe.page
    open_page(house, case.page)
    meant = form(page, case.key, case.button)
    if case.bad is None:
        meant.locator("[name=csrf]").evaluate("it => { it.value = 'forged' }")
    fill(meant, case.good if case.bad is None else case.bad)
    status = send(window, meant, case.button)
    if case.bad is None:
        assert status == 403
    assert status in ((200,) if case.key.startswith("GET") else (303, 400, 403, 404, 409)), status
    if not case.key.startswith("GET"):
        assert page.locator("[role=alert]").first.is_visible()
    typed = {} if "summary" in case.page else case.bad or {}  # what is folded is folded again
    for name, value in typed.items():
        again = form(page, case.key, case.button).locator(f"[name='{name}']").first
        assert again.input_value().strip() == value
    wanted(window)
    open_page(house, case.page)
    meant = form(page, case.key, case.button)
    fill(meant, case.good)
    assert send(window, meant, case.button) in (200, 303), page.inner_text("main")
    assert not page.locator("[role=alert]:visible").count(), page.inner_text("main")
    values = "all => all.map((it) => it.value).join(' ')"
    shown = page.inner_text("body") + page.locator("input, textarea").evaluate_all(values)
    assert case.shows in shown
    wanted(window)


def test_what_is_deleted_leaves_its_list_and_comes_back(house: House) -> None:
    """The list changes where it stands; its folder is emptied only of what is there then."""
    window, page = house.joe, house.joe.page
    window.go(house.folder("INBOX"))
    row = page.locator(".lines tbody tr", has_text="Offers")
    assert row.count() == 1
    row.locator("[name=message]").check()
    page.click(f"#list {pressed('delete')}")
    row.wait_for(state="detached")
    assert "moved to Trash" in page.inner_text("#said")
    page.click("form[action='/mail/messages/undo'] button")
    row.wait_for()
    assert "moved back" in page.inner_text("#said")
    row.locator("[name=message]").check()
    page.click(f"#list {pressed('delete')}")
    row.wait_for(state="detached")
    page.locator("form[action='/mail/messages/undo'] [name=undo]").evaluate(
        "it => { it.value = 'nonsense' }"
    )
    page.click("form[action='/mail/messages/undo'] button")
    page.wait_for_selector("#content [role=alert]")
    assert page.locator("main").count() == 1
    wanted(window)

    trash = house.folder("Trash")
    window.go(trash)
    assert row.count() == 1
    refused(window, form(page, "POST /mail/folders/*/empty"))
    window.go(trash)
    assert send(window, form(page, "POST /mail/folders/*/empty")) == 303
    assert row.count() == 0
    wanted(window)


def test_a_list_says_what_is_missing(house: House) -> None:
    """Nothing was chosen; no folder was; and the list is there again, one step back."""
    window, page = house.joe, house.joe.page
    inbox = house.folder("INBOX")
    window.go(inbox)
    page.locator(".lines [name=message]").first.check()
    page.click(f"#list {pressed('move')}")
    page.wait_for_selector("#content [role=alert]")
    assert "Choose a folder first" in page.inner_text("#content")
    assert page.locator("main").count() == 1
    page.click("#content a:has-text('Back')")
    page.wait_for_selector("#list .lines")
    wanted(window)


def test_a_letter_that_waits_is_taken_back(house: House) -> None:
    """From the page that follows on sending, and from the list of those that wait."""
    window, page, key = house.joe, house.joe.page, "POST /mail/compose/back"
    subject = f"Later {HOSTILE}"
    for _ in range(2):
        window.go("/mail/compose")
        letter = form(page, "POST /mail/compose", "send")
        fill(letter, {"to": ANN, "subject": subject, "text": HOSTILE, "later": "1"})
        assert send(window, letter, "send") == 303
        assert faults(window) == []
    said = window.path
    refused(window, form(page, key))
    window.go(said)
    assert send(window, form(page, key)) == 303
    assert page.input_value("[name=subject]") == subject
    assert page.input_value("[name=text]").strip() == HOSTILE
    wanted(window)
    window.go("/mail/compose/waiting")
    waits = page.locator("tbody tr", has_text=subject)
    assert waits.count() == 1
    assert faults(window) == []
    waits.locator("[name=token]").evaluate("it => { it.value = 'nobody' }")
    assert send(window, waits.locator("form")) == 409
    assert page.locator("[role=alert]").is_visible()
    window.go("/mail/compose/waiting")
    assert send(window, waits.locator("form")) == 303
    assert page.input_value("[name=subject]") == subject
    wanted(window)


def refused(window: Window, meant: Locator) -> None:
    """The form as another site would send it."""
    meant.locator("[name=csrf]").evaluate("it => { it.value = 'forged' }")
    assert send(window, meant) == 403
    assert window.page.locator("[role=alert]").is_visible()
