"""What mailhub asks Redis, what it tries at each greeting, and what administrators are told to
allow, are the same."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from mailhub.coord import redis

pytestmark = pytest.mark.thorough

FOLDER = Path(redis.__file__).parent
PAGE = (Path(__file__).parents[2] / "docs" / "redis.md").read_text()
CALLS = re.compile(r"(?:redis\.)?call\('([A-Z]+)'")
ALWAYS = {"auth", "asking", "cluster", "eval", "evalsha", "select", "sentinel"}
"""Whose refusal says itself which it was, or that are not asked everywhere."""


def documented() -> set[str]:
    rule = PAGE.partition("ACL SETUSER mailhub")[2].partition("\n\n")[0]
    return {word.removeprefix("+") for word in rule.split() if word.startswith("+")}


def in_scripts() -> set[str]:
    texts = [path.read_text() for path in FOLDER.glob("lua/*.lua") if path.stem != "rights"]
    return {name.lower() for text in texts for name in CALLS.findall(text)}


def asked() -> set[str]:
    """First words of `….ask("WORD", …)` in the package."""
    found = set()
    for path in FOLDER.glob("*.py"):
        for one in ast.walk(ast.parse(path.read_text())):
            match one:
                case ast.Call(
                    func=ast.Attribute(attr="ask"), args=[ast.Constant(value=str(word)), *_]
                ):
                    found.add(word.lower())
    return found


def test_what_is_asked_is_documented_and_nothing_else() -> None:
    assert documented() == (in_scripts() | asked() | {"eval", "evalsha"}) - {
        "asking",
        "auth",
        "cluster",
        "select",
        "sentinel",
    }


def test_what_scripts_need_is_tried_at_the_greeting() -> None:
    tried = set(re.findall(r"\{ '([A-Z]+)'", (FOLDER / "lua" / "rights.lua").read_text()))
    needed = in_scripts() | (asked() - ALWAYS - {"role", "info", "subscribe"})
    assert {name.lower() for name in tried} == needed


def test_scripts_take_every_key_from_their_caller() -> None:
    """Redis Cluster demands it: a key is an element of KEYS, or of what they were unpacked to."""
    names = "state|entries|waiting|ready|later|busy|served|back_offs|leases|held|marks"
    for path in FOLDER.glob("lua/*.lua"):
        for name, key in re.findall(r"call\('([A-Z]+)'(?:, ([^,)]+))?", path.read_text()):
            if name in ("TIME", "PUBLISH"):
                continue
            assert re.fullmatch(rf"KEYS\[1\]|{names}", key), (path.name, name, key)
