"""Tokens to the raw tree (RFC 5228 section 8.2); names and arguments are not looked at yet."""

from __future__ import annotations

from collections.abc import Generator

from mailhub.wire.sieve.tokens import Kind, Lexer, Token
from mailhub.wire.sieve.tree import (
    COMMANDS,
    LIST,
    NESTING,
    Argument,
    BadScript,
    Command,
    Fault,
    Number,
    String,
    Strings,
    Tag,
    Test,
)
from mailhub.wire.slices import finish

Commands = Generator[None, None, tuple[Command, ...]]


def parse(source: str) -> tuple[Command, ...]:
    """The commands of a script. Raises BadScript at the first fault."""
    return finish(parsing(source))


def parsing(source: str) -> Commands:
    """`parse`, which yields after every command."""
    return _Parser(source).script()


class _Parser:
    """A place in a script. Its recursion is bounded by `NESTING`."""

    def __init__(self, source: str) -> None:
        self._tokens = iter(Lexer(source))
        self._next = next(self._tokens)
        self._count = 0

    def script(self) -> Commands:
        commands = yield from self._commands(0)
        if self._next.kind is not Kind.END:
            raise self._unexpected("a command")
        return commands

    # -- the grammar's rules

    def _commands(self, depth: int) -> Commands:
        found: list[Command] = []
        while self._next.kind is Kind.IDENTIFIER:
            found.append((yield from self._command(depth)))
            yield
        return tuple(found)

    def _command(self, depth: int) -> Generator[None, None, Command]:
        name = self._counted(depth)
        arguments, tests = self._arguments(depth)
        block: tuple[Command, ...] | None = None
        if self._is("{"):
            self._take()
            block = yield from self._commands(depth + 1)
            self._expect("}", "a command or '}'")
        else:
            self._expect(";", "';' or a block" if tests else "an argument, ';' or a block")
        return Command(name.text, arguments, tests, block, name.place)

    def _test(self, depth: int) -> Test:
        if self._next.kind is not Kind.IDENTIFIER:
            raise self._unexpected("a test")
        name = self._counted(depth)
        arguments, tests = self._arguments(depth)
        return Test(name.text, arguments, tests, name.place)

    def _arguments(self, depth: int) -> tuple[tuple[Argument, ...], tuple[Test, ...]]:
        arguments: list[Argument] = []
        while (argument := self._argument()) is not None:
            arguments.append(argument)
        tests: list[Test] = []
        if self._next.kind is Kind.IDENTIFIER:
            tests.append(self._test(depth + 1))
        elif self._is("("):
            self._take()
            tests.append(self._test(depth + 1))
            while self._is(","):
                self._take()
                tests.append(self._test(depth + 1))
            self._expect(")", "',' or ')'")
        return tuple(arguments), tuple(tests)

    def _argument(self) -> Argument | None:
        token = self._next
        if token.kind is Kind.TAG:
            return Tag(self._take().text, token.place)
        if token.kind is Kind.NUMBER:
            return Number(self._take().value, token.place)
        if token.kind is Kind.STRING:
            return String(self._take().text, token.place)
        return self._list() if self._is("[") else None

    def _list(self) -> Strings:
        place = self._take().place
        items: list[String] = []
        # RFC 5228 8.2 wants one string at least; Pigeonhole takes an empty list as well, and
        # some web mailers write it.
        going_on = not self._is("]")
        while going_on:
            if self._next.kind is not Kind.STRING:
                raise self._unexpected("a string")
            if len(items) >= LIST:
                raise _bad(self._next, f"The list has more than {LIST} strings")
            token = self._take()
            items.append(String(token.text, token.place))
            going_on = self._is(",")
            if going_on:
                self._take()
        self._expect("]", "',' or ']'")
        return Strings(tuple(items), place)

    # -- tokens

    def _counted(self, depth: int) -> Token:
        """The name of a command or test, within the limits."""
        token = self._take()
        self._count += 1
        if depth > NESTING:
            raise _bad(token, f"More than {NESTING} blocks or tests inside one another")
        if self._count > COMMANDS:
            raise _bad(token, f"More than {COMMANDS} commands and tests")
        return token

    def _is(self, sign: str) -> bool:
        return self._next.kind is Kind.SIGN and self._next.text == sign

    def _take(self) -> Token:
        token = self._next
        if token.kind is not Kind.END:
            self._next = next(self._tokens)
        return token

    def _expect(self, sign: str, wanted: str) -> None:
        if not self._is(sign):
            raise self._unexpected(wanted)
        self._take()

    def _unexpected(self, wanted: str) -> BadScript:
        return _bad(self._next, f"Expected {wanted}, found {self._next}")


def _bad(token: Token, text: str) -> BadScript:
    return BadScript((Fault(token.place, text),))
