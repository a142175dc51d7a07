"""Lines: one an event, whatever is in it, and no secret."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.logger import Logger, LogPublisher

from mailhub.net.log import LONGEST_VALUE, MASK, Observer, ServiceLog, Sink, json_line, plain_line


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log"


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_an_event_is_a_line_of_json(path: Path) -> None:
    ServiceLog(Sink(str(path), None)).event("deliver", peer="192.0.2.1", size=12, outcome="done")
    (line,) = lines(path)
    assert line["verb"] == "deliver"
    assert line["level"] == "info"
    assert (line["peer"], line["size"], line["outcome"]) == ("192.0.2.1", 12, "done")
    assert str(line["time"]).endswith("+00:00")


@given(st.text(), st.one_of(st.text(), st.binary(), st.floats(), st.none(), st.lists(st.text())))
def test_any_value_stays_one_ascii_line(name: str, value: object) -> None:
    for form in (json_line, plain_line):
        line = form(1.0, "info", "verb", {"x" + name: value})
        assert len(line.splitlines()) == 1
    assert json_line(1.0, "info", "verb", {"x" + name: value}).isascii()


def test_controls_are_escaped_in_plain_lines() -> None:
    line = plain_line(1.0, "info", "mail", {"from": "a\r\nFAKE \x1b[31m\x9b2J\\"})
    assert 'from="a\\x0d\\x0aFAKE \\x1b[31m\\x9b2J\\\\"' in line


@pytest.mark.parametrize(
    "name", ["password", "Authorization", "access_token", "new_passwd", "client_secret", "cookie"]
)
def test_what_is_named_like_a_secret_is_masked(name: str) -> None:
    assert json.loads(json_line(1.0, "info", "login", {name: "hunter2"}))[name] == MASK
    nested = json.loads(json_line(1.0, "info", "login", {"body": {name: ["hunter2"]}}))
    assert nested["body"] == {name: MASK}


def test_long_values_are_cut() -> None:
    assert (
        len(json.loads(json_line(1.0, "info", "v", {"a": "x" * 10_000}))["a"]) < 2 * LONGEST_VALUE
    )


def test_levels_below_the_least_are_dropped(path: Path) -> None:
    log = ServiceLog(Sink(str(path), None), "warn")
    log.event("a")
    log.event("b", level="warn")
    log.event("c", level="debug")
    log.event("d", level="error")
    assert [line["verb"] for line in lines(path)] == ["b", "d"]


def test_lines_of_a_turn_leave_together(path: Path) -> None:
    reactor = Clock()
    log = ServiceLog(Sink(str(path), reactor))
    log.event("a")
    log.event("b")
    assert path.read_text() == ""
    assert len(reactor.getDelayedCalls()) == 1
    reactor.advance(0)
    assert [line["verb"] for line in lines(path)] == ["a", "b"]


def test_after_rotation_lines_go_to_the_new_file(path: Path) -> None:
    sink = Sink(str(path), None)
    log = ServiceLog(sink)
    log.event("a")
    path.rename(path.with_suffix(".1"))
    log.event("b")
    sink.reopen()
    log.event("c")
    assert [line["verb"] for line in lines(path.with_suffix(".1"))] == ["a", "b"]
    assert [line["verb"] for line in lines(path)] == ["c"]


def test_where_no_new_file_may_be_made_the_old_one_goes_on(path: Path) -> None:
    sink = Sink(str(path), None)
    log = ServiceLog(sink)
    path.rename(path.with_suffix(".1"))
    path.mkdir()
    sink.reopen()
    log.event("b")
    assert [line["verb"] for line in lines(path.with_suffix(".1"))] == ["log-not-reopened", "b"]


def test_twisteds_events_take_the_same_form(path: Path) -> None:
    publisher = LogPublisher(Observer(Sink(str(path), None)))
    log = Logger("a.module", observer=publisher)
    log.info("said {what}", what="a\nb")
    log.debug("not this")
    try:
        raise ValueError("broken")
    except ValueError:
        log.failure("it failed")
    said, failed = lines(path)
    assert said["verb"] == "a.module"
    assert said["text"] == "said a\nb"
    assert failed["level"] == "critical"
    assert failed["error"] == "ValueError: broken"
    assert "test_log.py" in str(failed["traceback"])


def test_what_is_open_already_is_written_to_and_never_opened_anew() -> None:
    stream = io.StringIO()
    sink = Sink(stream, None, "plain")
    sink.put("one")
    sink.reopen()
    sink.put("two")
    assert stream.getvalue() == "one\ntwo\n"


def test_a_full_disk_does_not_raise() -> None:
    log = ServiceLog(Sink("/dev/full", None))
    log.event("a")
    log.event("b")
