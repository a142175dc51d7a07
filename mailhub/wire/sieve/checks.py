"""The raw tree to a program: every name, extension and type checked, before any message comes.

All faults are collected, so that a person mends a script in one go. What a program does is
`policy.sieve`'s.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import suppress

from mailhub.model.errors import Invalid
from mailhub.wire.sieve import constants, parser, tree
from mailhub.wire.sieve.arguments import Arguments, arguments_of
from mailhub.wire.sieve.program import Action, Block, Choice, Include, Program, Test, Text
from mailhub.wire.sieve.strings import decoded
from mailhub.wire.sieve.tree import FAULTS, BadScript, Fault, Place
from mailhub.wire.sieve.vocabulary import COMMANDS, EXTENSIONS, TESTS, Inside, Word
from mailhub.wire.slices import finish

IMPLIED = {"vacation-seconds": "vacation"}
"""Extensions that bring another one (RFC 6131 section 2)."""
_CHOICES = frozenset({"if", "elsif", "else"})


def compiled(source: str) -> Program:
    """The program of a script's text. Raises BadScript with up to `FAULTS` faults."""
    return finish(compiling(source))


def compiling(source: str) -> Generator[None, None, Program]:
    """`compiled`, in slices: a script of 64 KiB takes a tenth of a second."""
    commands = yield from parser.parsing(source)
    return (yield from _Checker().program(commands))


class _Full(Exception):
    """Enough faults were found."""


class _Checker:
    def __init__(self) -> None:
        self.extensions: set[str] = set()
        self._granted: set[str] = set()
        self._faults: list[Fault] = []
        self._includes: dict[Include, None] = {}
        self._warnings: list[str] = []

    def program(self, commands: Sequence[tree.Command]) -> Generator[None, None, Program]:
        block: Block = ()
        with suppress(_Full):
            start = self._requirements(commands)
            block = yield from self._block(commands[start:])
        if self._faults:
            raise BadScript(tuple(sorted(self._faults, key=lambda fault: fault.place)))
        extensions = frozenset(self.extensions | self._granted)
        return Program(block, extensions, tuple(self._includes), tuple(self._warnings))

    def fault(self, place: Place, text: str) -> None:
        """Notes what is wrong."""
        self._faults.append(Fault(place, text))
        if len(self._faults) >= FAULTS:
            raise _Full

    def warn(self, place: Place, text: str) -> None:
        """Notes what is allowed, and hardly meant."""
        if len(self._warnings) < FAULTS:
            self._warnings.append(str(Fault(place, text)))

    # -- require

    def _requirements(self, commands: Sequence[tree.Command]) -> int:
        """Reads the `require`s at the start (RFC 5228 section 3.2); how many there are."""
        for position, command in enumerate(commands):
            if command.name != "require":
                return position
            if command.block is not None or command.tests or len(command.arguments) != 1:
                self.fault(command.place, "require takes a list of extensions")
                continue
            [names] = command.arguments
            if not isinstance(names, tree.String | tree.Strings):
                self.fault(command.place, "require takes a list of extensions")
                continue
            for name in (names,) if isinstance(names, tree.String) else names.items:
                self._require(name)
        return len(commands)

    def _require(self, name: tree.String) -> None:
        extension = name.text
        if extension not in EXTENSIONS:
            self.fault(name.place, f"The extension {extension[:60]!r} is not offered")
        self.extensions.add(extension)
        if extension in IMPLIED:
            self.extensions.add(IMPLIED[extension])

    # -- commands

    def _block(self, commands: Sequence[tree.Command]) -> Generator[None, None, Block]:
        made: list[Action | Choice] = []
        position = 0
        while position < len(commands):
            command = commands[position]
            position += 1
            if command.name == "if":
                end = position
                while end < len(commands) and commands[end].name in ("elsif", "else"):
                    end += 1
                    if commands[end - 1].name == "else":
                        break
                made.append((yield from self._choice(commands[position - 1 : end])))
                position = end
            elif command.name in _CHOICES:
                self.fault(command.place, f"{command.name} must follow an if or elsif")
            else:
                action = self._action(command)
                if action is not None:
                    made.append(action)
            yield
        return tuple(made)

    def _choice(self, chain: Sequence[tree.Command]) -> Generator[None, None, Choice]:
        branches: list[tuple[Test | None, Block]] = []
        for command in chain:
            self._check_branch(command)
            if command.name == "else" or not command.tests:
                branches.append((None, (yield from self._block(command.block or ()))))
                continue
            asked = command.tests[0]
            if _asks_for_unknown(asked):
                # RFC 5463 section 4: what stands in there is never run, and may be anything.
                continue
            before = set(self.extensions)
            self.extensions.update(_asked_for(asked))
            self._granted.update(self.extensions)
            test = self._test(asked)
            branches.append((test, (yield from self._block(command.block or ()))))
            self.extensions = before
            yield
        return Choice(chain[0].place, tuple(branches))

    def _check_branch(self, command: tree.Command) -> None:
        if command.arguments:
            self.fault(command.arguments[0].place, f"{command.name} takes no such argument")
        if command.name == "else" and command.tests:
            self.fault(command.place, "else takes no test")
        elif command.name != "else" and len(command.tests) != 1:
            self.fault(command.place, f"{command.name} takes one test")
        if command.block is None:
            self.fault(command.place, f"{command.name} needs a block")

    def _action(self, command: tree.Command) -> Action | None:
        word = COMMANDS.get(command.name)
        if word is None:
            self.fault(command.place, f"Unknown command {command.name}")
            return None
        if command.name == "require":
            self.fault(command.place, "require must stand before all other commands")
            return None
        if command.block is not None:
            self.fault(command.place, f"{command.name} takes no block")
        if command.tests:
            self.fault(command.place, f"{command.name} takes no test")
        given = self._arguments(command.name, command.arguments, command.place, word)
        if given is None:
            return None
        if command.name == "include":
            self._include(given, command.place)
        return Action(command.name, command.place, given.tags, given.positional)

    def _include(self, given: Arguments, place: Place) -> None:
        name = given.positional[0]
        constant = name.constant if isinstance(name, Text) else None
        if constant is None:
            self.fault(place, "The name of an included script must be constant")
            return
        self._includes[Include(constant, given.tags.get("location") == "global")] = None

    # -- tests

    def _test(self, test: tree.Test) -> Test:
        word = TESTS.get(test.name)
        if word is None:
            self.fault(test.place, f"Unknown test {test.name}")
            return Test("false", test.place, {}, ())
        given = self._arguments(test.name, test.arguments, test.place, word)
        tests = tuple(self._test(one) for one in test.tests)
        if word.inside is Inside.NONE and tests:
            self.fault(test.place, f"{test.name} takes no test")
        elif word.inside is Inside.ONE and len(tests) != 1:
            self.fault(test.place, f"{test.name} takes one test")
        elif word.inside is Inside.MANY and not tests:
            self.fault(test.place, f"{test.name} takes a list of tests")
        if given is None:
            return Test("false", test.place, {}, ())
        return Test(test.name, test.place, given.tags, given.positional, tests)

    def _arguments(
        self, name: str, arguments: Sequence[tree.Argument], place: Place, word: Word
    ) -> Arguments | None:
        """Arguments of the right types; None where something was wrong."""
        before = len(self._faults)
        if word.needs and not self.extensions.intersection(word.needs):
            self.fault(place, f'{name} needs require "{word.needs[0]}"')
        given = arguments_of(name, arguments, place, word, self.extensions, self.fault)
        if len(self._faults) > before:
            return None
        try:
            constants.check(name, given.tags, given.positional, self.fault, self.warn)
        except Invalid as error:
            self.fault(place, error.text)
        return given


def _asked_for(test: tree.Test) -> set[str]:
    """Extensions that must be there where `test` holds."""
    if test.name == "allof":
        return {name for one in test.tests for name in _asked_for(one)}
    if test.name != "ihave" or len(test.arguments) != 1:
        return set()
    [names] = test.arguments
    if isinstance(names, tree.String):
        return {decoded(names.text)}
    return {one.text for one in names.items} if isinstance(names, tree.Strings) else set()


def _asks_for_unknown(test: tree.Test) -> bool:
    return not _asked_for(test).issubset(EXTENSIONS)
