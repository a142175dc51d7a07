"""WildDuck's calls on one message against the documented contract."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import pytest

from mailhub.model.queue import Attempt, AttemptResult
from tests.http.mailing import JOE, PLAIN, RICH, Mailbox, append
from tests.support import run
from tests.world import ACTOR, world

pytestmark = pytest.mark.thorough


@pytest.fixture
def mail() -> Mailbox:
    return Mailbox(world())


# -- one message


def test_details_whole(mail: Mailbox) -> None:
    mail.world.deliver(JOE, RICH)
    reply = mail.site.get(f"{mail.inbox}/1?markAsSeen=true")
    shown = reply.json
    wanted: Mapping[str, Any] = {
        "success": True,
        "id": 1,
        "user": mail.account.id,
        "mailbox": mail.boxes["INBOX"].id,
        "envelope": {
            "from": "a@remote.example",
            "rcpt": [{"value": JOE, "formatted": JOE}],
        },
        "replyTo": [{"name": "", "address": "answers@far.example"}],
        "list": {"id": "News <news.far.example>", "unsubscribe": "<https://far.example/out>"},
        "seen": True,
        "expires": False,
        "html": ['<p>Rich words <img src="attachment:ATT00001"></p>\r\n'.rstrip("\r\n")],
        "text": "Plain words",
        "forwardTargets": [],
        "metaData": {},
    }
    assert {name: shown[name] for name in wanted} == wanted
    assert [one["hash"] for one in shown["attachments"]] == [
        hashlib.sha256(content).hexdigest() for content in (b"\x89PNG" * 40, "café".encode())
    ]
    assert "verificationResults" not in shown
    assert mail.ids(query="?unseen=1") == []
    linked = mail.site.get(f"{mail.inbox}/1?replaceCidLinks=1").json["html"][0]
    assert f'src="{mail.inbox}/1/attachments/ATT00001"' in linked


def test_who_vouches_is_read_from_our_own_field_alone(mail: Mailbox) -> None:
    head = (
        b"Received: from x by mx.example.org with ESMTPS id 1\r\n\t(TLSv1.3 TLS_AES_128_GCM)\r\n"
        b"Authentication-Results: %b; spf=pass smtp.mailfrom=a@far.example;"
        b" dkim=pass header.d=far.example; dmarc=pass header.from=far.example\r\n"
    )
    append(mail, head % b"mx.example.org" + PLAIN % (b"a", b"a", b"a"))
    append(mail, head % b"mx.other.example" + PLAIN % (b"b", b"b", b"b"))
    assert mail.site.get(f"{mail.inbox}/1").json["verificationResults"] == {
        "tls": {"name": "TLS_AES_128_GCM", "version": "TLSv1.3"},
        "spf": "far.example",
        "dkim": "far.example",
        "dmarc": "far.example",
    }
    assert "verificationResults" not in mail.site.get(f"{mail.inbox}/2").json


@pytest.mark.parametrize(
    ("parts", "html", "text"),
    [
        ([("text/plain", "a <b>\nc")], ["<p>a &lt;b&gt;<br/>\nc</p>"], "a <b>\nc"),
        ([("text/html", "<p>x</p><p>y</p>")], ["<p>x</p><p>y</p>"], "x\ny"),
        (
            [("text/plain", "one"), ("text/html", "<b>two</b>")],
            ["<p>one</p>", "<b>two</b>"],
            "one\ntwo",
        ),
        ([("application/pdf", "x")], [], ""),
    ],
)
def test_texts_one_after_the_other(
    mail: Mailbox, parts: list[tuple[str, str]], html: list[str], text: str
) -> None:
    lines = ["Content-Type: multipart/mixed; boundary=m", ""]
    for media, content in parts:
        lines += ["--m", f"Content-Type: {media}", "", content]
    mail.world.deliver(JOE, "\r\n".join([*lines, "--m--", ""]).encode())
    shown = mail.site.get(f"{mail.inbox}/1").json
    assert (shown["html"], shown["text"]) == (html, text)
    assert (shown["from"], shown["subject"], shown["messageId"]) == (False, "", "")


def test_long_texts_are_cut(mail: Mailbox) -> None:
    append(mail, b"Content-Type: text/plain\r\n\r\n" + b"word " * 180_000)
    shown = mail.site.get(f"{mail.inbox}/1").json
    assert len(shown["html"][0]) == len(shown["text"]) == 640 * 1024


def test_source_byte_for_byte(mail: Mailbox) -> None:
    mail.world.deliver(JOE, RICH)
    reply = mail.site.get(f"{mail.inbox}/1/message.eml")
    assert reply.headers["content-type"] == "message/rfc822"
    assert int(reply.headers["content-length"]) == len(reply.body)
    assert reply.body.endswith(RICH)
    assert reply.body.startswith(b"Return-Path: <a@remote.example>\r\n")


# -- events


def test_events_tell_how_it_came(mail: Mailbox) -> None:
    mail.deliver("a")
    (event,) = mail.site.get(f"{mail.inbox}/1/events").json["events"]
    assert event.pop("id")
    assert event == {
        "action": "STORE",
        "source": "MX",
        "origin": "192.0.2.7",
        "from": "a@remote.example",
        "to": [JOE],
        "transtype": "ESMTP",
        "time": event["time"],
    }


def test_events_tell_what_became_of_what_was_passed_on(mail: Mailbox) -> None:
    targets = {"targets": ["one@gone.example", "two@far.example"]}
    assert mail.site.put(mail.user, targets).status == 200
    mail.deliver("a")
    queue = mail.world.store.queue
    entries, _ = run(queue.page(limit=9))
    assert len(entries) == 2
    at = int(mail.world.clock.now())
    slow, quick = (next(one for one in entries if one.recipient == to) for to in targets["targets"])
    results = [
        (slow, AttemptResult.DEFERRED, "421 4.7.0 Later", at + 900),
        (slow, AttemptResult.FAILED, "550 5.1.1 Nobody", None),
        (quick, AttemptResult.DELIVERED, "250 2.0.0 OK", None),
    ]
    for token, (entry, result, reply, due) in enumerate(results, start=1):
        mail.world.clock.advance(60)
        tried = Attempt(entry.number, at, result, "", reply, "mx.example", "", due)
        assert run(queue.record(token, [tried], (), ACTOR)) == ()
    store, forward, *tries = mail.site.get(f"{mail.inbox}/1/events").json["events"]
    assert (store["action"], forward["action"]) == ("STORE", "FORWARD")
    assert forward["id"] == store["id"] == tries[0]["id"]
    assert sorted(forward["to"]) == targets["targets"]
    assert [(one["action"], one["response"], one["to"][0]) for one in tries] == [
        ("DEFERRED", "421 4.7.0 Later", "one@gone.example"),
        ("REJECTED", "550 5.1.1 Nobody", "one@gone.example"),
        ("ACCEPTED", "250 2.0.0 OK", "two@far.example"),
    ]
    assert {one["seq"] for one in tries} == {"001", "002"}
    shown = mail.site.get(f"{mail.inbox}/1").json["forwardTargets"]
    assert sorted(one["value"] for one in shown) == targets["targets"]
