"""The words of a notification that people read: a template that an administrator can edit.

Pure: text in, words out. What machines read, and how a message is put together, is
`queue.report`'s.
"""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import Template

from mailhub.model.errors import Invalid
from mailhub.model.queue import Action
from mailhub.ports import Log

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


def source() -> str:
    """The template that comes along, to be copied and edited."""
    # Not importlib.resources: it imports its parts when first used, and by then the server may
    # have become a user who cannot read root's Python.
    text = pkgutil.get_data(__package__, "notice.txt")
    assert text is not None
    return text.decode()


def default() -> Wording:
    """The words that come along."""
    return parse(source())


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


class EditedWording:
    """The words of an administrator's template, as it is now; those that come along where it is
    away or wrong, so that nobody goes without a notification for a typing error."""

    def __init__(self, read: Callable[[], str | None], log: Log) -> None:
        self._read = read
        self._log = log
        self._text: str | None = ""
        self._default = self._wording = default()

    def __call__(self) -> Wording:
        """The words; a text that is not the last one is parsed, and complained about, once."""
        text = self._read()
        if text != self._text:
            self._text = text
            self._wording = self._parsed(text)
        return self._wording

    def _parsed(self, text: str | None) -> Wording:
        if text is None:
            self._log.event("notice", outcome="no template", level="warn")
            return self._default
        try:
            return parse(text)
        except Invalid as error:
            self._log.event("notice", outcome="bad template", level="warn", reason=error.text)
            return self._default
