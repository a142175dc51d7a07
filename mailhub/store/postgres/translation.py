"""The store's SQL as PostgreSQL wants it: the same statements, with the functions for JSON and sets
that the two databases name differently, and the driver's marks for parameters.

Pure, and done once a statement: what comes out is kept by its text. A statement must already say
which values out of a JSON array are numbers (`CAST(value AS BIGINT)`); SQLite needs no such word,
and is not slower for it. No connection is known here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
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


_ALONE = re.compile(
    r"\b(?P<key>\w+) INTEGER PRIMARY KEY,\s*account BIGINT NOT NULL(?P<rest>.*)\)\s*$", re.S
)
"""A key that finds a row of an account without naming it: a rowid, which is SQLite's fastest."""
_NUMBERS = frozenset({"'$.entry'", "'$.of[0]'"})
"""What is a number in the journal's details."""


@lru_cache(maxsize=4096)
def translated(sql: str) -> str:
    """A statement of the store for psycopg."""
    return "".join(_written(_parsed(iter(_tokens(sql)))))


def table(sql: str) -> str:
    """A `CREATE` statement of the store. What belongs to an account is found by it first: so tables
    can lie on many machines by account."""
    sql = _ALONE.sub(_by_account, sql)
    for found, wanted in _COLUMN_TYPES:
        sql = found.sub(wanted, sql)
    return translated(sql)


def _by_account(match: re.Match[str]) -> str:
    key, rest = match["key"], match["rest"]
    return f"{key} INTEGER NOT NULL, account BIGINT NOT NULL{rest}, PRIMARY KEY (account, {key}))"


@dataclass(frozen=True, slots=True)
class _Group:
    """What stands in parentheses behind `word`, which is empty where nothing is called."""

    word: str
    parts: Sequence[_Part]
    order: Sequence[_Part] = ()
    """Of a list: ORDER BY and what stands behind it."""

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


def _parsed(tokens: Iterator[str]) -> Sequence[_Part]:
    """Until the parenthesis that closes this group, or the end."""
    parts: list[_Part] = []
    for part in tokens:
        if part == ")":
            break
        if part == "(":
            called = bool(parts) and isinstance(parts[-1], str) and parts[-1].lower() in _CALLS
            word = parts.pop() if called else ""
            assert isinstance(word, str)
            parts.append(_Group(word.lower(), _parsed(tokens)))
        else:
            parts.append(part)
    return _listed(parts) if "SELECT" in parts and "GROUP" not in parts else parts


def _listed(parts: Sequence[_Part]) -> Sequence[_Part]:
    """The order of the rows that are made a list goes into the list: SQLite finds them in it, and
    PostgreSQL in any order."""
    if "ORDER" not in parts:
        return parts
    place = parts.index("ORDER")
    lists = _in_order(parts[:place], parts[place:])
    return parts if lists == parts[:place] else lists


def _in_order(parts: Sequence[_Part], order: Sequence[_Part]) -> Sequence[_Part]:
    """With the order in every list that is made of these rows."""
    found: list[_Part] = []
    for part in parts:
        if isinstance(part, _Group) and part.word in _LISTS and "DISTINCT" not in part.parts:
            found.append(replace(part, order=order))
        elif isinstance(part, _Group) and "SELECT" not in part.parts:
            found.append(replace(part, parts=_in_order(part.parts, order)))
        else:
            found.append(part)
    return found


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
    order = _order(group)
    if given == ["''"]:
        return f"string_agg({value}, ''::bytea{order})"
    distinct = "DISTINCT " if value.startswith("DISTINCT ") else ""
    value = value.removeprefix("DISTINCT ")
    separator = given[0] if given else "','"
    return f"string_agg({distinct}({value})::text, {separator}{order})"


def _array(group: _Group) -> str:
    return f"coalesce(json_agg({group.arguments()[0]}{_order(group)}), '[]')"


def _order(group: _Group) -> str:
    return f" {''.join(_written(group.order))}" if group.order else ""


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


_LISTS = frozenset({"json_group_array", "group_concat"})
_CALLS: dict[str, Callable[[_Group], str]] = {
    "json_each": lambda group: _each(group.arguments()),
    "json_extract": _extracted,
    "json_group_array": _array,
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
