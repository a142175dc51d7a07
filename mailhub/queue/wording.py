"""The words of a notification that people read: a template that an administrator can edit.

Pure: text in, words out. What machines read, and how a message is put together, is
`queue.report`'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from string import Template

from mailhub.model.errors import Invalid
from mailhub.model.queue import Action

FIELDS = ("hostname", "sender", "arrived", "until", "subject", "count", "recipients")
LIMIT = 64 * 1024
"""Characters of a template."""
_SECTION = re.compile(r"\[(\w+)\][ \t]*")
_SUBJECT = "subject:"


@dataclass(frozen=True, slots=True)
class Words:
    """The words for one action, with `$fields`."""

    subject: Template
    text: Template

    def filled(self, values: Mapping[str, str]) -> tuple[str, str]:
        """Subject and text. `values`: all of FIELDS."""
        return self.subject.substitute(values), self.text.substitute(values)


Wording = Mapping[Action, Words]


def parse(text: str) -> Wording:
    """The words of a template, for every action. Raises Invalid, saying what is wrong where."""
    if len(text) > LIMIT:
        raise Invalid("The template is too long")
    sections: dict[Action, list[str]] = {}
    lines: list[str] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("#"):
            continue
        begins = _SECTION.fullmatch(line)
        if begins is not None:
            lines = sections[_action(begins[1], number)] = []
        elif lines is not None:
            lines.append(line)
        elif line.strip():
            raise Invalid(f"Line {number} stands before the first section")
    missing = [action.value for action in Action if action not in sections]
    if missing:
        raise Invalid(f"There are no words for {', '.join(missing)}")
    return {action: _words(action, lines) for action, lines in sections.items()}


def default() -> Wording:
    """The words that come along."""
    return parse(resources.files("mailhub.queue").joinpath("notice.txt").read_text("utf-8"))


def _action(name: str, number: int) -> Action:
    try:
        return Action(name)
    except ValueError:
        raise Invalid(f"Line {number}: there is no section {name}") from None


def _words(action: Action, lines: list[str]) -> Words:
    text = "\n".join(lines).strip("\n")
    first, _, rest = text.partition("\n")
    if first[: len(_SUBJECT)].lower() != _SUBJECT:
        raise Invalid(f"The first line of {action.value} is not its Subject")
    words = Words(Template(first[len(_SUBJECT) :].strip()), Template(rest.strip("\n") + "\n"))
    try:
        words.filled(dict.fromkeys(FIELDS, "x"))
    except KeyError as error:
        raise Invalid(f"Nothing stands for ${error.args[0]} in {action.value}") from None
    except ValueError:
        raise Invalid(f"A dollar sign in {action.value} stands for nothing; write $$") from None
    return words
