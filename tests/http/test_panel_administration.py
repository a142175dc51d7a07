"""The panel's pages for administrators, and that nobody else sees them."""

from __future__ import annotations

import re
from html import escape, unescape
from typing import Any

import pytest

from mailhub.core.aliases import Alias
from mailhub.http.panel.users import quota, words
from mailhub.model.account import Role
from mailhub.model.errors import Invalid, Unavailable
from mailhub.model.queue import QueueFilter
from mailhub.model.settings_system import SystemSettings
from tests.http.browsing import Site
from tests.http.visiting import Browser, foreign
from tests.queue_bench import LATER, bench
from tests.support import run
from tests.world import ACTOR, PASSWORD, world

pytestmark = pytest.mark.thorough

ROOT = "root@example.org"
JOE = "joe@example.org"
PAGES = tuple(
    f"/panel/{name}"
    for name in ("status", "users", "aliases", "dns", "certificates", "queue", "backup")
)
XSS = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


@pytest.fixture
def site() -> Site:
    here = world()
    here.account(ROOT, role=Role.ADMIN)
    return Site(world=here)


@pytest.fixture
def root(site: Site) -> Browser:
    made = Browser(site)
    made.sign_in(ROOT, PASSWORD)
    return made


def test_they_are_for_administrators_alone(site: Site) -> None:
    joe = Browser(site)
    joe.sign_in(JOE, PASSWORD)
    id, other = site.world.people[JOE].id, site.world.people[ROOT].id
    for path in (*PAGES, f"/panel/users/{id}", f"/panel/users/{other}", "/panel/queue/1"):
        assert "/panel/users" not in joe.look("/panel/")
        joe.look(path)
        assert joe.status == 403, path
    proof = re.search(r'name="csrf" value="(\w+)"', joe.look("/panel/"))
    assert proof is not None
    for path in (
        "/panel/users",
        f"/panel/users/{id}",
        f"/panel/users/{other}/password",
        f"/panel/users/{id}/sign-out",
        f"/panel/users/{other}/remove",
        "/panel/aliases",
        "/panel/aliases/remove",
        "/panel/dns",
        "/panel/dns/remove",
        "/panel/certificates",
        "/panel/certificates/request",
        "/panel/certificates/provision",
        "/panel/queue/1",
        "/panel/backup",
        "/panel/backup/run",
    ):
        assert joe.post(path, {"csrf": proof[1], "password": "x", "admin": "1"}).status == 403, path
    assert not site.parts.backups._picture.taken  # type: ignore[attr-defined]


# -- accounts


def test_an_account_comes_changes_and_leaves(site: Site, root: Browser) -> None:
    root.look("/panel/users")
    fields = {"address": "Ann@example.org ", "name": XSS, "password": "a long one", "quota": "2G"}
    page = root.send("/panel/users", **fields)
    assert "<h1>ann@example.org</h1>" in page
    assert XSS not in page
    assert escape(XSS, quote=True) in page.replace("&#34;", "&quot;").replace("&#39;", "&#x27;")
    path = root.path
    assert 'value="2G"' in page

    page = root.send(path, name="Ann", quota="", disabled="1")
    assert 'name="disabled" value="1" checked' in page
    assert "Wrong name or password" in Browser(site).sign_in("ann@example.org", "a long one")
    root.send(path, name="Ann", quota="1M", admin="1")
    assert "Accounts</a>" in Browser(site).sign_in("ann@example.org", "a long one")
    page = root.send(f"{path}/password", password="another long one")
    assert "was changed" in page
    ann = Browser(site)
    ann.sign_in("ann@example.org", "another long one")
    assert ann.path == "/panel/"
    assert "Every session ended" in root.send(f"{path}/sign-out")
    ann.look("/panel/")
    assert ann.path == "/panel/sign-in"

    assert "to be sure" in root.send(f"{path}/remove", address="joe@example.org")
    assert root.status == 400
    root.send(f"{path}/remove", address="ann@example.org")
    assert root.path == "/panel/users"
    assert "ann@example.org" not in root.page


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"address": JOE, "password": "a long one"}, "taken"),
        ({"address": "joe", "password": "a long one"}, "whole address"),
        ({"address": "a b@example.org", "password": "a long one"}, "address"),
        ({"address": "x@example.org", "password": ""}, "needed"),
        ({"address": "x@example.org", "password": "a long one", "quota": "much"}, "quota"),
    ],
)
def test_an_account_that_cannot_be(root: Browser, fields: dict[str, str], text: str) -> None:
    root.look("/panel/users")
    page = root.send("/panel/users", **fields)
    assert root.status == 400
    assert 'role="alert"' in page
    assert text in page
    assert f'value="{fields["address"]}"' in page, "what was typed is still there"


def test_nobody_shuts_out_the_last_administrator(site: Site, root: Browser) -> None:
    path = f"/panel/users/{site.world.people[ROOT].id}"
    root.look(path)
    assert "yourself" in root.send(path, name="", disabled="1", admin="1")
    assert "last administrator" in root.send(path, name="")
    assert "last administrator" in root.send(f"{path}/remove", address=ROOT)
    root.look("/panel/users")
    assert root.status == 200


def test_accounts_are_found_and_turned_over(site: Site, root: Browser) -> None:
    for number in range(60):
        site.world.account(f"user{number:02}@example.org")
    page = root.look("/panel/users")
    assert "62 accounts" in page
    (more,) = re.findall(r'href="(/panel/users\?after=\d+)"', page)
    last = root.look(more)
    assert "user59@" in last
    assert "user10@" not in last
    assert "user07@" in root.look("/panel/users?query=user07")
    assert "<p>1 account</p>" in root.page
    assert root.look("/panel/users?after=x&query=%22%3E%3Cb%3E").count("<b>") == 0


@pytest.mark.parametrize(
    ("text", "octets"),
    [("", 0), ("0", 0), ("2G", 2 << 30), ("1 MiB", 1 << 20), ("5kb", 5 << 10), ("77", 77)],
)
def test_quotas(text: str, octets: int) -> None:
    assert quota(text) == octets
    assert quota(words(octets)) == octets


@pytest.mark.parametrize("text", ["-1", "1.5G", "G", "1P", "9" * 13, "1G1"])
def test_what_is_no_quota(text: str) -> None:
    with pytest.raises(Invalid):
        quota(text)


# -- how it does


def test_the_status_says_what_to_do(root: Browser) -> None:
    page = root.look("/panel/status")
    assert "<h2>System</h2>" in page
    assert 'class="error"' in page or 'class="warning"' in page
    assert "<strong>Set it to mx.example.org where you have the address from.</strong>" in page
    assert "<code>example.org. IN MX 10 mx.example.org.</code>" in unescape(page)


def test_one_chapter_is_looked_at_anew(root: Browser) -> None:
    assert "has no address in the DNS" in root.look("/panel/status")
    root.site.world.resolver.set("mx.example.org", "A", ["192.0.2.25"])
    assert "has no address in the DNS" in root.look("/panel/status"), "it is known for a while"
    page = root.send("/panel/status", title="mx.example.org")
    assert root.path == "/panel/status"
    assert "mx.example.org resolves to 192.0.2.25" in page
    root.send("/panel/status", title="nobody.example")
    assert root.status == 200


def test_many_domains_are_many_pages(root: Browser) -> None:
    aliases = root.site.parts.administration.aliases
    for number in range(45):
        alias = Alias(f"x@d{number:02}.example", (JOE,))
        run(aliases.put(alias, ACTOR, update=False))
    titles: list[str] = []
    page = root.look("/panel/status")
    while True:
        titles += re.findall(r"<h2>(d\d\d\.example)</h2>", page)
        assert len(page) < 200_000
        more = re.search(r'href="(/panel/status\?after=[^"]+)"', page)
        if more is None:
            break
        page = root.look(unescape(more[1]))
    assert titles == [f"d{number:02}.example" for number in range(45)]
    assert "<h2>d00.example</h2>" in root.look("/panel/status?wrong=1")


def test_changes_since_the_last_mail_are_told(root: Browser) -> None:
    parts: Any = root.site.parts.administration.checkup
    assert "since the last mail" not in root.look("/panel/status")
    parts._means.memory.write({"known": {"System": {"disk": ["error", "The disk is full."]}}})
    page = root.look("/panel/status")
    assert "since the last mail" in page
    assert "System: The disk has" in page


def test_the_machine_is_upgraded_and_rebooted_where_that_is_allowed(root: Browser) -> None:
    page = root.look("/panel/status")
    assert 'value="upgrade"' not in page
    assert 'value="reboot"' not in page
    csrf = re.search(r'name="csrf" value="([^"]+)"', page)
    assert csrf
    root.post("/panel/status/machine", {"csrf": csrf[1], "act": "upgrade"})
    assert (root.status, "system.packages" in root.page) == (400, True)
    root.post("/panel/status/machine", {"csrf": csrf[1], "act": "dance"})
    assert root.status == 404
    root.look("/panel/status")
    assert 'value="private"' in root.send("/panel/status/machine", act="asked")
    assert 'value="asked"' in root.send("/panel/status/machine", act="private")
    parts: Any = root.site.parts.administration.system
    parts._settings = SystemSettings(packages=True, reboot=True)
    root.site.machine.marked = True
    root.look("/panel/status")
    assert "Calculating upgrade" in root.send("/panel/status/machine", act="upgrade")
    root.send("/panel/status/machine", act="reboot")
    assert root.site.machine.done == ["upgrade", "reboot"]


def test_certificates_are_shown_asked_for_and_installed(root: Browser) -> None:
    page = root.look("/panel/certificates")
    assert "mx.example.org" in page or "example.org" in page
    page = root.send("/panel/certificates/request", domain="mail.example.org", country="AT")
    assert "-----BEGIN CERTIFICATE REQUEST-----" in page
    root.send("/panel/certificates/request", domain="mail.example.org", country="Austria")
    assert root.status == 400
    page = root.send("/panel/certificates", domain="mail.example.org", certificate=XSS)
    assert root.status == 400
    assert XSS not in page


# -- aliases


def test_aliases_come_change_and_go(root: Browser) -> None:
    root.look("/panel/aliases")
    page = root.send("/panel/aliases", address="Info@example.org", targets=f"{JOE}\nfar@away.test")
    assert "info@example.org" in page
    assert f"<td>far@away.test, {JOE}</td>" in page or f"<td>{JOE}, far@away.test</td>" in page
    fields = {"address": "info@example.org", "targets": JOE}
    assert "exists" in root.send("/panel/aliases", **fields)
    assert root.status == 400
    page = root.send("/panel/aliases", **fields, update="1")
    assert f"<td>{JOE}</td>" in page
    assert "far@away.test" not in root.look("/panel/aliases?query=info")
    for fields in ({"address": "x"}, {"address": "x@example.org"}, {"address": "", "targets": JOE}):
        root.send("/panel/aliases", **fields)
        assert root.status == 400
    root.look("/panel/aliases?query=info")
    root.send("/panel/aliases/remove", address="info@example.org")
    assert "info@example.org" not in root.look("/panel/aliases")


# -- names


def test_zones_are_explained_and_added_to(root: Browser) -> None:
    page = root.look("/panel/dns")
    (zone,) = re.findall(r'href="/panel/dns/zones/(example\.org)"', page)
    page = root.look(f"/panel/dns/zones/{zone}")
    assert "v=spf1" in page
    assert "Required." in page
    root.look("/panel/dns")
    page = root.send("/panel/dns", name=f"www2.{zone}", kind="a", value="192.0.2.9")
    assert "<td>192.0.2.9</td>" in page
    for fields in (
        {"name": "www.elsewhere.test", "kind": "A", "value": "192.0.2.9"},
        {"name": f"x.{zone}", "kind": "A", "value": XSS},
        {"name": XSS, "kind": XSS, "value": XSS},
    ):
        page = root.send("/panel/dns", **fields)
        assert root.status == 400
        assert XSS not in page
    root.look("/panel/dns")
    assert "192.0.2.9" not in root.send("/panel/dns/remove")
    root.look("/panel/dns/zones/elsewhere.test")
    assert root.status == 404


# -- the queue


def test_the_queue_is_seen_and_acted_on() -> None:
    house = bench()
    house.outbound.says["away.test"] = [LATER]
    house.submit("far@away.test", "other@away.test")
    here = house.world
    here.queue = house.queue
    here.account(ROOT, role=Role.ADMIN)
    root = Browser(Site(world=here))
    root.sign_in(ROOT, PASSWORD)
    page = root.look("/panel/queue")
    assert "2 recipients wait" in page
    assert "1 recipient waits" in root.look("/panel/queue?query=other@")
    (path,) = re.findall(r'href="(/panel/queue/\d+)"', root.page)
    root.look(path)
    assert LATER.text in root.page, "what the server said"
    assert "on hold" in root.send(path, act="hold")
    [held], _ = run(here.queue.page(QueueFilter(held=True)))
    assert held.recipient == "other@away.test"
    assert "on hold" not in root.send(path, act="release")
    root.send(path, act="retry")
    assert root.path == path
    root.send(path, act="nonsense")
    assert root.status == 404
    root.look(path)
    root.send(path, act="discard")
    assert "1 recipient waits" in root.page
    root.look(path)
    assert root.status == 404
    root.look("/panel/queue/99999999999999999999")
    assert root.status == 404


# -- backups


def test_backups_are_made_and_aimed(site: Site, root: Browser) -> None:
    root.look("/panel/backup")
    assert "none yet" in root.page
    page = root.send("/panel/backup/run")
    assert re.search(r"<code>[0-9a-f]{8}</code>", page)
    assert "read again" not in page
    run(site.backups.verify())
    assert "They were read again: 2027-" in root.look("/panel/backup")
    parts: Any = site.backups
    parts._repository.problem = Unavailable("pack aa: does not exist")
    with pytest.raises(Unavailable):
        run(site.backups.verify())
    parts._repository.problem = None
    assert "pack aa: does not exist" in root.look("/panel/backup")
    page = root.send("/panel/backup", address="sftp://me@far/x", keep="7", secret="hidden one")
    assert "ssh-ed25519 AAAA" in page
    assert 'value="7"' in page
    assert "hidden one" not in page
    root.send("/panel/backup", address="nonsense", keep="7")
    assert root.status == 400
    assert root.look("/panel/backup").count("sftp://me@far/x") >= 1
    root.send("/panel/backup", address="off", keep="x")
    assert root.status == 400
    parts._running = True
    assert "A backup is being made" in root.send("/panel/backup/run")
    assert root.status == 409
    parts._running = False
    root.send("/panel/backup", address="off", keep="7")
    assert "Make one now" not in root.page


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_small_and_its_scripts_are_files_of_ours(root: Browser, path: str) -> None:
    page = root.look(path)
    assert len(page) < 200_000
    assert not foreign(page)
    assert page.count('aria-current="page"') == 1
