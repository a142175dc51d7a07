"""Servers that refuse, stall and hang up: mail waits, is tried again, or comes back."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from email.message import EmailMessage, Message
from pathlib import Path

import pytest

from tests.live.outgoing import HOME, SENDER, Hub, hub, text
from tests.live.pace import prompt
from tests.live.peers import (
    ROOT,
    Postfix,
    Sink,
    answers,
    end,
    new_address,
    open_folder,
    running,
    until,
)
from tests.ports import free_port
from tests.programs import program

pytestmark = [pytest.mark.live, ROOT]
GREYLISTING = """
smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:{port}, permit_mynetworks
"""

FEW = """
smtpd_client_connection_count_limit = 2
smtpd_client_event_limit_exceptions =
smtpd_recipient_restrictions = sleep 1, permit_mynetworks
"""


@pytest.fixture(scope="module")
def ours() -> Iterator[Hub]:
    with hub(sender="session_timeout = 60") as made:
        yield made


@pytest.fixture(scope="module")
def hasty() -> Iterator[Hub]:
    """One that gives up after six seconds and warns after two."""
    with hub(queue={"lifetime": "6", "delay_warning": "2"}) as made:
        yield made


def about(report: EmailMessage) -> Message:
    """What a notification says of its one recipient, after checking what RFC 3464 asks for."""
    assert report.get_content_type() == "multipart/report"
    assert report.get_param("report-type") == "delivery-status"
    assert report["Auto-Submitted"] == "auto-replied"
    assert report["Return-Path"] == "<>"
    parts = report.get_payload()
    assert isinstance(parts, list)
    kinds = [one.get_content_type() for one in parts if isinstance(one, Message)]
    assert kinds[:2] == ["text/plain", "message/delivery-status"]
    assert kinds[2] in ("message/rfc822", "text/rfc822-headers")
    of_message, of_recipient = parts[1].get_payload()  # type: ignore[union-attr, misc]
    assert of_message["Reporting-MTA"] == "dns; mail.test"  # type: ignore[index]
    assert isinstance(of_recipient, Message)
    return of_recipient


def all_are_tried_again(ours: Hub, folder: Path, options: Mapping[str, Sequence[str]]) -> None:
    """Sinks that misbehave, by a name for each; once they are well, each gets its message once.
    All at the same time, as every one costs a wait."""
    sinks = {name: Sink(folder, *words) for name, words in options.items()}
    recipients = {name: f"a@{name}.test" for name in sinks}
    for name, sink in sinks.items():
        ours.dns.load(f"{name}.test", sink.zone)
    with running(*sinks.values()):
        for name, recipient in recipients.items():
            ours.submit(text(name), recipient)
        for name, recipient in recipients.items():
            said = ours.fate(recipient, "deferred")
            assert str(said["status"]).startswith("4."), said
            assert said["reply"], said
            if said["remote"]:
                assert said["remote"] == f"mx.{name}.test [{sinks[name].address}]"
    healed = {name: Sink(folder, address=sink.address) for name, sink in sinks.items()}
    with running(*healed.values()):
        for name, recipient in recipients.items():
            ours.fate(recipient, "delivered")
            assert not ours.events("delivery", recipient=recipient, outcome="failed")
            assert len(healed[name].received()) == 1


def test_a_refusal_for_now_is_tried_again(ours: Hub, tmp_path: Path) -> None:
    stages = {"mail": "MAIL", "rcpt": "RCPT", "data": "DATA", "dot": "."}
    all_are_tried_again(
        ours, tmp_path, {f"soft-{name}": ("-r", command) for name, command in stages.items()}
    )
    for name in stages:
        said = ours.fate(f"a@soft-{name}.test", "deferred")
        assert said["reply"] == "450 4.3.0 Error: command failed"


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "."])
def test_a_refusal_for_good_comes_back(ours: Hub, tmp_path: Path, command: str) -> None:
    name = {"MAIL": "m", "RCPT": "r", "DATA": "d", ".": "dot"}[command]
    sink = Sink(tmp_path, "-B", "554 5.7.1 Not from you", "-f", command)
    ours.dns.load(f"hard-{name}.test", sink.zone)
    recipient = f"a@hard-{name}.test"
    with running(sink):
        ours.submit(text(f"hard-{name}"), recipient)
        bounce = ours.mail_about(f"hard-{name}")
    said = about(bounce)
    assert said["Final-Recipient"] == f"rfc822; {recipient}"
    assert said["Action"] == "failed"
    assert said["Status"] == "5.7.1"
    assert said["Remote-MTA"] == f"dns; mx.hard-{name}.test"
    assert said["Diagnostic-Code"] == "smtp; 554 5.7.1 Not from you"
    returned = bounce.get_payload()[2].get_payload()[0]  # type: ignore[index, union-attr]
    assert returned["Message-ID"] == f"<hard-{name}@home.test>"  # type: ignore[index]


@pytest.mark.parametrize("manner", ["-q", "-Q"], ids=["without a word", "with 421"])
def test_a_server_that_hangs_up_is_tried_again(ours: Hub, tmp_path: Path, manner: str) -> None:
    word = {"-q": "cut", "-Q": "bye"}[manner]
    commands = ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA")
    all_are_tried_again(
        ours, tmp_path, {f"{word}-{one.lower()}": (manner, one) for one in commands}
    )


def test_a_drop_behind_the_dot_is_tried_again(ours: Hub, tmp_path: Path) -> None:
    """Nobody can know whether it was taken: here alone a message may arrive twice."""
    all_are_tried_again(ours, tmp_path, {"dot": ("-q", ".")})
    assert ours.fate("a@dot.test", "deferred")["status"] == "4.4.2"


def test_nobody_listens_and_then_somebody_does(ours: Hub, tmp_path: Path) -> None:
    sink = Sink(tmp_path)
    ours.dns.load("refused.test", sink.zone)
    ours.submit(text("refused"), "a@refused.test", "b@refused.test")
    said = ours.fate("b@refused.test", "deferred")
    assert said["status"] == "4.4.1"
    assert "refused" in str(said["reply"]).lower()
    rest = ours.waits("lane", outcome="backs off", lane="refused.test")
    assert "refused" in str(rest["reason"]).lower()
    with running(sink):
        ours.fate("a@refused.test", "delivered")
        ours.fate("b@refused.test", "delivered")
    assert ours.waits("lane", outcome="recovered", lane="refused.test")


def test_who_is_slow_holds_up_nobody_else(ours: Hub, tmp_path: Path) -> None:
    slow = Sink(tmp_path, "-p", "-W", "MAIL:3")
    quick = Sink(tmp_path)
    ours.dns.load("slow.test", slow.zone)
    ours.dns.load("quick.test", quick.zone)
    with running(slow, quick):
        for n in range(30):
            ours.submit(text(f"slow-{n}"), f"a{n}@slow.test")
        assert until(lambda: slow.heard("MAIL FROM"))
        with prompt(2, ours.server.pid):
            ours.submit(text("quick"), "a@quick.test")
            ours.fate("a@quick.test", "delivered")
        ours.fate("a0@slow.test", "delivered")


def test_a_server_that_takes_few_connections_gets_its_mail_over_these(ours: Hub) -> None:
    with open_folder() as folder:
        post = Postfix(folder, "few.test", FEW)
        ours.dns.load("few.test", post.zone)
        with running(post):
            for n in range(8):
                ours.submit(text(f"few-{n}"), f"a{n}@few.test")
            for n in range(8):
                ours.fate(f"a{n}@few.test", "delivered")
            assert until(lambda: "too many connections" in ours.server.log.read_text())
            for n in range(8):
                assert not ours.events("delivery", recipient=f"a{n}@few.test", outcome="deferred")


def test_postgrey_asks_for_patience(ours: Hub) -> None:
    port = free_port()
    with open_folder() as folder:
        post = Postfix(folder, "grey.test", GREYLISTING.format(port=port))
        (folder / "grey").mkdir()
        words = [program("postgrey"), f"--inet=127.0.0.1:{port}", "--delay=2", "--user=root"]
        postgrey = subprocess.Popen(
            [*words, "--group=root", f"--dbdir={folder}/grey", "--auto-whitelist-clients=0"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert until(lambda: answers("127.0.0.1", port))
            ours.dns.load("grey.test", post.zone)
            with running(post):
                ours.submit(text("grey"), "a@grey.test")
                said = ours.fate("a@grey.test", "deferred")
                assert "reylist" in str(said["reply"])
                post.received()
                ours.fate("a@grey.test", "delivered")
        finally:
            end(postgrey)


def test_a_delay_is_told_once_then_it_comes_back(hasty: Hub) -> None:
    hasty.dns.load("never.test", f"@ IN MX 10 mx\nmx IN A {new_address()}\n")
    hasty.submit(text("never"), "a@never.test")

    def both() -> bool:
        return len(hasty.inbox()) == 2

    assert until(both, 20, each=0.2), hasty.tail()
    first, second = hasty.inbox()
    delayed, failed = about(first), about(second)
    assert delayed["Action"] == "delayed"
    assert delayed["Status"].startswith("4.")
    assert delayed["Will-Retry-Until"]
    assert first.get_payload()[2].get_content_type() == "text/rfc822-headers"  # type: ignore[index, union-attr]
    assert failed["Action"] == "failed"
    assert failed["Status"] == "5.4.7"


def test_wishes_of_the_sender(ours: Hub, tmp_path: Path) -> None:
    """A server without DSN: then success is told of by us, as far as we know it."""
    bare = Sink(tmp_path, "-N")
    stern = Sink(tmp_path, "-B", "550 5.1.1 Unknown", "-f", "RCPT")
    ours.dns.load("bare.test", bare.zone)
    ours.dns.load("stern.test", stern.zone)
    with running(bare, stern):
        ours.submit(text("never-told"), "a@stern.test", rcpt=["NOTIFY=NEVER"])
        ours.submit(text("only-success"), "b@stern.test", rcpt=["NOTIFY=SUCCESS"])
        ours.submit(
            text("relayed"),
            "a@bare.test",
            mail=["ENVID=abc+2Bdef", "RET=HDRS"],
            rcpt=["NOTIFY=SUCCESS", "ORCPT=rfc822;x+2By@bare.test"],
        )
        ours.submit(text("headers"), "c@stern.test", mail=["RET=HDRS"])
        relayed, headers = ours.mail_about("relayed"), ours.mail_about("headers")
    assert about(relayed)["Action"] == "relayed"
    assert about(relayed)["Original-Recipient"] == "rfc822;x+y@bare.test"
    assert "Original-Envelope-Id: abc+def" in relayed.as_string()
    assert headers.get_payload()[2].get_content_type() == "text/rfc822-headers"  # type: ignore[index, union-attr]
    ours.fate("a@stern.test", "failed")
    ours.fate("b@stern.test", "failed")
    assert not [one for one in ours.inbox() if "told" in one.as_string()]
    assert not [one for one in ours.inbox() if "only-success" in one.as_string()]


def test_what_nobody_sent_comes_back_to_nobody(ours: Hub, tmp_path: Path) -> None:
    """A refused notification ends in silence (RFC 3461 6.1)."""
    sink = Sink(tmp_path, "-f", "RCPT")
    ours.dns.load("author.test", sink.zone)
    ours.server.command("alias", "add", f"on@{HOME}", "far@author.test")
    with running(sink):
        ours.arrives(text("nobody"), f"on@{HOME}", sender="")
        ours.fate("far@author.test", "discarded")
    time.sleep(1.2)
    assert not ours.events("delivery", sender="", outcome="failed")


def test_the_log_says_why_everything_waits(ours: Hub) -> None:
    """Of the tests before this one: no attempt without status and words."""
    attempts = ours.events("delivery")
    assert attempts
    for one in attempts:
        assert one["status"], one
        assert one["reply"], one
    assert SENDER in {one["sender"] for one in attempts}
