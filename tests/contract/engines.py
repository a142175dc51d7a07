"""What a statement may ask of a database that keeps accounts apart: the rules by which Citus,
YugabyteDB and CockroachDB can run what PostgreSQL runs. Read off the statement's tree, as
PostgreSQL's own parser makes it.

Tables whose key begins with the account lie on as many machines as there are, by account. So:

- a statement over several of them joins them by the account: no row moves between machines;
- a new row in one of them names its account;
- what is made a list has an order;
- nothing is called that only PostgreSQL by itself has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count

from pglast import ast, parse_sql
from pglast.enums import A_Expr_Kind, BoolExprType, SetOperation
from pglast.visitors import Visitor

ACCOUNT = "account"
_EVERYWHERE = """
    abs array_agg avg btrim clock_timestamp coalesce count decode encode extract greatest
    json_agg json_array_elements_text
    json_build_array lag least length like_escape lower max min nullif octet_length replace
    row_number string_agg string_to_array strpos substr sum to_regclass trim upper
"""
_BUT_ONE = "array_to_tsvector pg_advisory_xact_lock pg_total_relation_size"
"""CockroachDB has neither this index nor this lock: there, `search.index` is off, and one process
begins alone when the tables are made."""
FUNCTIONS = frozenset(f"{_EVERYWHERE} {_BUT_ONE}".split())
_MAKING = (ast.CreateStmt, ast.IndexStmt, ast.AlterTableStmt, ast.DropStmt)
_KINDS = (ast.SelectStmt, ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt)
_MARK = re.compile(r"%\(\w+\)s|%s|%%")
_LISTS = frozenset({"json_agg", "string_agg", "array_agg"})
_VALUE = "a value"
"""Stands for whatever is known before the statement runs."""


def faults(sql: str, sharded: frozenset[str]) -> list[str]:
    """What is wrong with a statement as psycopg gets it. `sharded`: tables by account."""
    numbers = count(1)
    text = _MARK.sub(lambda mark: "%" if mark[0] == "%%" else f"${next(numbers)}", sql)
    found: list[str] = []
    for raw in parse_sql(text):
        if isinstance(raw.stmt, (*_MAKING, ast.TransactionStmt)):
            continue
        if not isinstance(raw.stmt, _KINDS):
            found.append(f"{type(raw.stmt).__name__} is PostgreSQL's own")
            continue
        found += [f"{name}() is PostgreSQL's own" for name in _called(raw.stmt) - FUNCTIONS]
        found += _unordered(raw.stmt)
        reading = _Reading(sharded)
        reading.statement(raw.stmt, None)
        found += reading.found
    return found


def _unordered(statement: ast.Node) -> Iterator[str]:
    """Lists that may come in any order: SQLite's come as rows are found, and that is by key."""
    selects: list[ast.SelectStmt] = []

    class Selects(Visitor):  # type: ignore[misc]
        def visit_SelectStmt(self, _: object, node: ast.SelectStmt) -> None:
            selects.append(node)

    Selects()(statement)
    for select in selects:
        items = select.fromClause or ()
        if len(items) == 1 and isinstance(items[0], ast.RangeSubselect):
            continue  # in the order that the rows below have
        if len(items) == 1 and isinstance(items[0], ast.RangeFunction):
            continue
        for call in _aggregates(select.targetList):
            if call.agg_order is None and not call.agg_distinct:
                yield f"{call.funcname[-1].sval}() in no order"


def _aggregates(node: object) -> Iterator[ast.FuncCall]:
    """Lists that an expression makes, not those of statements in it."""
    if isinstance(node, ast.FuncCall) and node.funcname[-1].sval in _LISTS:
        yield node
    if isinstance(node, tuple | list):
        for one in node:
            yield from _aggregates(one)
    elif isinstance(node, ast.Node) and not isinstance(node, ast.SubLink):
        for name in node:
            yield from _aggregates(getattr(node, name))


def _called(statement: ast.Node) -> set[str]:
    names: set[str] = set()

    class Calls(Visitor):  # type: ignore[misc]
        def visit_FuncCall(self, _: object, node: ast.FuncCall) -> None:
            names.add(node.funcname[-1].sval)

    Calls()(statement)
    return names


@dataclass
class _Scope:
    """One SELECT, UPDATE or DELETE. `accounts`: the place of the account of each relation that has
    one. `plain`: names of the others. `members`: every table by account in it and below; `sources`:
    from how many tables and statements below they come."""

    outer: _Scope | None
    accounts: dict[str, str] = field(default_factory=dict)
    plain: set[str] = field(default_factory=set)
    members: list[str] = field(default_factory=list)
    sources: int = 0

    def take(self, members: list[str]) -> None:
        """Tables that are joined with what is there."""
        self.members += members
        self.sources += bool(members)


class _Reading:
    """One statement. `found`: its faults."""

    def __init__(self, sharded: frozenset[str]) -> None:
        self.found: list[str] = []
        self._sharded = sharded
        self._numbers = count(1)
        self._parents: dict[str, str] = {}
        self._named: dict[str, tuple[str | None, list[str]]] = {}
        self._known: dict[int, tuple[str | None, list[str]]] = {}

    # -- places that hold the same account

    def _root(self, place: str) -> str:
        while (parent := self._parents.get(place, place)) != place:
            place = parent
        return place

    def _same(self, one: str | None, other: str | None) -> None:
        if one is not None and other is not None:
            self._parents[self._root(one)] = self._root(other)

    # -- statements

    def statement(self, node: ast.Node, outer: _Scope | None) -> tuple[str | None, list[str]]:
        """Where its rows' account comes from, if they have one; its tables by account."""
        if id(node) not in self._known:
            self._known[id(node)] = self._read(node, outer)
        return self._known[id(node)]

    def _read(self, node: ast.Node, outer: _Scope | None) -> tuple[str | None, list[str]]:
        for each in self._common(node):
            self._named[each.ctename] = self.statement(each.ctequery, outer)
        if isinstance(node, ast.InsertStmt):
            return self._insert(node, outer)
        if isinstance(node, ast.SelectStmt) and node.op != SetOperation.SETOP_NONE:
            left, right = self.statement(node.larg, outer), self.statement(node.rarg, outer)
            self._same(left[0], right[0])
            return left[0], left[1] + right[1]
        return self._scope(node, outer)

    @staticmethod
    def _common(node: ast.Node) -> Iterable[ast.CommonTableExpr]:
        clause = getattr(node, "withClause", None)
        return clause.ctes if clause is not None else ()

    def _insert(self, node: ast.InsertStmt, outer: _Scope | None) -> tuple[str | None, list[str]]:
        table = node.relation.relname
        if table in self._sharded and ACCOUNT not in {one.name for one in node.cols or ()}:
            self.found.append(f"a new row of {table} names no account")
        if node.selectStmt is not None:
            self.statement(node.selectStmt, outer)
        return None, []

    def _scope(self, node: ast.Node, outer: _Scope | None) -> tuple[str | None, list[str]]:
        scope = _Scope(outer)
        relation = getattr(node, "relation", None)
        given = getattr(node, "fromClause", None) or getattr(node, "usingClause", None) or ()
        conditions = [node.whereClause]
        for item in (*([relation] if relation is not None else ()), *given):
            conditions += self._joined(item, scope)
        for condition in conditions:
            self._tied(condition, scope)
        self._below(node, scope)
        classes = {self._root(member) for member in scope.members}
        # What comes from one statement below alone is gathered, not joined.
        if len(classes) > 1 and scope.sources > 1:
            names = ", ".join(member.partition(" ")[0] for member in scope.members)
            self.found.append(f"not joined by the account: {names}")
        return self._output(node, scope), scope.members

    def _joined(self, item: ast.Node, scope: _Scope) -> list[ast.Node]:
        """Takes an item of FROM in; the conditions of joins."""
        if isinstance(item, ast.JoinExpr):
            return [*self._joined(item.larg, scope), *self._joined(item.rarg, scope), item.quals]
        alias = item.alias.aliasname if item.alias is not None else getattr(item, "relname", "")
        if isinstance(item, ast.RangeSubselect):
            self._derived(alias, self.statement(item.subquery, scope), scope)
        elif isinstance(item, ast.RangeVar) and item.relname in self._named:
            self._derived(alias, self._named[item.relname], scope)
        elif isinstance(item, ast.RangeVar) and item.relname in self._sharded:
            place = f"{item.relname} {next(self._numbers)}"
            scope.accounts[alias] = place
            scope.take([place])
        else:
            scope.plain.add(alias)
        return []

    @staticmethod
    def _derived(alias: str, made: tuple[str | None, list[str]], scope: _Scope) -> None:
        place, members = made
        scope.take(members)
        if place is None:
            scope.plain.add(alias)
        else:
            scope.accounts[alias] = place

    def _output(self, node: ast.Node, scope: _Scope) -> str | None:
        for target in getattr(node, "targetList", None) or ():
            value = target.val
            name = target.name or (_column(value) or ("", ""))[1]
            if name == ACCOUNT:
                return self._place(value, scope)
        return None

    # -- conditions

    def _tied(self, node: ast.Node | None, scope: _Scope) -> None:
        """What must hold for every row."""
        if isinstance(node, ast.BoolExpr) and node.boolop == BoolExprType.AND_EXPR:
            for part in node.args:
                self._tied(part, scope)
        elif isinstance(node, ast.A_Expr) and node.kind == A_Expr_Kind.AEXPR_OP:
            if node.name[0].sval == "=":
                for one, other in _pairs(node.lexpr, node.rexpr):
                    self._equal(one, other, scope)
        elif isinstance(node, ast.SubLink) and node.testexpr is not None:
            targets = getattr(node.subselect, "targetList", None) or ()
            tested = _parts(node.testexpr)
            place, _ = self.statement(node.subselect, scope)
            for one, target in zip(tested, targets, strict=False):
                name = target.name or (_column(target.val) or ("", ""))[1]
                if _is_account(one) and name == ACCOUNT:
                    self._same(self._place(one, scope), place)

    def _equal(self, one: ast.Node, other: ast.Node, scope: _Scope) -> None:
        if _is_account(one) or _is_account(other):
            self._same(self._place(one, scope), self._place(other, scope))

    def _place(self, node: ast.Node, scope: _Scope) -> str | None:
        """Of which account an expression is; None where that is not known."""
        column = _column(node)
        if column is None:
            return _VALUE
        table, name = column
        here: _Scope | None = scope
        while here is not None:
            if table in here.accounts:
                return here.accounts[table] if name == ACCOUNT else None
            if table in here.plain:
                return _VALUE
            if not table and name == ACCOUNT and here.accounts:
                return next(iter(here.accounts.values()))
            if not table and not here.accounts:
                return _VALUE
            here = here.outer
        return None

    # -- what stands below

    def _below(self, node: ast.Node, scope: _Scope) -> None:
        for inner in _subselects(node):
            _, members = self.statement(inner, scope)
            scope.take(members)


def _subselects(node: ast.Node) -> Iterator[ast.Node]:
    """Those in expressions of a statement, not those in FROM, nor what stands in them."""
    places = ("targetList", "whereClause", "havingClause", "returningList", "sortClause")
    waiting = [getattr(node, place, None) for place in places]
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.SubLink):
            yield one.subselect
            waiting.append(one.testexpr)
        elif isinstance(one, tuple | list):
            waiting += one
        elif isinstance(one, ast.Node):
            waiting += [getattr(one, name) for name in one]


def _pairs(one: ast.Node, other: ast.Node) -> Iterable[tuple[ast.Node, ast.Node]]:
    return zip(_parts(one), _parts(other), strict=False)


def _parts(node: ast.Node) -> tuple[ast.Node, ...]:
    return node.args if isinstance(node, ast.RowExpr) else (node,)


def _column(node: ast.Node) -> tuple[str, str] | None:
    """Table, if it is said, and name of a column; a plus before it keeps SQLite from an index."""
    if isinstance(node, ast.A_Expr) and node.lexpr is None and node.name[0].sval == "+":
        node = node.rexpr
    if isinstance(node, ast.ColumnRef):
        names = [getattr(part, "sval", "*") for part in node.fields]
        return (names[-2] if len(names) > 1 else ""), names[-1]
    return None


def _is_account(node: ast.Node) -> bool:
    column = _column(node)
    return column is not None and column[1] == ACCOUNT
