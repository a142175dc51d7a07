"""The store's SQL as PostgreSQL wants it: the same statements, with the functions for JSON and sets
that the two databases name differently, and the driver's marks for parameters.

Pure, and done once a statement: what comes out is kept by its text. A statement must already say
which values out of a JSON array are numbers (`CAST(value AS BIGINT)`); SQLite needs no such word,
and is not slower for it. No connection is known here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

_TOKEN = re.compile(
    r"(?P<text>'(?:[^']|'')*')|:(?P<name>[a-z_][a-z_0-9]*)|(?P<mark>\?)|(?P<word>[A-Za-z_][A-Za-z_0-9.]*)"
    r"|(?P<other>\s+|::|.)",
    re.S,
)
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_COLUMN_TYPES = (
    (re.compile(r"\bINTEGER\b"), "BIGINT"),
    (re.compile(r"\bBLOB\b"), "BYTEA"),
    (re.compile(r"\)\s*WITHOUT ROWID\s*$"), ")"),
)


_NUMBERS = frozenset({"'$.entry'", "'$.of[0]'"})
"""What is a number in the journal's details."""


@lru_cache(maxsize=4096)
def translated(sql: str) -> str:
    """A statement of the store for psycopg."""
    return "".join(_written(_parsed(iter(_tokens(sql)))))


def table(sql: str) -> str:
    """A `CREATE` statement of the store."""
    for found, wanted in _COLUMN_TYPES:
        sql = found.sub(wanted, sql)
    return translated(sql)


@dataclass(frozen=True, slots=True)
class _Group:
    """What stands in parentheses behind `word`, which is empty where nothing is called."""

    word: str
    parts: Sequence[_Part]

    def arguments(self) -> list[str]:
        """What stands between its commas, translated."""
        found: list[list[_Part]] = [[]]
        for part in self.parts:
            if part == ",":
                found.append([])
            else:
                found[-1].append(part)
        return ["".join(_written(one)).strip() for one in found]


_Part = str | _Group


def _tokens(sql: str) -> Iterator[str]:
    for match in _TOKEN.finditer(sql):
        match match.lastgroup:
            case "name":
                yield f"%({match['name']})s"
            case "mark":
                yield "%s"
            case "text" | "other":
                yield match[0].replace("%", "%%")
            case _:
                yield match[0]


def _parsed(tokens: Iterator[str]) -> list[_Part]:
    """Until the parenthesis that closes this group, or the end."""
    parts: list[_Part] = []
    for part in tokens:
        if part == ")":
            return parts
        if part == "(":
            called = bool(parts) and isinstance(parts[-1], str) and parts[-1].lower() in _CALLS
            word = parts.pop() if called else ""
            assert isinstance(word, str)
            parts.append(_Group(word.lower(), _parsed(tokens)))
        else:
            parts.append(part)
    return parts


def _written(parts: Sequence[_Part]) -> Iterator[str]:
    position = 0
    while position < len(parts):
        part = parts[position]
        position += 1
        if isinstance(part, _Group):
            if part.word == "json_each":
                alias, position = _alias(parts, position)
                yield f"{_each(part.arguments())} WITH ORDINALITY AS {alias}(value, key)"
            elif part.word:
                yield _CALLS[part.word](part)
            else:
                yield f"({''.join(_written(part.parts))})"
        elif part == "LIKE":
            yield "ILIKE"  # SQLite's does not tell the case of ASCII letters.
        elif part == "INDEXED":
            position += 4  # … BY name: PostgreSQL's planner chooses by its statistics.
        else:
            yield part


def _alias(parts: Sequence[_Part], position: int) -> tuple[str, int]:
    """The name behind AS, if there is one, and where it goes on."""
    following = [part for part in parts[position : position + 4] if isinstance(part, str)]
    if len(following) == 4 and following[1] == "AS":
        return following[3], position + 4
    return "each", position


def _path(path: str) -> str:
    """`'$.a[0]'` as PostgreSQL's `{a,0}`."""
    steps = [name or place for name, place in _STEP.findall(path)]
    return "'{" + ",".join(steps) + "}'"


def _json(value: str) -> str:
    # Details of the journal may be empty, and conditions may be tried in any order.
    return f"nullif({value}, '')::json"


def _each(arguments: Sequence[str]) -> str:
    value = _json(arguments[0])
    if len(arguments) > 1:
        value = f"({value} #> {_path(arguments[1])})"
    return f"json_array_elements_text({value})"


def _concatenated(group: _Group) -> str:
    value, *given = group.arguments()
    if given == ["''"]:
        return f"string_agg({value}, ''::bytea)"
    distinct = "DISTINCT " if value.startswith("DISTINCT ") else ""
    value = value.removeprefix("DISTINCT ")
    separator = given[0] if given else "','"
    return f"string_agg({distinct}({value})::text, {separator})"


def _cast(group: _Group) -> str:
    written = "".join(_written(group.parts))
    value, _, kind = written.rpartition(" AS ")
    return f"({value})::{'bytea' if kind == 'BLOB' else kind.lower()}"


def _of_several(one: str, several: str) -> Callable[[_Group], str]:
    def call(group: _Group) -> str:
        arguments = group.arguments()
        return f"{several if len(arguments) > 1 else one}({', '.join(arguments)})"

    return call


def _renamed(name: str) -> Callable[[_Group], str]:
    return lambda group: f"{name}({', '.join(group.arguments())})"


def _part(group: _Group) -> str:
    # Its numbers are 32 bits wide, parameters are not.
    value, *places = group.arguments()
    return f"substr({', '.join([value, *(f'({place})::integer' for place in places)])})"


def _extracted(group: _Group) -> str:
    value, path = group.arguments()
    found = f"({_json(value)} #>> {_path(path)})"
    return f"({found}::bigint)" if path in _NUMBERS else found


_CALLS: dict[str, Callable[[_Group], str]] = {
    "json_each": lambda group: _each(group.arguments()),
    "json_extract": _extracted,
    "json_group_array": lambda group: f"coalesce(json_agg({group.arguments()[0]}), '[]')",
    "json_array": _renamed("json_build_array"),
    "json": lambda group: _json(f"({group.arguments()[0]})::text"),
    "group_concat": _concatenated,
    "cast": _cast,
    "substr": _part,
    "hex": lambda group: f"upper(encode({group.arguments()[0]}, 'hex'))",
    "instr": _renamed("strpos"),
    "max": _of_several("max", "greatest"),
    "min": _of_several("min", "least"),
}
