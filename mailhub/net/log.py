"""One line an event, JSON or plain: the server's own events and what Twisted logs, in one stream.

`ServiceLog` is `ports.Log`; `Observer` takes what goes through `twisted.logger`. Both escape every
control character and mask what is named like a secret. May not decide what is worth an event.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii as _quoted
from typing import IO, Any

from twisted.internet.interfaces import IReactorTime
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent
from twisted.python.failure import Failure
from zope.interface import implementer

LEVELS = {"debug": 10, "info": 20, "warn": 30, "error": 40, "critical": 50}
SECRETS = re.compile(r"passw|secret|token|authorization|credential|cookie", re.IGNORECASE)
MASK = "***"
LONGEST_VALUE = 1000
"""Characters of one field; the rest is cut."""
LONGEST_TRACE = 8000
_ENCODER = json.JSONEncoder(separators=(",", ":"))
_CONTROLS = {code: f"\\x{code:02x}" for code in [*range(32), *range(127, 160)]} | {
    0x2028: "\\u2028",
    0x2029: "\\u2029",
    ord("\\"): "\\\\",
}

Formatter = Callable[[float, str, str, Mapping[str, object]], str]
"""(time, level, verb, fields) to one line without its end."""


class Sink:
    """Where lines go. They are written together once a reactor turn, not one system call each."""

    def __init__(
        self, where: str | IO[str], reactor: IReactorTime | None, format: str = "auto"
    ) -> None:
        """`where`: a path, or what is open already. Empty: standard output, as it was before
        Twisted redirected it."""
        self._path = where if isinstance(where, str) else ""
        self._reactor = reactor
        self._lines: list[str] = []
        self._file = self._open() if isinstance(where, str) else where
        plain = format == "plain" or (format == "auto" and self._file.isatty())
        self.format: Formatter = plain_line if plain else json_line

    def _open(self) -> IO[str]:
        if not self._path:
            out = sys.__stdout__
            assert out is not None
            return out
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        return os.fdopen(descriptor, "a", encoding="ascii", errors="backslashreplace")

    def reopen(self) -> None:
        """Goes on in a fresh file of the same name, after it was rotated; in the old one where
        there may be no new one."""
        if self._path:
            self.flush()
            try:
                fresh = self._open()
            except OSError as error:
                reason = {"reason": str(error)}
                self.put(self.format(time.time(), "error", "log-not-reopened", reason))
                return
            old, self._file = self._file, fresh
            old.close()

    def put(self, line: str) -> None:
        """Queues a line for the end of this turn."""
        if not self._lines and self._reactor is not None:
            self._reactor.callLater(0, self.flush)
        self._lines.append(line)
        if self._reactor is None:
            self.flush()

    def flush(self) -> None:
        """Writes what is queued; a full disk must not stop the mail, so errors pass."""
        lines, self._lines = self._lines, []
        if not lines:
            return
        lines.append("")
        try:
            self._file.write("\n".join(lines))
            self._file.flush()
        except (OSError, ValueError):
            return


class ServiceLog:
    """`ports.Log`: `event("deliver", peer=…, outcome=…)`; a field `level` sets other than info."""

    def __init__(self, sink: Sink, level: str = "info") -> None:
        self._sink = sink
        self._least = LEVELS[level]

    def event(self, verb: str, **fields: object) -> None:
        """Writes one line."""
        level = str(fields.pop("level", "info"))
        if LEVELS.get(level, 20) >= self._least:
            sink = self._sink
            sink.put(sink.format(time.time(), level, verb, fields))


@implementer(ILogObserver)
class Observer:
    """Twisted's own events, and failures with their traceback, as lines of the same shape."""

    def __init__(self, sink: Sink, level: str = "info") -> None:
        self._sink = sink
        self._least = LEVELS[level]

    def __call__(self, event: LogEvent) -> None:
        level = event.get("log_level", LogLevel.info).name
        failure = event.get("log_failure")
        if event.get("log_namespace") == "log_legacy" and not event.get("isError"):
            level = "debug"  # ports opening and closing, factories: Twisted's small talk
        if LEVELS.get(level, 20) < self._least:
            return
        fields: dict[str, object] = {"text": formatEvent(event)}
        if isinstance(failure, Failure):
            fields["error"] = f"{failure.type and failure.type.__name__}: {failure.value}"
            fields["traceback"] = failure.getTraceback()[-LONGEST_TRACE:]
        space = str(event.get("log_namespace", "twisted"))
        now = float(event.get("log_time", 0)) or time.time()
        self._sink.put(self._sink.format(now, level, space, fields))


def json_line(at: float, level: str, verb: str, fields: Mapping[str, object]) -> str:
    """An object on one line, ASCII alone: every control and separator is escaped."""
    pieces = [f'{{"time":"{stamp(at)}","level":{_quoted(level)},"verb":{_quoted(verb)}']
    for name, value in fields.items():
        if type(value) is str and len(value) <= LONGEST_VALUE and not _is_secret(name):
            text = _quoted(value)
        elif type(value) is int:
            text = str(value)
        elif value is None:
            text = "null"
        else:
            value = clean(name, value)
            text = _quoted(value) if isinstance(value, str) else _ENCODER.encode(value)
        pieces.append(_key(name) + text)
    return ",".join(pieces) + "}"


@lru_cache(maxsize=1000)
def _key(name: str) -> str:
    return f"{_quoted(name)}:"


def plain_line(at: float, level: str, verb: str, fields: Mapping[str, object]) -> str:
    """For people: time, level, verb, then `name=value`."""
    words = [stamp(at)[11:23], level.ljust(5), verb]
    for name, value in fields.items():
        text = str(clean(name, value))
        words.append(f"{name}={text}" if " " not in text else f'{name}="{text}"')
    return " ".join(words).translate(_CONTROLS)


def stamp(at: float) -> str:
    """Epoch seconds in UTC, with milliseconds."""
    second, millisecond = divmod(int(at * 1000), 1000)
    return f"{_second(second)}.{millisecond:03}+00:00"


@lru_cache(maxsize=2)
def _second(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def clean(name: str, value: object) -> object:
    """A value that is safe to log under `name`: masked, shortened, text or a plain JSON type."""
    kind = type(value)
    if kind is str and not _is_secret(name):
        return _shortened(name, value)  # type: ignore[arg-type]
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return round(value, 6)
    if _is_secret(name):
        return MASK
    if isinstance(value, str):
        return _shortened(name, value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        value = bytes(value[:LONGEST_VALUE]).decode("ascii", "backslashreplace")
    if isinstance(value, Mapping):
        return {str(key): clean(str(key), item) for key, item in list(value.items())[:100]}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [clean(name, item) for item in list(value)[:100]]
    return _shortened(name, str(value))


def _shortened(name: str, text: str) -> str:
    longest = LONGEST_TRACE if name == "traceback" else LONGEST_VALUE
    return text if len(text) <= longest else text[:longest] + "…"


@lru_cache(maxsize=1000)
def _is_secret(name: str) -> bool:
    return SECRETS.search(name) is not None


def terminal() -> Any:
    """Standard output as it was before Twisted redirected it into the log."""
    return sys.__stdout__
