"""Mail that leaves for Postfix: what arrives is what was submitted, as the DNS says."""

from __future__ import annotations

import base64
import smtplib
import subprocess
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import dkim
import dns.name
import dns.zone
import pytest

from tests.dns import Fault
from tests.live.outgoing import HOME, SENDER, Hub, hub, text
from tests.live.peers import ROOT, Postfix, Sink, new_address, open_folder, parsed, running, until
from tests.programs import program

pytestmark = [pytest.mark.live, ROOT]
MAIN = """
relayhost = [127.0.0.1]:{port}
smtpd_recipient_restrictions = check_recipient_access
    inline:{{ {{nobody@post.test = 550 5.1.1 Nobody by that name}} }}, permit_mynetworks
"""


@pytest.fixture(scope="module")
def ours() -> Iterator[Hub]:
    with hub() as made:
        yield made


@pytest.fixture(scope="module")
def post(ours: Hub) -> Iterator[Postfix]:
    with open_folder() as folder:
        made = Postfix(folder, "post.test", MAIN.format(port=ours.server.port("smtp")))
        ours.dns.load("post.test", made.zone)
        with running(made):
            yield made


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    made = Sink(tmp_path)
    with running(made):
        yield made


def without_trace(message: bytes) -> bytes:
    """What stood below the last Received field, with the ends of lines that SMTP has."""
    lines = message.split(b"\n")
    last = max(n for n, line in enumerate(lines) if line.startswith(b"Received:"))
    start = next(
        n for n, line in enumerate(lines) if n > last and not line.startswith((b" ", b"\t"))
    )
    return b"\r\n".join(lines[start:])


def decoded(part: EmailMessage) -> str:
    """A part's text, whatever its encoding."""
    payload = part.get_payload()
    if isinstance(payload, list):  # the standard library takes what is below message/ for one
        return base64.b64decode(payload[0].get_payload()).decode()  # type: ignore[union-attr]
    data = part.get_payload(decode=True)
    assert isinstance(data, bytes)
    return data.decode()


def test_a_message_arrives_byte_for_byte(ours: Hub, post: Postfix) -> None:
    ours.submit(text("bytes"), "grace@post.test")
    arrived = post.received()
    assert without_trace(arrived) == text("bytes")
    assert parsed(arrived)["Return-Path"] == f"<{SENDER}>"
    said = ours.fate("grace@post.test", "delivered")
    assert str(said["reply"]).startswith("250 2.0.0 Ok: ")
    assert said["remote"] == f"mx.post.test [{post.address}]"


def test_swaks_hands_in_what_arrives(ours: Hub, post: Postfix) -> None:
    done = subprocess.run(
        [
            program("swaks"),
            *("--server", "127.0.0.1", "--port", str(ours.server.port("submission", "implicit"))),
            *("--tls-on-connect", "--auth", "PLAIN", "--auth-user", SENDER),
            *("--auth-password", "Live-Passw0rd-1", "--from", SENDER),
            *("--to", "swaks@post.test", "--body", "By swaks"),
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert b"\n\nBy swaks\n" in post.received()


def test_a_large_message_goes_in_chunks(ours: Hub, post: Postfix) -> None:
    lines = b"".join(b"%07d.\r\n.%060d\r\n\r\n" % (n, n) for n in range(40_000))
    ours.submit(text("large") + lines, "grace@post.test")
    assert without_trace(post.received(30)) == text("large") + lines


def test_mail_of_a_domain_with_keys_is_signed(ours: Hub, post: Postfix) -> None:
    """And the records that `mailhub dkim` prints are what others verify it by."""
    ours.server.command("dkim", "activate", HOME)
    records = {}
    for algorithm in ("rsa", "ed25519"):
        line = ours.server.command("dkim", "getdnsrecord", HOME, "--algorithm", algorithm).stdout
        name, _, _ = line.partition(" ")
        zone = dns.zone.from_text("@ 60 IN SOA . . 1 1 1 1 1\n@ 60 IN NS .\n" + line, HOME)
        [text_record] = zone.find_rdataset(dns.name.from_text(name), "TXT")
        records[name] = b"".join(text_record.strings)

    ours.submit(text("signed"), "grace@post.test")
    arrived = post.received()
    assert without_trace(arrived) == text("signed")
    signatures = dkim.DKIM(arrived.replace(b"\n", b"\r\n"))

    def answer(name: bytes, timeout: int = 5) -> bytes:
        return records[name.decode()]

    assert signatures.verify(0, dnsfunc=answer)
    assert signatures.verify(1, dnsfunc=answer)
    kinds = {one.split(b";")[0] for one in (arrived.replace(b"\n", b"").split(b"a=")[1:])}
    assert {b"rsa-sha256", b"ed25519-sha256"} <= kinds
    changed = dkim.DKIM(arrived.replace(b"first line", b"last line").replace(b"\n", b"\r\n"))
    with pytest.raises(dkim.ValidationError):
        changed.verify(0, dnsfunc=answer)


def test_recipients_of_one_domain_share_a_transaction(ours: Hub, sink: Sink) -> None:
    ours.dns.load("many.test", sink.zone)
    names = [f"r{n}@many.test" for n in range(30)]
    ours.submit(text("many"), *names)
    ours.fate(names[-1], "delivered")
    [one] = sink.received()
    assert one.rcpt == [f"<{name}>" for name in names]


def test_a_connection_is_used_again(ours: Hub, sink: Sink) -> None:
    ours.dns.load("again.test", sink.zone)
    for n in range(5):
        ours.submit(text(f"again-{n}"), f"a{n}@again.test")
        ours.fate(f"a{n}@again.test", "delivered")
    assert sink.heard("MAIL FROM") == 5
    assert sink.heard("EHLO") == 1


def test_a_connection_that_died_meanwhile_costs_nothing(ours: Hub, sink: Sink) -> None:
    ours.dns.load("died.test", sink.zone)
    ours.submit(text("died-1"), "a@died.test")
    ours.fate("a@died.test", "delivered")
    sink.stop()
    sink.start()
    ours.submit(text("died-2"), "b@died.test")
    ours.fate("b@died.test", "delivered")
    assert not ours.events("delivery", recipient="b@died.test", outcome="deferred")


def test_the_better_exchanger_first_then_the_next(ours: Hub, tmp_path: Path) -> None:
    first, second = Sink(tmp_path), Sink(tmp_path)
    ours.dns.load(
        "order.test",
        f"@ IN MX 20 b\n@ IN MX 10 a\na IN A {first.address}\nb IN A {second.address}\n",
    )
    with running(first, second):
        ours.submit(text("order-1"), "one@order.test")
        ours.fate("one@order.test", "delivered")
        assert len(first.received()) == 1
        assert not second.received()
    with running(second):
        ours.submit(text("order-2"), "two@order.test")
        ours.fate("two@order.test", "delivered")
        assert len(second.received()) == 1


def test_the_next_address_of_a_host_that_does_not_answer(ours: Hub, sink: Sink) -> None:
    ours.dns.load(
        "address.test",
        f"@ IN MX 10 mx\nmx IN AAAA 100::1\nmx IN A {new_address()}\nmx IN A {sink.address}\n",
    )
    ours.submit(text("address"), "a@address.test")
    ours.fate("a@address.test", "delivered")
    assert len(sink.received()) == 1


def test_a_domain_without_mx_is_its_own_exchanger(ours: Hub, sink: Sink) -> None:
    ours.dns.load("plain.test", f"@ IN A {sink.address}\n")
    ours.submit(text("plain"), "a@plain.test")
    ours.fate("a@plain.test", "delivered")
    assert len(sink.received()) == 1


def test_a_domain_that_is_an_alias(ours: Hub, sink: Sink) -> None:
    ours.dns.load("real.test", sink.zone)
    ours.dns.load("alias.test", "www IN CNAME real.test.\n")
    ours.submit(text("alias"), "a@www.alias.test")
    ours.fate("a@www.alias.test", "delivered")
    # The name is not exchanged for what it stands for: RFC 5321 5.1 does not ask for that.
    assert sink.received()[0].rcpt == ["<a@www.alias.test>"]


@pytest.mark.parametrize(
    ("zone", "status"),
    [
        ("@ IN MX 0 .\n", "5.1.10"),
        ("@ IN MX 10 mail.test.\n", "5.4.6"),
        ("@ IN A 127.0.0.1\n@ IN MX 10 gone\n", "5.4.4"),
    ],
    ids=["null MX", "ourselves", "no address"],
)
def test_what_the_dns_says_for_good_comes_back(ours: Hub, zone: str, status: str) -> None:
    name = f"n{status.replace('.', '-')}"
    ours.dns.load(f"{name}.test", zone)
    ours.submit(text(name), f"a@{name}.test")
    assert ours.fate(f"a@{name}.test", "failed")["status"] == status
    bounce = ours.mail_about(name)
    assert f"Status: {status}" in bounce.as_string()


def test_a_domain_that_does_not_exist(ours: Hub) -> None:
    ours.submit(text("nowhere"), f"a@nowhere.{HOME}")
    assert ours.fate(f"a@nowhere.{HOME}", "failed")["status"] == "5.1.2"


def test_a_dns_that_fails_makes_mail_wait(ours: Hub, sink: Sink) -> None:
    ours.dns.load("late.test", sink.zone)
    ours.dns.faults["late.test", "*"] = Fault("servfail")
    ours.submit(text("late"), "a@late.test")
    said = ours.fate("a@late.test", "deferred")
    assert said["status"] == "4.4.3"
    assert "late.test" in str(said["reply"])
    del ours.dns.faults["late.test", "*"]
    ours.fate("a@late.test", "delivered")


def test_our_own_addresses_are_no_destination(ours: Hub) -> None:
    ours.dns.load("loop.test", "@ IN MX 10 mx\nmx IN A 0.0.0.0\n")
    ours.submit(text("loop"), "a@loop.test")
    assert ours.fate("a@loop.test", "failed")["status"] == "5.4.6"


def test_routes_have_addresses_of_their_own(ours: Hub, sink: Sink) -> None:
    source = new_address()
    number = ours.server.command(
        *("routes", "add", "source.test", "--host", sink.address, "--source", source)
    ).stdout.split()[1]
    ours.submit(text("source"), "a@source.test")
    ours.fate("a@source.test", "delivered")
    assert sink.received()[0].client == source
    ours.server.command("routes", "del", number)


def test_wishes_for_notifications_go_along(ours: Hub, post: Postfix) -> None:
    """Postfix offers DSN: the one that was asked for is its own, and says what the sender said."""
    ours.submit(
        text("wishes"),
        "grace@post.test",
        mail=["RET=HDRS", "ENVID=wish+2B1"],
        rcpt=["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;first+40post.test"],
    )
    post.received()

    def told() -> bool:
        return any("wish+1" in one.as_string() for one in ours.inbox())

    assert until(told, each=0.1)
    [dsn] = [one for one in ours.inbox() if "wish+1" in one.as_string()]
    assert dsn.get_content_type() == "multipart/report"
    said = dsn.as_string()
    assert "Reporting-MTA: dns; mx.post.test" in said
    assert "Original-Recipient: rfc822;first@post.test" in said
    assert "The first line" not in said


def test_an_unknown_recipient_comes_back_and_others_arrive(ours: Hub, post: Postfix) -> None:
    ours.submit(text("some"), "nobody@post.test", "grace@post.test")
    assert without_trace(post.received()) == text("some")
    bounce = ours.mail_about("some")
    status = list(bounce.walk())
    [machine] = [one for one in status if one.get_content_type() == "message/delivery-status"]
    about, recipient = machine.get_payload()  # type: ignore[misc]
    assert about["Reporting-MTA"] == "dns; mail.test"  # type: ignore[index]
    assert recipient["Final-Recipient"] == "rfc822; nobody@post.test"  # type: ignore[index]
    assert recipient["Action"] == "failed"  # type: ignore[index]
    assert recipient["Status"] == "5.1.1"  # type: ignore[index]
    assert "Nobody by that name" in recipient["Diagnostic-Code"]  # type: ignore[index]
    assert bounce["Return-Path"] == "<>"


def test_addresses_beyond_ascii(ours: Hub, post: Postfix) -> None:
    message = text("utf8").replace(b"Subject: A word", "Subject: Grüße".encode())
    with ours.submission() as smtp:
        smtp.ehlo()
        assert smtp.has_extn("smtputf8")
        smtp.mail(SENDER, ["SMTPUTF8", "BODY=8BITMIME"])
        smtp.command_encoding = "utf-8"
        assert smtp.rcpt("grüße@post.test")[0] == 250
        assert smtp.data(message)[0] == 250
    assert without_trace(post.received()) == message


def test_addresses_beyond_ascii_for_a_server_without(ours: Hub, sink: Sink) -> None:
    ours.dns.load("ascii.test", sink.zone)
    with ours.submission() as smtp:
        smtp.mail(SENDER, ["SMTPUTF8"])
        smtp.command_encoding = "utf-8"
        assert smtp.rcpt("grüße@ascii.test")[0] == 250
        assert smtp.data(text("ascii"))[0] == 250
    assert ours.fate("grüße@ascii.test", "failed")["status"] == "5.6.7"
    bounce = ours.mail_about("ascii")
    [status] = [
        one for one in bounce.walk() if one.get_content_type() == "message/global-delivery-status"
    ]
    assert "Final-Recipient: utf-8; grüße@ascii.test" in decoded(status)


def test_eight_bits_for_a_server_without(ours: Hub, tmp_path: Path) -> None:
    sink = Sink(tmp_path, "-8")
    ours.dns.load("seven.test", sink.zone)
    message = text("seven") + "Grüße\r\n".encode()
    with running(sink):
        ours.submit(message, "a@seven.test", mail=["BODY=8BITMIME"])
        ours.fate("a@seven.test", "delivered")
        [one] = sink.received()
    assert "BODY" not in one.mail
    assert one.message.isascii()
    assert "Grüße" in decoded(parsed(one.message))


def test_mail_for_ourselves_does_not_leave(ours: Hub) -> None:
    with smtplib.SMTP("127.0.0.1", ours.server.port("smtp"), timeout=20) as smtp:
        assert smtp.sendmail("far@example.org", [SENDER], text("in")) == {}
    assert until(lambda: any("in@home.test" in str(one["Message-ID"]) for one in ours.inbox()))
