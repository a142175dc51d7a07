"""What rspamd answers to `/checkv2`: JSON, as its own documentation of the protocol has it.

Pure; the answer comes from a program of the administrator's, but much in it from the message.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mailhub.model.errors import Invalid

ACTIONS: Mapping[str, str] = {
    "no action": "no_action",
    "greylist": "greylist",
    "add header": "add_header",
    "rewrite subject": "add_header",
    "soft reject": "soft_reject",
    "reject": "reject",
    "quarantine": "quarantine",
    "discard": "discard",
}
"""Its actions, as settings call them. A subject is not rewritten: that would change the message."""
VALUE = 8192
"""Octets of a header field's value."""
_NAME = re.compile(r"[!-9;-~]{1,100}")
_BREAK = re.compile(r"\r?\n[ \t]*|\r")
_NO_TEXT = re.compile(r"[^\t\n -~]")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`action`: a value of ACTIONS. `said`: words for the client. `fields`: header fields with
    their CRLF."""

    action: str
    score: float
    needed: float
    tests: tuple[str, ...] = ()
    said: str = ""
    fields: tuple[bytes, ...] = ()


def verdict(answer: bytes) -> Verdict:
    """What the answer says. Raises Invalid."""
    try:
        said = json.loads(answer)
    except (ValueError, RecursionError):
        raise Invalid("The answer is no JSON") from None
    if not isinstance(said, dict):
        raise Invalid("The answer is no JSON object")
    action = said.get("action")
    known = ACTIONS.get(action) if isinstance(action, str) else None
    if known is None:
        raise Invalid("The answer has no known action")
    symbols = said.get("symbols")
    return Verdict(
        known,
        _number(said.get("score")),
        _number(said.get("required_score")),
        tuple(map(str, symbols)) if isinstance(symbols, dict) else (),
        _said(said.get("messages")),
        tuple(_fields(said.get("milter"))),
    )


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise Invalid("The answer has no score")
    return float(value)


def _said(messages: Any) -> str:
    text = messages.get("smtp_message", "") if isinstance(messages, dict) else ""
    return _NO_TEXT.sub("?", text)[:400] if isinstance(text, str) else ""


def _fields(milter: Any) -> Iterator[bytes]:
    """`add_headers`: {name: value | {value, order} | a list of these}."""
    added = milter.get("add_headers") if isinstance(milter, dict) else None
    if not isinstance(added, dict):
        return
    for name, given in added.items():
        if not _NAME.fullmatch(name):
            continue
        for one in given if isinstance(given, list) else [given]:
            value = one.get("value") if isinstance(one, dict) else one
            if isinstance(value, str):
                yield f"{name}: {_value(value)}\r\n".encode("ascii")


def _value(text: str) -> str:
    """One value, folded where it was, and whatever it holds no more than a value."""
    lines = [line.strip() for line in _BREAK.sub("\n", text[:VALUE]).split("\n")]
    return "\r\n\t".join(_NO_TEXT.sub("?", line) for line in lines if line)
