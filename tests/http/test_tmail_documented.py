"""docs/tmail.md speaks of calls, settings and commands that there are."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import click
import pytest

from mailhub.cli import group
from mailhub.model.settings import Settings
from tests.http.tmail import TMail

pytestmark = pytest.mark.thorough

TEXT = (Path(__file__).parents[2] / "docs" / "tmail.md").read_text()


def test_every_call_is_told_of() -> None:
    told = {
        (method, re.sub(r"[A-Z]+$", "{}", path))
        for methods, path in re.findall(r"`((?:[A-Z]+ )+)(/[^`]*)`", TEXT)
        for method in methods.split()
    }
    paths = TMail().get("/openapi.json").json["paths"]
    there = {
        (method.upper(), re.sub(r"\{\w+\}", "{}", path))
        for path, calls in paths.items()
        for method in calls
    }
    assert told - there == {("GET", "/msdata/{}")}
    assert there <= told


def test_every_setting_is_one() -> None:
    sections = {field.name: field for field in fields(Settings)}
    defaults = Settings()
    for section, name in re.findall(r"`([a-z]+)\.([a-z_]+)(?: = [^`]*)?`", TEXT):
        assert hasattr(getattr(defaults, section), name), f"{section}.{name}"
    for section in re.findall(r"`\[+([a-z]+)\]+`", TEXT):
        assert section in sections, section


def test_every_command_is_one() -> None:
    rows = re.findall(r"^\| `(\w+) (\w+)`((?:, `\w+`)*) \| ", TEXT, re.MULTILINE)
    assert [name for name, _, _ in rows] == [
        "user",
        "alias",
        "queue",
        "routes",
        "rcpthost",
        "relayip",
        "dkim",
    ]
    for name, first, others in rows:
        command = group.commands[name]
        assert isinstance(command, click.Group)
        assert {first, *re.findall(r"\w+", others)} <= set(command.commands)


def test_every_page_that_it_names_is_there() -> None:
    folder = Path(__file__).parents[2] / "docs"
    for name in re.findall(r"\]\(([a-z]+\.md)\)", TEXT):
        assert (folder / name).exists()
