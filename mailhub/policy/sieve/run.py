"""One run of a script: its commands in order, and the outcome at the end.

Nothing is done here to any mailbox. A fault ends the run with the implicit keep alone (RFC 5228
section 2.10.6), whatever was decided before it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import suppress

from mailhub.policy.sieve.actions import ACTIONS, may_edit
from mailhub.policy.sieve.outcome import Filing, Outcome, Seen
from mailhub.policy.sieve.state import Return, Scope, ScriptError, State, Stop
from mailhub.policy.sieve.tests import compare, holds
from mailhub.wire.sieve.program import Action, Block, Choice, Include, Test

Running = Generator[Seen | None, bool | None, None]


def running(state: State) -> Generator[Seen | None, bool | None, Outcome]:
    """Runs the script of the only scope. Yields None where others may have a turn, `Seen` where it
    has to know whether such a mark is there: True or False is sent back. Never raises ScriptError.
    """
    try:
        with suppress(Stop, Return):
            yield from _block(state, state.scope.program.block)
        _check(state)
    except ScriptError as error:
        where = f"{state.scope.name + ':' if state.scope.name else ''}{error.place or ''}"
        kept = Filing(implicit=True)
        return Outcome((kept,), error=f"{where}: {error.text}" if where else error.text)
    filings = list(state.filings)
    if not state.chosen:
        filings.append(Filing(flags=state.flags, header=state.mail.fields.edited, implicit=True))
    return Outcome(
        tuple(filings),
        tuple(state.forwardings),
        state.rejection,
        state.vacation,
        tuple(state.seen.values()),
        state.chosen,
    )


def _check(state: State) -> None:
    """Actions that do not go together (RFC 5429 section 2.6, RFC 5230 section 4.7)."""
    if state.rejection is not None:
        if state.filings or state.forwardings:
            raise ScriptError("A message is either rejected or kept, filed or redirected")
        if state.vacation is not None:
            raise ScriptError("A message is either rejected or answered")


def _block(state: State, block: Block) -> Running:
    for command in block:
        if state.step(command.place):
            yield None
        if isinstance(command, Choice):
            for test, inside in command.branches:
                if test is None or (yield from holds(state, test)):
                    yield from _block(state, inside)
                    break
        elif command.name in LONG:
            yield from LONG[command.name](state, command)
        else:
            ACTIONS[command.name](state, command)


def _addheader(state: State, action: Action) -> Running:
    name, value = (state.texts(one)[0] for one in action.arguments)
    if not may_edit(name, action):
        return
    size = yield from state.mail.fields.add(name, value, last=bool(action.tags.get("last")))
    state.spend(size, action.place)
    if len(state.mail.fields.edited or b"") > state.bounds.header:
        raise ScriptError("The header becomes too long", action.place)


def _deleteheader(state: State, action: Action) -> Running:
    name = state.texts(action.arguments[0])[0]
    if not may_edit(name, action):
        return
    fields = state.mail.fields
    values = yield from fields.values(name)
    state.spend(sum(map(len, values)), action.place)
    chosen = set(range(len(values)))
    index = action.tags.get("index")
    if isinstance(index, int):
        at = len(values) - index if action.tags.get("last") else index - 1
        chosen &= {at}
    if len(action.arguments) == 2 and chosen:
        test = Test("header", action.place, action.tags, ())
        keys = state.texts(action.arguments[1])
        for at in sorted(chosen):
            if not (yield from compare(state, test, [values[at]], keys)):
                chosen.discard(at)
    if chosen:
        yield from fields.remove(name, chosen)


def _include(state: State, action: Action) -> Running:
    """RFC 6609 section 3.2."""
    name = state.texts(action.arguments[0])[0]
    wanted = Include(name, action.tags.get("location") == "global")
    if action.tags.get("once") and wanted in state.included:
        return
    program = state.includable.get(wanted)
    if program is None:
        if action.tags.get("optional"):
            return
        raise ScriptError(f"There is no script {name!r} to include", action.place)
    if len(state.scopes) > state.bounds.depth or state.includes >= state.bounds.includes:
        raise ScriptError("Too many scripts are included", action.place)
    if any(scope.program is program for scope in state.scopes):
        raise ScriptError(f"The script {name!r} includes itself", action.place)
    state.includes += 1
    state.included.add(wanted)
    state.scopes.append(Scope(program, name))
    with suppress(Return):
        yield from _block(state, program.block)
    state.scopes.pop()


LONG: Mapping[str, Callable[[State, Action], Running]] = {
    "addheader": _addheader,
    "deleteheader": _deleteheader,
    "include": _include,
}
"""Commands that may take long."""
