"""Mail between servers, where each says what it found: three mailhubs and a Postfix, with the zones
that `mailhub domain dns` prints.

a.test writes, b.test forwards, c.test receives; each sends from an address of its own. Postfix
stands before a fourth door of c.test, as a relay that knows nothing of signatures.
"""

from __future__ import annotations

import imaplib
import re
import smtplib
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pytest

from mailhub.policy import authres
from mailhub.policy.authres import Result
from tests.dns import DNSServer, Fault
from tests.live.conftest import User
from tests.live.outgoing import PASSWORD, QUEUE, trusting
from tests.live.peers import (
    ROOT,
    Postfix,
    answers,
    new_address,
    open_folder,
    parsed,
    running,
    until,
)
from tests.live.server import PLAIN, Server
from tests.live.stall import no_stall
from tests.live.verifiers import opendkim, perl

pytestmark = [pytest.mark.live, ROOT]
FILTERS = "127.0.0.2"
"""Where programs of the server's own speak from."""
SETTINGS = """
{plain}
[queue]
{queue}
srs_domain = "{domain}"

[resolver]
servers = ["{dns}"]

[sender]
away = 1
connect_timeout = 5

[policy]
exempt_networks = ["{filters}"]
deadline = 3
{policy}

[[listener]]
service = "smtp"
endpoint = "tcp:25:interface={address}"
tls = "none"
"""
TEXT = (
    "From: Ada <ada@a.test>\r\nTo: {to}\r\nSubject: {subject}\r\n"
    "Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{subject}@a.test>\r\n\r\n"
    "Signed  words, \t with spaces \r\n\r\n"
)


@dataclass
class Site:
    """A domain with its server; `address` is where it takes mail and where it sends from."""

    domain: str
    server: Server
    address: str

    def user(self, name: str) -> str:
        return f"{name}@{self.domain}"

    def submit(self, message: str, recipient: str) -> None:
        port = self.server.port("submission", "starttls")
        with smtplib.SMTP("127.0.0.1", port, timeout=20) as smtp:
            smtp.login(self.user("ada"), PASSWORD)
            smtp.sendmail(self.user("ada"), [recipient], message.encode())

    def box(self, name: str = "INBOX") -> list[tuple[bytes, bytes]]:
        """(flags, message) of everything in a mailbox of ada."""
        port = self.server.port("imap", "implicit")
        with imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=trusting(), timeout=20) as imap:
            imap.login(self.user("ada"), PASSWORD)
            imap.select(name)
            _, answer = imap.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[])")
        return [(one[0], one[1]) for one in answer if isinstance(one, tuple)]

    def about(self, subject: str, name: str = "INBOX", seconds: float = 20.0) -> bytes:
        """The message with this word in its subject."""
        found: list[bytes] = []

        def look() -> bool:
            found[:] = [
                one for _, one in self.box(name) if parsed(one)["Subject"].endswith(subject)
            ]
            return bool(found)

        assert until(look, seconds), self.server.log.read_text()[-4000:]
        return found[0]


@dataclass
class Web:
    a: Site
    b: Site
    c: Site
    post: Postfix
    dns: DNSServer


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with ExitStack() as stack:
        dns = stack.enter_context(DNSServer({"test": '@ IN TXT "no policy"\n'}))
        sites = {}
        policies = {"c.test": 'arc_sealers = ["b.test"]'}
        for domain in ("a.test", "b.test", "c.test"):
            folder = stack.enter_context(open_folder())
            site = site_of(folder, domain, dns.address, policies.get(domain, ""))
            stack.callback(site.server.kill)
            site.server.start()
            assert until(lambda site=site: answers(site.address))  # type: ignore[misc]
            prepare(site, dns)
            sites[domain] = site
        c = sites["c.test"]
        folder = stack.enter_context(open_folder())
        post = Postfix(folder, "far.test", f"relay_domains = c.test\nrelayhost = [{c.address}]\n")
        dns.load("far.test", post.zone)
        stack.enter_context(running(post))
        yield Web(sites["a.test"], sites["b.test"], c, post, dns)


def site_of(folder: Path, domain: str, dns: str, policy: str) -> Site:
    address = new_address()
    queue = "\n".join(f"{key} = {value}" for key, value in QUEUE.items())
    text = SETTINGS.format(
        plain=PLAIN,
        queue=queue,
        dns=dns,
        domain=domain,
        address=address,
        filters=FILTERS,
        policy=policy,
    )
    server = Server(folder, text, hostname=f"mx.{domain}")
    return Site(domain, server, address)


def prepare(site: Site, dns: DNSServer) -> None:
    """Its people, its keys, and the zone that it asks for; a.test wants forged mail refused."""
    server = site.server
    server.add_domain(site.domain)
    server.add_user(site.user("ada"), PASSWORD)
    server.command("routes", "add", "*", "--source", site.address)
    server.command("dkim", "activate", site.domain)
    zone = server.command("domain", "dns", site.domain).stdout
    if site.domain == "a.test":
        zone = zone.replace("p=quarantine", "p=reject")
    reverse = ".".join(reversed(site.address.split(".")))
    dns.load(site.domain, f"{zone}\nmx IN A {site.address}\n")
    dns.load(f"{reverse}.in-addr.arpa", f"@ IN PTR mx.{site.domain}.\n")


def results(message: bytes, host: str = "mx.c.test") -> Mapping[str, list[Result]]:
    """What the server of that name found, by method."""
    fields = parsed(message).get_all("Authentication-Results", [])
    (ours,) = [one for one in map(str, fields) if one.startswith(host)]
    found: dict[str, list[Result]] = {}
    for one in authres.parse(ours.encode()).results:
        found.setdefault(one.method, []).append(one)
    return found


def told(message: bytes, host: str = "mx.c.test") -> Mapping[str, list[str]]:
    return {name: [one.result for one in some] for name, some in results(message, host).items()}


def send(source: str, to: Site, message: bytes, sender: str) -> None:
    """From another server's address. Raises SMTPDataError."""
    with smtplib.SMTP(to.address, 25, "client.test", 20, (source, 0)) as smtp:
        smtp.sendmail(sender, [to.user("ada")], message)


def text(subject: str, to: str = "ada@c.test") -> str:
    return TEXT.format(to=to, subject=subject)


PASSES = {
    "spf": ["pass", "none"],
    "iprev": ["pass"],
    "dkim": ["pass", "pass"],
    "arc": ["none"],
    "dmarc": ["pass"],
}


def test_everything_passes_between_two_servers(web: Web) -> None:
    web.a.submit(text("straight"), "ada@c.test")
    message = web.c.about("straight")
    assert told(message) == PASSES
    found = results(message)
    assert [one.get("header.a") for one in found["dkim"]] == ["rsa-sha256", "ed25519-sha256"]
    assert found["spf"][0].get("smtp.mailfrom") == "ada@a.test"
    assert found["iprev"][0].get("policy.iprev") == web.a.address
    assert found["dmarc"][0].get("header.from") == "a.test"


def test_a_relay_between_breaks_spf_and_no_signature(web: Web) -> None:
    web.a.server.command("routes", "add", "c.test", "--host", web.post.address)
    try:
        web.a.submit(text("relayed"), "ada@c.test")
        message = web.c.about("relayed")
    finally:
        rows = web.a.server.command("routes", "list").stdout.splitlines()
        number = next(row.split()[0] for row in rows if "c.test" in row)
        web.a.server.command("routes", "del", number)
    assert b"by mx.far.test (Postfix)" in message
    found = told(message)
    assert found["spf"][0] == "fail"
    assert found["dkim"] == ["pass", "pass"]
    assert found["dmarc"] == ["pass"]


def test_a_forwarded_message_keeps_its_signatures_and_gets_a_seal_and_a_sender(web: Web) -> None:
    web.b.server.command("alias", "add", "away@b.test", "ada@c.test")
    web.a.submit(text("forwarded", "away@b.test"), "away@b.test")
    message = web.c.about("forwarded")
    found = results(message)
    assert told(message) == {**PASSES, "arc": ["pass"]}
    mailfrom = found["spf"][0].get("smtp.mailfrom")
    assert mailfrom.startswith("SRS0=")
    assert mailfrom.endswith("@b.test")
    mail = parsed(message)
    sealed = str(mail["ARC-Authentication-Results"])
    assert sealed.startswith("i=1; mx.b.test;")
    assert "dmarc=pass header.from=a.test" in " ".join(sealed.split())
    assert f"smtp.remote-ip={web.a.address}" in sealed
    assert "cv=none" in str(mail["ARC-Seal"])
    assert told(message, "mx.b.test") == PASSES


def keys(dns: DNSServer) -> Iterator[tuple[str, str]]:
    """Name and text of every key's record."""
    for zone in dns.zones.values():
        for name, _, found in zone.iterate_rdatas("TXT"):
            full = name.derelativize(zone.origin).to_text(omit_final_dot=True)
            if "._domainkey." in full:
                yield full, b"".join(found.strings).decode()


def forwarded_once(web: Web, subject: str) -> bytes:
    """A message as b.test sent it to c.test, without what c.test wrote on top."""
    web.b.server.command("alias", "add", f"{subject}@b.test", "ada@c.test")
    web.a.submit(text(subject, f"{subject}@b.test"), f"{subject}@b.test")
    message = web.c.about(subject)
    return message[message.index(b"ARC-Seal:") :]


def test_others_verify_what_was_signed_and_sealed(web: Web, tmp_path: Path) -> None:
    message = forwarded_once(web, "verified")
    zone = tmp_path / "zone"
    zone.write_text("".join(f"{name} {text}\n" for name, text in keys(web.dns)))
    assert perl("dkim", message, zone)[0] == "rsa-sha256 pass"
    assert perl("arc", message, zone)[0].startswith("pass")
    said = opendkim(message, zone)
    assert re.search(r"dkim=pass .*d=a.test .*a=rsa-sha256", said), said
    assert re.search(r"dkim=pass .*d=a.test .*a=ed25519-sha256", said), said


def test_a_subject_changed_behind_the_seal_breaks_all_and_is_refused(web: Web) -> None:
    message = forwarded_once(web, "changed")
    before = len(web.c.box())
    changed = message.replace(b"Subject: changed", b"Subject: [list] changed")
    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(web.b.address, web.c, changed, "ada@b.test")
    assert refused.value.smtp_code == 550
    assert refused.value.smtp_error.startswith(b"5.7.26 ")
    assert len(web.c.box()) == before

    def judged() -> bool:
        lines = web.c.server.log.read_text().splitlines()
        refused = [one for one in lines if '"verb":"judged"' in one and '"outcome":"reject"' in one]
        return bool(refused) and "dkim=fail dkim=fail arc=fail dmarc=reject" in refused[-1]

    assert until(judged)


def test_a_list_that_seals_what_it_changed_is_believed_by_who_knows_it(web: Web) -> None:
    """The list's software takes mail from a mailbox and hands it back from its own address, with
    our results in it, as any filter would."""
    web.a.submit(text("listed", "ada@b.test"), "ada@b.test")
    message = web.b.about("listed")
    message = message[message.index(b"Received:") :]
    changed = message.replace(b"Subject: listed", b"Subject: [list] listed")
    web.b.server.command("alias", "add", "members@b.test", "ada@c.test")
    with smtplib.SMTP(web.b.address, 25, "list.test", 20, (FILTERS, 0)) as smtp:
        smtp.sendmail("ada@b.test", ["members@b.test"], changed)
    arrived = web.c.about("listed")
    found = told(arrived)
    assert found["spf"][0] == "pass"
    assert found["dkim"] == ["fail", "fail"]
    assert found["arc"] == ["pass"]
    assert found["dmarc"] == ["fail"]
    (dmarc,) = results(arrived)["dmarc"]
    assert dmarc.get("policy.dmarc") == "none"
    assert "b.test" in dmarc.reason


def test_forged_mail_is_refused_or_junk_as_its_domain_asks(web: Web) -> None:
    stranger = new_address()
    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(stranger, web.c, text("forged").encode(), "x@evil.test")
    assert refused.value.smtp_error.startswith(b"5.7.26 ")
    assert b"DMARC" in refused.value.smtp_error
    milder = text("suspicious").replace("ada@a.test", "ada@b.test").encode()
    send(stranger, web.c, milder, "x@evil.test")
    assert told(web.c.about("suspicious", "Junk"))["dmarc"] == ["fail"]
    flags = [flags for flags, one in web.c.box("Junk") if b"suspicious" in one]
    assert b"$Junk" in flags[0]


def test_a_from_with_two_meanings_is_refused(web: Web) -> None:
    stranger = new_address()
    two = text("twice").replace("Ada <ada@a.test>", "a@a.test, b@evil.test")
    twice = "From: b@evil.test\r\n" + text("twice")
    for message in (two, twice):
        with pytest.raises(smtplib.SMTPDataError) as refused:
            send(stranger, web.c, message.encode(), "x@evil.test")
        assert refused.value.smtp_error.startswith(b"5.7.1 ")


def test_results_in_our_name_do_not_survive(web: Web) -> None:
    claim = "Authentication-Results: mx.c.test; dmarc=pass header.from=bank.test\r\n"
    send(
        new_address(),
        web.c,
        (claim + text("claimed").replace("@a.test", "@none.test")).encode(),
        "",
    )
    message = web.c.about("claimed")
    assert b"bank.test" not in message
    assert told(message)["dmarc"] == ["none"]
    received = re.match(rb"(?s)Return-Path:.*?\r\nDelivered-To:.*?\r\n(Received:)", message)
    assert received is not None


def test_our_own_reading_agrees_with_the_standard_librarys(web: Web) -> None:
    """The field stands as one line for whoever unfolds it."""
    web.a.submit(text("readable"), "ada@c.test")
    mail: EmailMessage = parsed(web.c.about("readable"))
    (field,) = [
        str(one) for one in mail.get_all("Authentication-Results", []) if "mx.c.test" in str(one)
    ]
    assert "\n" not in field
    assert field.count("dkim=pass") == 2


def test_a_dns_that_is_silent_holds_mail_up_for_its_deadline_and_no_longer(web: Web) -> None:
    message = text("silent").replace("a.test", "late.test").encode()
    web.dns.faults["*", "*"] = Fault("silent")
    try:
        began = time.monotonic()
        send(new_address(), web.c, message, "x@x.test")
        took = time.monotonic() - began
    finally:
        web.dns.faults.clear()
    assert 2 < took < 10
    found = told(web.c.about("silent"))
    assert found["spf"][0] == "temperror"
    assert found["iprev"] == ["temperror"]
    assert found["dmarc"] == ["temperror"]


def test_twenty_megabytes_are_verified_and_stall_nobody(web: Web) -> None:
    lines = "All work and no play makes Jack a dull boy.\r\n" * (20 << 20 >> 5)
    watcher = User(web.c.user("ada"), PASSWORD)
    with no_stall(web.c.server, watcher):
        web.a.submit(text("large") + lines[: 20 << 20] + "\r\n", "ada@c.test")
        message = web.c.about("large", seconds=60)
    assert told(message) == PASSES
