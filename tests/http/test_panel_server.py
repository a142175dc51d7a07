"""The panel's pages of the whole server: domains, messages' stories, logins, graphs, settings, web,
reports, the queue in bulk, and how others sign in."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from mailhub.core.graphs import Sampling
from mailhub.model.account import Role
from mailhub.model.change import Actor
from mailhub.model.flags import SEEN, FlagMode, Flags
from mailhub.model.queue import QueueFilter
from mailhub.model.uids import UidSet
from tests.http.browsing import Site
from tests.http.visiting import Browser, foreign
from tests.queue_bench import LATER, bench
from tests.support import run
from tests.world import PASSWORD, World, world

pytestmark = pytest.mark.thorough

ROOT, JOE = "root@example.org", "joe@example.org"
XSS = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
PAGES = (
    "graphs",
    "graphs?days=30",
    "domains",
    "domains/example.org",
    "domains/example.org?check=1",
    "messages",
    "queue",
    "queue/destinations",
    "queue/suppressed",
    "logins",
    "reports",
    "reports/example.org",
    "web",
    "settings",
    "settings?table=smtp",
    "users/left",
)
FORMS = (
    "domains",
    "domains/example.org",
    "domains/example.org/rename",
    "domains/example.org/remove",
    "domains/example.org/keys",
    "domains/example.org/keys/forget",
    "queue",
    "queue/suppressed",
    "queue/suppressed/remove",
    "logins/release",
    "users/left",
)


def opened(here: World) -> Browser:
    here.account(ROOT, role=Role.ADMIN)
    made = Browser(Site(world=here))
    made.sign_in(ROOT, PASSWORD)
    return made


@pytest.fixture
def here() -> World:
    return world(people=(JOE,))


@pytest.fixture
def root(here: World) -> Browser:
    return opened(here)


def test_they_are_for_administrators_alone(here: World, root: Browser) -> None:
    joe = Browser(root.site)
    joe.sign_in(JOE, PASSWORD)
    id = here.people[JOE].id
    access = f"users/{id}/access"
    for path in (*PAGES, f"messages/{'0' * 32}", access):
        joe.look(f"/panel/{path}")
        assert joe.status == 403, path
    proof = re.search(r'name="csrf" value="(\w+)"', joe.look("/panel/"))
    assert proof is not None
    for path in (*FORMS, f"{access}/app-password", f"{access}/two-step"):
        assert joe.post(f"/panel/{path}", {"csrf": proof[1]}).status == 403, path
    for path in (*FORMS, f"{access}/two-step"):
        assert root.post(f"/panel/{path}", {"csrf": "no"}).status == 403, path


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_small_and_its_scripts_are_files_of_ours(root: Browser, path: str) -> None:
    page = root.look(f"/panel/{path}")
    assert root.status == 200
    assert len(page) < 200_000
    assert not foreign(page)
    assert page.count('aria-current="page"') == 1


@pytest.mark.parametrize("path", ["messages", "logins", "domains", "queue", "web", "users/left"])
def test_whatever_is_asked_for_is_shown_as_text(root: Browser, path: str) -> None:
    names = ("query", "user", "ip", "sender", "domain", "until", "since", "after", "before", "part")
    for name in names:
        page = root.look(f"/panel/{path}?{name}=%3Cscript%3Ex%22%27")
        assert root.status in (200, 400)
        assert "<script>x" not in page


# -- domains


def test_a_domain_comes_changes_and_goes(root: Browser) -> None:
    root.look("/panel/domains")
    page = root.send("/panel/domains", name="Other.Example")
    assert "<h1>other.example</h1>" in page
    path = root.path
    for data in ("v=spf1", "10 mx.example.org.", "v=DMARC1"):
        assert data in page
    assert 'data-copy="record-1"' in page
    page = root.send(path, catch_all=JOE, delimiter="+", ignore_dots="1")
    assert f'value="{JOE}"' in page
    assert 'name="ignore_dots" value="1" checked' in page
    for fields in ({"catch_all": XSS}, {"alias_of": "nowhere.test"}, {"delimiter": "x"}):
        page = root.send(path, **fields)
        assert root.status == 400, fields
        assert 'role="alert"' in page
        assert XSS not in page
        root.look(path)
    root.send(f"{path}/rename", new="other.example")
    assert root.status == 400
    root.look(path)
    assert "new.example" in root.send(f"{path}/rename", new="new.example")
    root.look("/panel/domains/new.example")
    root.send("/panel/domains/new.example/remove", name="other.example")
    assert root.status == 400
    root.look("/panel/domains/new.example")
    page = root.send("/panel/domains/new.example/remove", name="New.example")
    assert root.path == "/panel/domains"
    assert "new.example" not in page
    root.look("/panel/domains/new.example")
    assert root.status == 404


@pytest.mark.parametrize("name", ["", "example.org", "a b", XSS, "[192.0.2.1]"])
def test_a_domain_that_cannot_be(root: Browser, name: str) -> None:
    root.look("/panel/domains")
    page = root.send("/panel/domains", name=name)
    assert root.status == 400
    assert 'role="alert"' in page
    assert XSS not in page


def test_keys_are_made_used_and_forgotten(root: Browser) -> None:
    path = "/panel/domains/example.org"
    root.look(path)
    page = root.send(f"{path}/keys", act="rotate")
    assert "waits to be published" in page
    selectors = re.findall(r'name="selector" value="([^"]+)"', page)
    assert selectors
    page = root.send(f"{path}/keys/forget")
    assert f'value="{selectors[-1]}"' not in page
    root.send(f"{path}/keys", act="rotate")
    assert root.status == 400, "some wait already"
    root.look(path)
    assert ">signs<" in root.send(f"{path}/keys", act="activate")
    assert ">paused<" in root.send(f"{path}/keys", act="disable")
    assert ">signs<" in root.send(f"{path}/keys", act="enable")
    proof = re.search(r'name="csrf" value="(\w+)"', root.page)
    assert proof is not None
    gone = {"csrf": proof[1], "selector": selectors[-1]}
    assert root.post(f"{path}/keys/forget", gone).status == 400
    root.look(path)
    root.send(f"{path}/keys", act="dance")
    assert root.status == 400


def test_domains_are_turned_over(here: World, root: Browser) -> None:
    for number in range(55):
        run(here.domains.ensure(f"d{number:02}.example", Actor()))
    page = root.look("/panel/domains")
    assert "56 domains" in page
    (more,) = re.findall(r'href="(/panel/domains\?after=[^"]+)"', page)
    last = root.look(more)
    assert "d54.example" in last
    assert "d10.example" not in last
    assert "<p>1 domain</p>" in root.look("/panel/domains?query=d07")


# -- messages


def test_a_message_is_found_and_its_story_told(here: World, root: Browser) -> None:
    mail = b"Message-ID: <one@away.test>\r\nSubject: hush\r\n\r\nhush\r\n"
    arrival = here.deliver(JOE, mail, sender="far@away.test")
    uid = UidSet(((arrival.uid, arrival.uid),))
    reader = Actor(arrival.account, "imap 192.0.2.5")
    messages, there = here.store.messages, (arrival.account, arrival.mailbox)
    run(messages.store_flags(*there, uid, FlagMode.ADD, Flags(SEEN), reader))
    run(messages.expunge(*there, uid, Actor(arrival.account, "pop3 192.0.2.6"), only_deleted=False))
    for query in ("far@away.test", "%3Cone@away.test%3E", "away.test", JOE):
        page = root.look(f"/panel/messages?query={query}&part=either")
        (path,) = re.findall(r'href="(/panel/messages/[0-9a-f]{32})"', page)
    page = root.look(path)
    for text in ("far@away.test", JOE, "client.example", "ESMTP", "INBOX", "put into a mailbox"):
        assert text in page, text
    assert "IMAP 192.0.2.5" in page
    assert "POP3 192.0.2.6" in page
    assert page.index(">read<") < page.index(">removed<")
    assert "hush" not in page
    assert not re.findall(
        "messages/[0-9a-f]", root.look("/panel/messages?query=far@away.test&part=recipient")
    )
    root.look("/panel/messages?query=a@b@c")
    assert root.status == 400
    root.look("/panel/messages?since=yesterday")
    assert root.status == 400
    root.look(f"/panel/messages/{'0' * 32}")
    assert root.status == 404


def test_messages_are_turned_over(here: World, root: Browser) -> None:
    for _ in range(55):
        here.deliver(JOE, b"Subject: x\r\n\r\n")
    page = root.look("/panel/messages?query=joe@example.org")
    assert len(re.findall("/panel/messages/[0-9a-f]{32}", page)) == 50
    (more,) = re.findall(r'href="(/panel/messages\?[^"]*before=\d+)"', page)
    page = root.look(more.replace("&amp;", "&"))
    assert len(re.findall("/panel/messages/[0-9a-f]{32}", page)) == 5


# -- logins


def test_logins_of_everybody_and_who_has_to_wait(here: World, root: Browser) -> None:
    for _ in range(12):
        Browser(root.site).sign_in(JOE, "wrong one")
    page = root.look("/panel/logins")
    assert JOE in page
    assert ROOT in page
    failed = root.look("/panel/logins?failures=1")
    assert ROOT not in failed.partition("<tbody>")[2]
    assert "There" not in failed
    assert "/panel/users/" in root.look("/panel/logins?user=joe@example.org")
    assert "Nothing was found" in root.look("/panel/logins?ip=203.0.113.")
    root.look("/panel/logins?user=nobody@example.org")
    assert root.status == 400
    page = root.look("/panel/logins")
    assert "Who has to wait" in page
    page = root.send("/panel/logins/release", address="127.0.0.1")
    assert "Who has to wait" not in page
    proof = re.search(r'name="csrf" value="(\w+)"', page)
    assert proof is not None
    assert root.post("/panel/logins/release", {"csrf": proof[1], "address": XSS}).status == 400


# -- graphs, settings, web, reports


class Disk:
    def room(self) -> tuple[int, int]:
        return 1 << 30, 4 << 30


def test_graphs_have_their_numbers_as_words_too(here: World, root: Browser) -> None:
    assert "Nothing was measured yet" in root.look("/panel/graphs")
    sampling = Sampling(here.store, Disk(), here.clock, lambda: 7)
    run(sampling.sample())
    for _ in range(3):
        here.deliver(JOE, b"Subject: x\r\n\r\n")
    run(sampling.sample())
    for days in (1, 7, 30, 99):
        page = root.look(f"/panel/graphs?days={days}")
        assert page.count("<svg") == 5
        assert page.count('role="img"') == 5
        assert '<rect class="received"' in page
        assert "<td>3</td>" in page
        assert "<td>7</td>" in page
        assert "4.0 GiB" in page
        assert not foreign(page)


def test_settings_say_what_they_mean_and_hide_secrets(root: Browser) -> None:
    page = root.look("/panel/settings?table=http")
    assert "access_token" in page
    assert 'class="mark">default' in page
    assert "/etc/mailhub/mailhub.toml" in page
    assert "<h2>[smtp]</h2>" in root.look("/panel/settings?table=smtp")
    assert "All tables" in root.look(f"/panel/settings?table={'x' * 50}")


def test_every_name_of_the_web_is_listed(root: Browser) -> None:
    page = root.look("/panel/web")
    for text in ("mx.example.org", "mta-sts.example.org", "what mail programs", "www.example.org"):
        assert text in page, text
    assert "mta-sts.example.org" not in root.look("/panel/web?query=www")


# -- the queue in bulk


@pytest.fixture
def queued() -> tuple[World, Browser]:
    house = bench()
    house.outbound.says["away.test"] = [LATER]
    house.outbound.says["far.test"] = [LATER]
    house.submit("a@away.test", "b@away.test", "c@far.test")
    house.world.queue = house.queue
    return house.world, opened(house.world)


def held(here: World) -> set[str]:
    rows, _ = run(here.queue.page(QueueFilter(held=True)))
    return {one.recipient for one in rows}


def test_many_are_acted_on_at_once(queued: tuple[World, Browser]) -> None:
    here, root = queued
    page = root.look("/panel/queue/destinations")
    assert re.search(r"away\.test</a></th><td>2</td>", page)
    assert "2 recipients wait" in root.look("/panel/queue?domain=away.test")
    page = root.send("/panel/queue", act="hold")
    assert held(here) == {"a@away.test", "b@away.test"}
    assert "Done with 2" in page
    assert "1 recipient waits" in root.look("/panel/queue?held=no")
    root.look("/panel/queue")
    root.send("/panel/queue", act="discard")
    assert root.status == 400, "everything has to be said"
    root.send("/panel/queue", act="release", everything="1")
    assert not held(here)
    root.look("/panel/queue")
    root.send("/panel/queue", act="dance", everything="1")
    assert root.status == 404
    root.look("/panel/queue?until=soon")
    assert root.status == 400
    root.look("/panel/queue?recipient=c@far.test")
    page = root.send("/panel/queue", act="bounce", reason="Moved away")
    assert "Done with 1" in page
    assert "2 recipients wait" in root.look("/panel/queue?sender=joe@example.org")
    (path,) = set(re.findall(r'href="(/panel/queue/\d+)">a@away', root.page))
    root.look(path)
    (story,) = re.findall(r'href="(/panel/messages/[0-9a-f]+)"', root.page)
    page = root.look(story)
    for text in ("451 later", "Moved away", "Who it still waits for", "a@away.test"):
        assert text in page, text


def test_who_is_sent_nothing(root: Browser) -> None:
    path = "/panel/queue/suppressed"
    root.look(path)
    page = root.send(path, address="Gone@Away.test", reason="Left the company")
    assert "gone@away.test" in page
    assert "Left the company" in page
    root.send(path, address=XSS, reason="x")
    assert root.status == 400
    assert XSS not in root.page
    root.look(path)
    assert "gone@away.test" not in root.send(f"{path}/remove", address="gone@away.test")
    proof = re.search(r'name="csrf" value="(\w+)"', root.page)
    assert proof is not None
    assert root.post(f"{path}/remove", {"csrf": proof[1], "address": "x@y.test"}).status == 400


# -- how others sign in


def test_an_administrator_ends_app_passwords_and_second_factors(here: World, root: Browser) -> None:
    here.second_factor(JOE, imap="abcdabcdabcdabcd")
    path = f"/panel/users/{here.people[JOE].id}/access"
    page = root.look(path)
    assert "imap" in page
    assert "It is on" in page
    page = root.send(f"{path}/app-password")
    assert "There are none" in page
    assert "It is off" in root.send(f"{path}/two-step")
    proof = re.search(r'name="csrf" value="(\w+)"', root.page)
    assert proof is not None
    gone = root.post(f"{path}/app-password", {"csrf": proof[1], "id": "0" * 24})
    assert gone.status == 400


def test_accounts_that_left_come_back(here: World, root: Browser) -> None:
    path = f"/panel/users/{here.people[JOE].id}"
    root.look(path)
    root.send(f"{path}/remove", address=JOE)
    assert JOE in root.look("/panel/users/left")
    assert JOE not in root.look("/panel/users/left?query=ann")
    root.look("/panel/users/left")
    page = root.send("/panel/users/left")
    assert f"<h1>{JOE}</h1>" in page
    assert JOE not in root.look("/panel/users/left")
    proof = re.search(r'name="csrf" value="(\w+)"', root.page)
    assert proof is not None
    assert root.post("/panel/users/left", {"csrf": proof[1], "id": "0" * 24}).status == 400


def test_pages_stay_small_with_much_in_them(queued: tuple[World, Browser]) -> None:
    here, root = queued
    for number in range(60):
        here.account(f"user{number}@example.org")
        run(here.domains.ensure(f"x{number}.example", Actor()))
    looks: tuple[Callable[[], str], ...] = tuple(
        lambda path=path: root.look(f"/panel/{path}")  # type: ignore[misc]
        for path in ("web", "domains", "users", "messages", "settings")
    )
    assert all(len(look()) < 200_000 for look in looks)
