"""The examples of docs/hooks.md run, and do what stands beside them."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mailhub.model.hook import HookAction, HookFacts, HookStage
from mailhub.model.settings import HookSettings
from mailhub.net import hooks

TEXT = (Path(__file__).parents[2] / "docs" / "hooks.md").read_text()
OVER_HTTP, PACKAGE = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def loaded(source: str) -> Any:
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(source, "docs/hooks.md", "exec"), names)
    return SimpleNamespace(**names)


def test_the_server_decides() -> None:
    decide = loaded(OVER_HTTP).decide
    facts = {"recipients": ["joe@example.org", "sales@example.org"]}
    assert decide(facts)["action"] == "defer"
    assert decide({**facts, "user": "joe@example.org"}) == {"action": "accept"}
    assert decide({"recipients": ["joe@example.org"]}) == {"action": "accept"}


@pytest.mark.parametrize(
    ("message", "more", "action"),
    [
        (b'Content-Disposition: attachment; filename="a.EXE"', {}, HookAction.REJECT),
        (b'Content-Disposition: attachment; filename="a.pdf"', {}, None),
        (b'filename="a.exe"', {"user": "joe@example.org"}, None),
        (b"", {"size": 30_000_000}, HookAction.DEFER),
    ],
)
def test_the_package_decides(message: bytes, more: Any, action: HookAction | None) -> None:
    facts = HookFacts(stage=HookStage.MESSAGE, message=memoryview(message), **more)
    answer = loaded(PACKAGE).rules(facts)
    assert (answer and answer.action) == action


def test_every_stage_and_setting_is_told_of() -> None:
    for stage in HookStage:
        assert f"\n| `{stage.value}` |" in TEXT
    for name in HookSettings.__dataclass_fields__:
        assert re.search(rf"\b{name}\b", TEXT)


def test_every_field_is_told_of() -> None:
    rows = set(re.findall(r"^\| `(\w+)` \|", TEXT.partition("## What a hook is told")[2], re.M))
    fields = set(HookFacts.__dataclass_fields__) - {"message", "header_length"} | {"header"}
    assert rows == fields


def test_numbers_are_those_of_the_code() -> None:
    assert hooks.ANSWER == 16 * 1024
    assert f"At most {hooks.PENDING} hooks" in TEXT
    assert hooks.CONNECTIONS == 8
    assert HookSettings().timeout == 5
