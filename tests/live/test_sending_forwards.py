"""Mail that is passed on: to other servers, to programs, and home when there is room again."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.outgoing import HOME, PASSWORD, SENDER, Hub, hub, text
from tests.live.peers import ROOT, Postfix, Sink, open_folder, parsed, running, until
from tests.live.web import ask, make

pytestmark = [pytest.mark.live, ROOT]
FROM = "carl@origin.test"
MAIN = """
relayhost = [127.0.0.1]:{port}
smtpd_recipient_restrictions = permit_mynetworks
virtual_alias_maps = inline:{{ {{gone@post.test = nobody@refused.test}} }}
transport_maps = inline:{{ {{refused.test = error:5.1.1 Nobody by that name}} }}
"""
PROGRAM = """#!/bin/sh
cat > "{folder}/$1.$ATTEMPT"
echo "$SENDER $RECIPIENT" >> "{folder}/$1.who"
test "$1" = later && test "$ATTEMPT" -lt 2 && exit 75
test "$1" = never && {{ echo "We do not want it"; exit 5; }}
exit 0
"""


def programs(folder: Path) -> None:
    path = folder / "programs" / "take"
    path.write_text(PROGRAM.format(folder=folder / "programs"))
    path.chmod(0o755)


@pytest.fixture(scope="module")
def ours() -> Iterator[Hub]:
    with hub(prepare=programs) as made:
        yield made


@pytest.fixture(scope="module")
def post(ours: Hub) -> Iterator[Postfix]:
    with open_folder() as folder:
        made = Postfix(folder, "post.test", MAIN.format(port=ours.server.port("smtp")))
        ours.dns.load("post.test", made.zone)
        with running(made):
            yield made


def test_a_forward_has_a_sender_of_ours(ours: Hub, post: Postfix) -> None:
    ours.server.command("alias", "add", f"fwd@{HOME}", "far@post.test")
    ours.arrives(text("forward"), f"fwd@{HOME}", sender=FROM)
    arrived = parsed(post.received())
    sender = str(arrived["Return-Path"]).strip("<>")
    assert sender.startswith("SRS0=")
    assert sender.endswith("=origin.test=carl@mail.test")
    assert arrived["Message-ID"] == "<forward@home.test>"


def test_its_bounce_goes_back_to_who_sent_it(ours: Hub, post: Postfix, tmp_path: Path) -> None:
    """Postfix takes it and finds out later: its bounce comes to us, and we pass that on."""
    origin = Sink(tmp_path)
    ours.dns.load("origin.test", origin.zone)
    ours.server.command("alias", "add", f"dead@{HOME}", "gone@post.test")
    with running(origin):
        ours.arrives(text("dead"), f"dead@{HOME}", sender=FROM)
        ours.fate(FROM, "delivered")
        [bounce] = origin.received()
    assert bounce.mail.startswith("<>")
    assert bounce.rcpt[0].startswith(f"<{FROM}>")
    assert "Nobody by that name" in bounce.message.decode()


def test_a_forged_way_back_is_no_address(ours: Hub) -> None:
    with smtplib.SMTP("127.0.0.1", ours.server.port("smtp"), timeout=20) as smtp:
        smtp.ehlo()
        smtp.mail("")
        code, _ = smtp.rcpt("SRS0=AAAAAA=AA=origin.test=carl@mail.test")
        assert code == 550


def test_a_mailbox_that_was_full_gets_it_later(ours: Hub) -> None:
    """Somebody else's copy is not refused for it, and the full one's comes home when it can."""
    small = f"small@{HOME}"
    ours.server.add_user(small, PASSWORD, "--quota", "2000")
    ours.server.command("alias", "add", f"both@{HOME}", SENDER, small)
    ours.arrives(text("fills") + b"x" * 70 + b"\r\n" + b"y" * 900 + b"\r\n", small, sender=FROM)
    ours.arrives(text("both") + b"z" * 900 + b"\r\n", f"both@{HOME}", sender=FROM)
    assert until(lambda: any("both@" in str(one["Message-ID"]) for one in ours.inbox()))
    said = ours.waits("delivery", outcome="deferred", status="4.2.2")
    assert "full" in str(said["reply"])
    ours.server.command("user", "set", small, "--quota", "100000")
    ours.waits("delivery", outcome="delivered", recipient=said["recipient"])
    assert [str(one["Message-ID"]) for one in ours.inbox(small)] == [
        "<fills@home.test>",
        "<both@home.test>",
    ]
    assert sum("both@" in str(one["Message-ID"]) for one in ours.inbox()) == 1


def files(ours: Hub) -> Path:
    return ours.server.folder / "programs"


@pytest.mark.parametrize("word", ["now", "later", "never"])
def test_a_program_decides(ours: Hub, word: str) -> None:
    address = f"{word}@{HOME}"
    ours.server.command("alias", "add", address, "--program", f"take {word}")
    ours.submit(text(f"program-{word}"), address)
    if word == "never":
        bounce = ours.mail_about("program-never").as_string()
        assert "We do not want it" in bounce
        assert f"Final-Recipient: rfc822; {address}" in bounce
        return
    ours.fate(address, "delivered")
    if word == "later":
        assert ours.events("delivery", recipient=address, outcome="deferred")
    last = files(ours) / f"{word}.{1 if word == 'now' else 2}"
    message = last.read_bytes()
    assert message.startswith(f"Return-Path: <{SENDER}>\nDelivered-To: {address}\n".encode())
    assert message.endswith(
        text(f"program-{word}").partition(b"\r\n\r\n")[2].replace(b"\r\n", b"\n")
    )
    assert f"{SENDER} {address}" in (files(ours) / f"{word}.who").read_text()


def test_success_at_home_is_told_where_it_was_asked_for(ours: Hub) -> None:
    grace = f"grace@{HOME}"
    ours.server.add_user(grace, PASSWORD)
    ours.submit(text("success"), grace, rcpt=["NOTIFY=SUCCESS"])
    told = ours.mail_about("success").as_string()
    assert "Action: delivered" in told
    assert f"Final-Recipient: rfc822; {grace}" in told
    assert len(ours.inbox(grace)) == 1


# -- servers that users name


def test_a_users_relay_gets_their_mail_as_it_came(ours: Hub) -> None:
    """Over another port, to the user's own address; a relay that is away gets it later."""
    relay = Sink(ours.server.folder, port=2525)
    rita = f"rita@{HOME}"
    make(ours.server, rita, targets=[f"smtp://{relay.address}:{relay.port}"])
    ours.arrives(text("relayed"), rita, sender=FROM)
    ours.waits("delivery", outcome="deferred", recipient=rita)
    with running(relay):
        ours.fate(rita, "delivered")
        [arrived] = relay.received()
    assert FROM in arrived.mail
    assert rita in arrived.rcpt[0]
    assert parsed(arrived.message)["Delivered-To"] == rita
    assert parsed(arrived.message)["Message-ID"] == "<relayed@home.test>"
    assert len(ours.inbox(rita)) == 1


def test_a_relay_that_leads_back_here_is_no_relay(ours: Hub) -> None:
    port = ours.server.port("smtp")
    nora = f"nora@{HOME}"
    make(ours.server, nora, targets=[f"smtp://127.0.0.1:{port}"])
    ours.arrives(text("round"), nora, sender=SENDER)
    said = ours.waits("delivery", outcome="failed", recipient=nora)
    assert "come back to this server" in str(said["reply"])
    assert len(ours.inbox(nora)) == 1


@pytest.mark.parametrize("url", ["smtp://mx.far.test:22", "smtps://joe@mx.far.test", "smtp://0x7f"])
def test_a_relay_that_cannot_be_one_is_refused_in_plain_words(ours: Hub, url: str) -> None:
    name = {"username": "bad", "password": PASSWORD, "address": f"bad@{HOME}"}
    status, answer = ask(ours.server, "POST", "/users", {**name, "targets": [url]})
    assert (status, answer["code"]) == (400, "InputValidationError")
    assert set(answer["details"]) == {"targets"}
