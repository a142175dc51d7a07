"""How the queue looks on a terminal, and how spans of time are written."""

from __future__ import annotations

import json
from typing import Any

import click
import pytest

from mailhub.cli import queue_show, times
from mailhub.model.settings import QueueSettings

NOW = 1_800_000_000
ENTRY: dict[str, Any] = {
    "number": 7,
    "message": 3,
    "sender": "joe@example.org",
    "recipient": "a@example.net",
    "size": 2048,
    "created": NOW - 3700,
    "due": NOW + 90,
    "held": False,
    "trying": False,
    "attempts": 2,
    "tried": NOW - 60,
    "status": "4.7.1",
    "reply": "451 4.7.1 later\n\x1b[2J4.7.1 really",
    "remote": "mx.example.net [192.0.2.1]",
    "destination": "example.net",
    "route": 0,
    "transaction": "t1",
    "message_id": "<1@example.org>",
}
MORE = {
    "notify": ["DELAY"],
    "orcpt": "",
    "ret": "HDRS",
    "envid": "",
    "body": "8BITMIME",
    "utf8": True,
    "require_tls": True,
    "user": "joe",
    "submitted": True,
    "mailbox_of": "",
    "warned": True,
    "history": [
        {"at": NOW - 60, "status": "4.7.1", "remote": "mx.example.net [192.0.2.1]",
         "tls": "TLSv1.3", "reply": "451 4.7.1 later\nreally\x07", "due": NOW + 90},
        {"at": NOW - 50, "status": "4.4.1", "remote": "", "tls": "", "reply": "Refused", "due": 0},
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("10m", 600), ("2h", 7200), ("3d", 259200), ("1w", 604800)],
)
def test_spans_are_read(text: str, seconds: int) -> None:
    assert times.span(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "-1h", "1.5h", "2 hours", "1y", "1" * 10])
def test_what_is_no_span(text: str) -> None:
    with pytest.raises(click.BadParameter):
        times.span(text)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0s"), (0, "0s"), (59, "59s"), (60, "1m"), (61, "1m1s"), (3600, "1h"),
        (3661, "1h1m"), (86400, "1d"), (86400 + 59, "1d"), (90000, "1d1h"),
    ],
)  # fmt: skip
def test_spans_are_written(seconds: int, words: str) -> None:
    assert times.words(seconds) == words


def shown(capsys: pytest.CaptureFixture[str], *entries: dict[str, Any], terminal: bool) -> str:
    queue_show.lines(entries, NOW, terminal)
    return capsys.readouterr().out


def test_a_terminal_is_told_why_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    head, line, reason = shown(capsys, ENTRY, terminal=True).splitlines()
    assert head.split()[:3] == ["number", "state", "here"]
    assert line.split() == [
        "7", "waiting", "1h1m", "1m30s", "2", "2.0K", "joe@example.org", "→", "a@example.net",
    ]  # fmt: skip
    assert reason.strip() == ("mx.example.net [192.0.2.1]: 451 4.7.1 later / ?[2J4.7.1 really")


@pytest.mark.parametrize(
    ("changed", "state", "due"),
    [
        ({"held": True}, "held", "-"),
        ({"trying": True, "held": True}, "trying", "-"),
        ({"due": NOW}, "waiting", "now"),
        ({"created": NOW + 50, "due": NOW + 50}, "planned", "50s"),
    ],
)
def test_states(
    capsys: pytest.CaptureFixture[str], changed: dict[str, Any], state: str, due: str
) -> None:
    columns = shown(capsys, ENTRY | changed, terminal=False).rstrip("\n").split("\t")
    assert (columns[1], columns[3]) == (state, due)
    assert columns[5:8] == ["2048", "joe@example.org", "a@example.net"]


def test_the_null_sender_and_an_empty_queue(capsys: pytest.CaptureFixture[str]) -> None:
    untried = ENTRY | {"sender": "", "reply": "", "attempts": 0}
    line = shown(capsys, untried, terminal=True).splitlines()[1:]
    assert len(line) == 1
    assert "<> → a@example.net" in line[0]
    assert shown(capsys, terminal=True) == "none\n"


@pytest.mark.parametrize("count", [0, 1, 3])
def test_json_comes_as_one_array(capsys: pytest.CaptureFixture[str], count: int) -> None:
    queue_show.as_json_array(iter([ENTRY] * count))
    assert json.loads(capsys.readouterr().out) == [ENTRY] * count


def test_all_about_one(capsys: pytest.CaptureFixture[str]) -> None:
    queue_show.about(ENTRY | MORE, QueueSettings(lifetime=86400), NOW)
    out = capsys.readouterr().out
    for part in (
        "<joe@example.org>, submitted by joe",
        "2027-01-15 08:01:30Z, in 1m30s",
        "given up     2027-01-16 06:58:20Z",
        "BODY=8BITMIME SMTPUTF8 REQUIRETLS RET=HDRS NOTIFY=DELAY",
        "the sender knows of the delay",
        "  2027-01-15 07:59:00Z  mx.example.net [192.0.2.1], TLSv1.3\n"
        "      451 4.7.1 later\n      really?\n",
        "nobody reached\n      Refused\n",
    ):
        assert part in out
    assert out.isascii()
    assert "mailbox" not in out
    queue_show.about(ENTRY | MORE | {"mailbox_of": "joe"}, QueueSettings(), NOW)
    assert "mailbox      INBOX of joe alone\n" in capsys.readouterr().out


SERVER = {
    "host": "mx1.example.net",
    "addresses": ["192.0.2.1", "2001:db8::1"],
    "port": 587,
    "tls": "verified",
    "because": "sts",
    "login": "me",
    "from": ["198.51.100.1"],
}


def test_where_it_goes(capsys: pytest.CaptureFixture[str]) -> None:
    queue_show.way({"kind": "route", "routes": [2, 5], "servers": [SERVER], "refusal": None})
    assert capsys.readouterr().out == (
        "goes         over route 2, 5\n"
        "  mx1.example.net port 587, TLS verified (sts), logs in as me, from 198.51.100.1:"
        " 192.0.2.1 2001:db8::1\n"
    )
    refusal = {"status": "4.4.3", "text": "The MX records\ncannot be looked up"}
    queue_show.way({"kind": "mx", "routes": [], "servers": [], "refusal": refusal})
    assert capsys.readouterr().out.startswith("goes         nowhere now: 4.4.3 The MX records / ")
    for kind, words in (("mailbox", "a mailbox here"), ("program", "a program on this machine")):
        queue_show.way({"kind": kind, "routes": [], "servers": [], "refusal": None})
        assert capsys.readouterr().out == f"goes         {words}\n"
