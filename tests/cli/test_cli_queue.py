"""How the queue looks on a terminal, and how spans of time are written."""

from __future__ import annotations

import json
from typing import Any

import click
import pytest
from click.testing import CliRunner

from mailhub.cli import queue_show, times
from mailhub.cli.client import Refused
from mailhub.cli.queue import queue
from mailhub.cli.routes import routes
from mailhub.cli.suppression import suppression
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
    "tls_optional": False,
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


class Asked:
    """Stands for `Access`: answers as told, and notes what it is asked."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.acts: list[tuple[str, dict[str, Any]]] = []

    def ask(self, act: str, **arguments: Any) -> Any:
        self.acts.append((act, arguments))
        answer = self.answers[act]
        return answer(**arguments) if callable(answer) else answer


def said(command: click.Command, access: Asked, *words: str, typed: str = "") -> tuple[int, str]:
    """Status and output of a command."""
    done = CliRunner().invoke(command, words, obj=access, input=typed)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


DONE = {"done": 2, "busy": 0}


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        (("4", "5"), {"numbers": [4, 5]}),
        (("--sender", "<>"), {"sender": ""}),
        (("--sender", "<a@b.example>"), {"sender": "a@b.example"}),
        (("--not-held", "--domain", "b.example"), {"held": False, "domain": "b.example"}),
        (("--message", "3", "--held", "1"), {"message": 3, "held": True, "numbers": [1]}),
        (("--all",), {"all": True}),
    ],
)
def test_what_is_meant(words: tuple[str, ...], arguments: dict[str, Any]) -> None:
    access = Asked({"queue-hold": DONE})
    assert said(queue, access, "hold", *words) == (0, "held 2 recipients\n")
    assert access.acts == [("queue-hold", arguments)]


def test_age_becomes_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: NOW + 0.5)
    access = Asked({"queue-release": DONE})
    said(queue, access, "release", "--older-than", "2h")
    assert access.acts == [("queue-release", {"before": NOW - 7200})]


@pytest.mark.parametrize("words", [(), ("--all", "7")])
def test_nothing_is_done_to_what_nobody_named(words: tuple[str, ...]) -> None:
    access = Asked({})
    assert said(queue, access, "retry", *words)[0] == 2
    assert access.acts == []


def test_what_is_being_tried_or_gone_is_told() -> None:
    access = Asked({"queue-retry": {"done": 1, "busy": 1}})
    told = said(queue, access, "retry", "1", "2", "3", "3")[1]
    assert told == (
        "due now: 1 recipient; 1 stayed as they were: they are being tried at the moment; 1 of the"
        " numbers are not in the queue\n"
    )


@pytest.mark.parametrize("act", ["bounce", "discard"])
def test_what_tells_or_loses_is_asked_for(act: str) -> None:
    access = Asked({"queue-count": {"total": 9}, f"queue-{act}": DONE})
    status, told = said(queue, access, act, "--domain", "b.example", typed="n\n")
    assert status == 1
    assert "9 recipients" in told
    assert [one for one, _ in access.acts] == ["queue-count"]
    assert said(queue, access, act, "--domain", "b.example", typed="y\n")[0] == 0
    assert said(queue, access, act, "1")[0] == 0  # who says the number knows which
    assert [one for one, _ in access.acts].count(f"queue-{act}") == 2


def test_a_list_is_read_page_by_page() -> None:
    def page(after: int, limit: int, **_: Any) -> Any:
        last = min(after + limit, 1201)
        return {"entries": [ENTRY | {"number": one} for one in range(after + 1, last + 1)]}

    access = Asked({"queue-list": page})
    lines = said(queue, access, "list")[1].splitlines()
    assert [int(line.split("\t")[0]) for line in lines] == list(range(1, 1202))
    assert [arguments["after"] for _, arguments in access.acts] == [0, 500, 1000]
    access.acts.clear()
    assert len(said(queue, access, "list", "--limit", "501")[1].splitlines()) == 501
    assert [arguments["limit"] for _, arguments in access.acts] == [500, 1]


def test_suppressions_are_read_page_by_page() -> None:
    one = {"address": "a@b.example", "created": NOW, "until": 0, "status": "", "reply": "No"}
    access = Asked({"suppression-list": lambda after: {"suppressions": [] if after else [one]}})
    line = "a@b.example\t2027-01-15 08:00:00Z\tfor ever\t\tNo\n"
    assert said(suppression, access, "list") == (0, line)
    assert json.loads(said(suppression, access, "list", "--json")[1]) == [one]
    access = Asked({"suppression-list": {"suppressions": []}})
    assert said(suppression, access, "list") == (0, "none\n")


def test_a_route_is_shown() -> None:
    route = {"number": 2, "destination": "*", "username": "me", "sources": ["192.0.2.1"]}
    access = Asked({"route-list": [{"number": 1}, route]})
    status, told = said(routes, access, "show", "2")
    assert status == 0
    assert told.splitlines()[-1].split() == ["sources", "192.0.2.1"]
    with pytest.raises(Refused):
        said(routes, access, "show", "3")
