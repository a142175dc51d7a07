"""Web sites: which name shows what, hostile paths, conditions and ranges, servers behind us."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.core.websites import Websites
from mailhub.http.call import Answer, Call
from mailhub.http.connection import headers_of
from mailhub.http.web.behind import address
from mailhub.http.web.found import Found, said
from mailhub.http.web.pages import Pages, media_type
from mailhub.http.web.sites import Sites, parts, proxied
from mailhub.model.envelope import Peer
from mailhub.model.errors import MailhubError, NotFound
from mailhub.model.settings_sites import SiteSettings, SitesSettings
from mailhub.model.website import Proxy, SiteKind
from mailhub.model.zone import CustomRecord
from mailhub.net.sitefiles import FolderOfSites, SiteFiles
from tests.certified import certify
from tests.support import run
from tests.world import ACTOR, HOSTNAME, PEER, SECURE_PEER, world

PAGE = b"<h1>Hello</h1>\n"
LARGE = bytes(range(256)) * 1000
SECRET = b"nobody reads this"


async def inline(work: Callable[[], Any]) -> Any:
    return work()


class Browser:
    """Sites whose files are in a folder. `peer`: how it is connected."""

    def __init__(self, folder: Path, *own: SiteSettings, peer: Peer = SECURE_PEER) -> None:
        here = self.world = world(people=())
        for name in ("example.org", "example.net"):
            run(here.domains.ensure(name, ACTOR))
        settings = SitesSettings()
        papers = certify(here)
        self.websites = Websites(papers.hosted, FolderOfSites(folder), here.clock, settings, own)
        found = Found(papers.certificates, self.websites, papers.profiles)
        behind: Any = None
        pages = Pages(SiteFiles(inline))
        self.sites = Sites(self.websites, found, pages, behind, https=True)
        self.folder, self.peer, self.papers = folder, peer, papers

    def ask(
        self,
        path: str,
        host: str = "example.org",
        method: str = "GET",
        body: bytes = b"",
        **given: str,
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body."""
        headers = {"host": [host], **{k.replace("_", "-"): [v] for k, v in given.items()}}
        path, _, query = path.partition("?")
        call = Call(method, path, self.peer, query=query, headers=headers, body=body)
        try:
            answer = run(self.sites.answer(call))
        except MailhubError as error:
            answer = said(error)
        return answer.status, dict(headers_of(answer)), run(whole(answer, method))

    def write(self, path: str, data: bytes = PAGE) -> Path:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        return file


async def whole(answer: Answer, method: str) -> bytes:
    """The body as it goes out; the stream is closed, read or not."""
    if answer.stream is None:
        return answer.body if method != "HEAD" else b""
    data = b""
    if method != "HEAD":
        data = b"".join([piece async for piece in answer.stream])
        assert len(data) == answer.length
    await answer.stream.aclose()  # type: ignore[attr-defined]
    return data


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    made = Browser(tmp_path / "www")
    made.write("example.org/index.html")
    made.write("example.org/a/b.txt", b"0123456789")
    made.write("example.org/a/index.html")
    made.write("example.org/.git/config", SECRET)
    made.write("example.org/.htpasswd", SECRET)
    made.write("example.org/.well-known/security.txt", b"Contact: x")
    made.write("example.org/with space & more.html")
    made.write("default/index.html", b"default")
    made.write("secret.txt", SECRET)
    made.write("example.org/large.bin", LARGE)
    (tmp_path / "outside.txt").write_bytes(SECRET)
    (made.folder / "example.org/link.txt").symlink_to(tmp_path / "outside.txt")
    (made.folder / "example.org/linked").symlink_to(tmp_path)
    (made.folder / "example.org/empty").mkdir()
    os.mkfifo(made.folder / "example.org/pipe")
    return made


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/", PAGE),
        ("/index.html", PAGE),
        ("/a/", PAGE),
        ("/a/b.txt", b"0123456789"),
        ("/a/b.txt?x=../../secret", b"0123456789"),
        ("/with space & more.html", PAGE),
        ("/large.bin", LARGE),
        ("/.well-known/security.txt", b"Contact: x"),
    ],
)
def test_files_are_shown(browser: Browser, path: str, body: bytes) -> None:
    status, headers, shown = browser.ask(path)
    assert (status, shown) == (200, body)
    assert headers["Content-Length"] == str(len(body))
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Content-Security-Policy" not in headers
    assert headers["Strict-Transport-Security"] == "max-age=15768000"
    status, headers, shown = browser.ask(path, method="HEAD")
    assert (status, headers["Content-Length"]) == (200, str(len(body)))


HOSTILE = (
    "/../secret.txt",
    "/a/../../secret.txt",
    "/a/../index.html",
    "/./index.html",
    "/..",
    "//",
    "//index.html",
    "/a//b.txt",
    "/a/b.txt/",
    "/index.html/",
    "/index.html/x",
    "/.git/config",
    "/.git/",
    "/a/.hidden",
    "/.htpasswd",
    "/.well-known/../.htpasswd",
    "/a/.well-known/x",
    "/link.txt",
    "/linked/outside.txt",
    "/linked/",
    "/pipe",
    "/empty/",
    "/..\\secret.txt",
    "/a\\b.txt",
    "/a/b.txt\x00.html",
    "/a/\nb",
    "/%2e%2e/secret.txt",
    "/" + "a/" * 100,
    "/" + "x" * 300,
    "/" + "\u00e9" * 200,
    "/nothing",
    "/C:/x",
    "/~root",
)
"""As they are after one decoding, which is all there is."""


@pytest.mark.parametrize("path", HOSTILE)
def test_no_path_leads_out(browser: Browser, path: str) -> None:
    before = set(os.listdir("/proc/self/fd"))
    status, _, shown = browser.ask(path)
    assert status == 404
    assert SECRET not in shown
    assert set(os.listdir("/proc/self/fd")) == before


@settings(max_examples=50)
@given(st.text(st.sampled_from("/.%\\a~:\x00\n\u00e9 "), max_size=30))
def test_the_parts_of_a_path_are_names(path: str) -> None:
    try:
        names, _ = parts("/" + path)
    except NotFound:
        return
    for place, name in enumerate(names):
        assert name not in ("", ".", "..")
        assert name[0] != "." or (place == 0 and name == ".well-known")
        assert not set(name) & set("/\\\x00\n")


def test_no_descriptor_is_left_behind(browser: Browser) -> None:
    before = set(os.listdir("/proc/self/fd"))
    for method in ("GET", "HEAD"):
        for path in ("/a/b.txt", "/a", "/a/", "/large.bin"):
            browser.ask(path, method=method)
            browser.ask(path, method=method, range="bytes=999999-")
            _, headers, _ = browser.ask(path, method=method)
            browser.ask(path, method=method, if_none_match=headers.get("ETag", "x"))
    assert set(os.listdir("/proc/self/fd")) == before


def test_a_folder_is_led_to_its_slash(browser: Browser) -> None:
    status, headers, _ = browser.ask("/a?x=1")
    assert (status, headers["Location"]) == (301, "/a/?x=1")


@pytest.mark.parametrize(
    ("given", "status", "body"),
    [
        ({"range": "bytes=0-3"}, 206, b"0123"),
        ({"range": "bytes=4-"}, 206, b"456789"),
        ({"range": "bytes=-2"}, 206, b"89"),
        ({"range": "bytes=-99"}, 206, b"0123456789"),
        ({"range": "bytes=8-99"}, 206, b"89"),
        ({"range": "bytes=10-"}, 416, b""),
        ({"range": "bytes=-0"}, 416, b""),
        ({"range": "bytes=3-2"}, 200, b"0123456789"),
        ({"range": "bytes=0-1,3-4"}, 200, b"0123456789"),
        ({"range": "lines=0-1"}, 200, b"0123456789"),
        ({"range": "bytes=" + "9" * 30 + "-"}, 200, b"0123456789"),
        ({"range": "bytes=0-3", "if_range": '"other"'}, 200, b"0123456789"),
        ({"if_none_match": '"other", "another"'}, 200, b"0123456789"),
        ({"if_modified_since": "Thu, 01 Jan 1970 00:00:00 GMT"}, 200, b"0123456789"),
        ({"if_modified_since": "yesterday"}, 200, b"0123456789"),
        ({"if_modified_since": "Thu, 01 Jan 2099 00:00:00 GMT"}, 304, b""),
        ({"if_none_match": "*"}, 304, b""),
    ],
)
def test_parts_and_conditions(
    browser: Browser, given: dict[str, str], status: int, body: bytes
) -> None:
    found, headers, shown = browser.ask("/a/b.txt", **given)
    assert (found, shown) == (status, body)
    if status == 206:
        end = 9 if given["range"] != "bytes=0-3" else 3
        assert headers["Content-Range"] == f"bytes {10 - len(body) if end == 9 else 0}-{end}/10"
    if status == 416:
        assert headers["Content-Range"] == "bytes */10"


def test_what_the_browser_has_is_not_sent_again(browser: Browser) -> None:
    _, headers, _ = browser.ask("/a/b.txt")
    tag, modified = headers["ETag"], headers["Last-Modified"]
    for asked in ({"if_none_match": f'W/{tag}, "x"'}, {"if_modified_since": modified}):
        status, again, shown = browser.ask("/a/b.txt", **asked)
        assert (status, shown) == (304, b"")
        assert again["ETag"] == tag
        assert "Content-Length" not in again
    assert browser.ask("/a/b.txt", range="bytes=0-0", if_range=tag)[0] == 206
    assert browser.ask("/a/b.txt", range="bytes=0-0", if_range=modified)[0] == 206
    browser.write("example.org/a/b.txt", b"changed!!!")
    os.utime(browser.folder / "example.org/a/b.txt", (1, 1))
    assert browser.ask("/a/b.txt", if_none_match=tag)[0] == 200


@pytest.mark.parametrize(
    ("name", "type"),
    [
        ("a.html", "text/html; charset=utf-8"),
        ("a.css", "text/css; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.svg", "image/svg+xml"),
        ("a.woff2", "font/woff2"),
        ("a.tar.gz", "application/gzip"),
        ("a.html.gz", "application/gzip"),
        ("a.unknown", "application/octet-stream"),
        ("README", "application/octet-stream"),
    ],
)
def test_types(name: str, type: str) -> None:
    assert media_type(name) == type


def test_other_methods_are_refused(browser: Browser) -> None:
    status, headers, _ = browser.ask("/", method="POST")
    assert (status, headers["Allow"]) == (405, "GET, HEAD")


def test_the_name_decides(browser: Browser) -> None:
    assert browser.ask("/", "example.net")[2] == b"default"
    assert browser.ask("/", "EXAMPLE.ORG.:443")[2] == PAGE
    assert browser.ask("/", HOSTNAME)[2] == b"default"
    assert browser.ask("/", "stranger.example")[2] == b"default"
    for name in ("../example.org", ".", "example.org/..", "[::1]", ""):
        assert browser.ask("/", name)[2] == b"default"
    status, headers, _ = browser.ask("/x?y=1", "www.example.net")
    assert (status, headers["Location"]) == (301, "https://example.net/x?y=1")
    for kind in ("autoconfig", "autodiscover", "mta-sts"):
        assert browser.ask("/", f"{kind}.example.org")[0] == 404


def test_a_site_that_is_elsewhere_is_not_shown(browser: Browser) -> None:
    custom = CustomRecord("example.org", "A", "203.0.113.9")
    run(browser.world.store.zones.add(custom, 9, ACTOR))
    browser.world.clock.advance(5)
    assert run(browser.websites.get("example.org")) is None


def test_without_files_there_is_nothing(tmp_path: Path) -> None:
    empty = Browser(tmp_path / "none")
    assert empty.ask("/")[0] == 404
    assert empty.ask("/", "stranger.example")[0] == 404
    (site,) = [one for one in run(empty.websites.all()) if one.name == "example.org"]
    assert (site.root, site.custom_root) == ("", str(tmp_path / "none" / "example.org"))


def test_visitors_come_by_https(tmp_path: Path) -> None:
    browser = Browser(tmp_path, peer=PEER)
    browser.write("example.org/index.html")
    status, headers, _ = browser.ask("/a%20b?x=1".replace("%20", " "))
    assert (status, headers["Location"]) == (301, "https://example.org/a%20b?x=1")
    assert "Strict-Transport-Security" not in headers
    run(browser.papers.certificates._notes.put([("tok", "proof")], 1 << 40))
    assert browser.ask("/.well-known/acme-challenge/tok")[2] == b"proof"
    assert browser.ask("/.well-known/acme-challenge/tok", "unknown.example")[2] == b"proof"
    assert browser.ask("/.well-known/acme-challenge/other")[0] == 404


def test_what_stands_in_front_of_files(tmp_path: Path) -> None:
    (tmp_path / "share").mkdir()
    (tmp_path / "share" / "x.txt").write_bytes(b"shared")
    own = SiteSettings(
        domain="example.org",
        hsts="preload",
        redirects=(("^/old/(.*)$", "https://new.example/$1?from=old"), ("/gone", "/")),
        aliases=(("/files/", str(tmp_path / "share")), ("/files/deep/", str(tmp_path / "www"))),
    )
    browser = Browser(tmp_path / "www", own, SiteSettings(domain="example.net", hsts="no"))
    browser.write("example.org/index.html")
    browser.write("example.net/index.html")
    status, headers, _ = browser.ask("/old/a b/c")
    assert (status, headers["Location"]) == (301, "https://new.example/a%20b/c?from=old")
    assert headers["Strict-Transport-Security"] == ("max-age=15768000; includeSubDomains; preload")
    assert "\r" not in browser.ask("/old/a")[1]["Location"]
    assert browser.ask("/gone")[1]["Location"] == "/"
    assert browser.ask("/files/x.txt")[2] == b"shared"
    assert browser.ask("/files/../x.txt")[0] == 404
    assert browser.ask("/files/deep/example.org/index.html")[2] == PAGE
    assert browser.ask("/")[2] == PAGE
    assert "Strict-Transport-Security" not in browser.ask("/", "example.net")[1]


def test_programs_find_the_servers(browser: Browser) -> None:
    for name in ("example.org", "autoconfig.example.org"):
        for path in ("/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml"):
            status, headers, shown = browser.ask(path, name)
            assert (status, headers["Content-Type"]) == (200, "text/xml; charset=utf-8")
            assert b'<emailProvider id="example.org">' in shown
            assert f"<hostname>{HOSTNAME}</hostname><port>993</port>".encode() in shown
    assert browser.ask("/mail/config-v1.1.xml", "stranger.example")[0] == 404
    asked = b"<Autodiscover><Request><EMailAddress>a&amp;b@example.org</EMailAddress></Request>"
    status, _, shown = browser.ask(
        "/autodiscover/autodiscover.xml", "autodiscover.example.org", "POST", asked
    )
    assert status == 200
    assert b"<LoginName>a&amp;b@example.org</LoginName>" in shown
    status, headers, _ = browser.ask("/autodiscover/autodiscover.xml")
    assert (status, headers["Allow"]) == (405, "POST")
    hostile = b"<EMailAddress>&lt;x/&gt;</EMailAddress>"
    shown = browser.ask("/autodiscover/autodiscover.xml", method="POST", body=hostile)[2]
    assert b"<x/>" not in shown
    status, headers, shown = browser.ask("/mail.mobileconfig")
    assert headers["Content-Type"] == "application/x-apple-aspen-config"
    assert b"IncomingMailServerHostName" in shown
    assert b"<key>IncomingPassword</key>" not in shown


def test_the_policy_of_mta_sts_has_a_name_of_its_own(browser: Browser) -> None:
    path = "/.well-known/mta-sts.txt"
    status, headers, shown = browser.ask(path, "mta-sts.example.org")
    assert (status, headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert shown.splitlines()[:3] == [b"version: STSv1", b"mode: enforce", b"mx: mx.example.org"]
    assert browser.ask(path, "example.org")[0] == 404


def test_the_longest_path_is_asked_behind(tmp_path: Path) -> None:
    own = SiteSettings(
        domain="example.org",
        proxies=(
            ("/app", "http://127.0.0.1:3000/x"),
            ("/app/api/", "http://127.0.0.1:4000/", "pass-http-host"),
        ),
    )
    site = run(Browser(tmp_path, own).websites.get("example.org"))
    assert site is not None
    assert site.has_files
    found = {path: proxied(site, path) for path in ("/app", "/app/y", "/app/api/z", "/apple")}
    urls = {path: address(_call(path), one) for path, one in found.items() if one is not None}
    assert urls == {
        "/app": "http://127.0.0.1:3000/x",
        "/app/y": "http://127.0.0.1:3000/x/y",
        "/app/api/z": "http://127.0.0.1:4000/z",
    }
    whole_site = replace(site, proxies=(Proxy("/", "http://127.0.0.1:1024/"),))
    assert not whole_site.has_files
    assert site.kind is SiteKind.STATIC


def _call(path: str) -> Call:
    return Call("GET", path, PEER, headers={"host": ["example.org"]})
