"""The commands of Sieve that are done at once: they note what shall become of the message.

`run` has those that compare or run other commands.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import NoReturn

from mailhub.model.errors import Invalid
from mailhub.policy.sieve.flaglists import flags_of, without
from mailhub.policy.sieve.outcome import Filing, Forwarding, Rejection, Vacation
from mailhub.policy.sieve.state import Return, ScriptError, State, Stop
from mailhub.policy.sieve.tests import path_of
from mailhub.wire.sieve import constants
from mailhub.wire.sieve.program import Action, Text
from mailhub.wire.sieve.strings import variable_name

VACATION_DAYS = 7
"""Days between two replies to one sender by default (RFC 5230 section 4.1)."""
DAY = 86400

# -- where the message goes


def _file(state: State, filing: Filing, action: Action) -> None:
    """Once into each mailbox (RFC 5228 section 2.10.3); the later action's flags win."""
    for place, one in enumerate(state.filings):
        if (one.mailbox, one.special_use) == (filing.mailbox, filing.special_use):
            state.filings[place] = filing
            return
    if len(state.filings) >= state.bounds.filings:
        raise ScriptError("The script keeps too many copies", action.place)
    state.filings.append(filing)


def _flags(state: State, action: Action) -> tuple[str, ...]:
    if "flags" in action.tags:
        return flags_of(state.texts(action.tags["flags"]), state.bounds.flags)
    return state.flags


def _keep(state: State, action: Action) -> None:
    state.chosen = True
    filing = Filing(flags=_flags(state, action), header=state.mail.fields.edited)
    _file(state, filing, action)


def _fileinto(state: State, action: Action) -> None:
    mailbox = state.texts(action.arguments[0])[0]
    if not mailbox or any(mark in mailbox for mark in "\0\r\n"):
        raise ScriptError("The mailbox's name is not valid", action.place)
    use = action.tags.get("specialuse")
    filing = Filing(
        path_of(mailbox),
        _flags(state, action),
        create=bool(action.tags.get("create")),
        special_use=state.text(use) if isinstance(use, Text) else "",
        header=state.mail.fields.edited,
    )
    _file(state, filing, action)
    state.chosen = state.chosen or not action.tags.get("copy")


def _redirect(state: State, action: Action) -> None:
    address = constants.plain_address(state.texts(action.arguments[0])[0])
    try:
        constants.mail_address(address)
    except Invalid as error:
        raise ScriptError(error.text, action.place) from None
    state.chosen = state.chosen or not action.tags.get("copy")
    if all(one.address != address for one in state.forwardings):
        if len(state.forwardings) >= state.bounds.redirects:
            text = f"More than {state.bounds.redirects} redirects"
            raise ScriptError(text, action.place)
        state.forwardings.append(Forwarding(address, state.mail.fields.edited))


def _discard(state: State, action: Action) -> None:
    state.chosen = True


def _reject(state: State, action: Action) -> None:
    if state.rejection is not None:
        raise ScriptError("A message can be rejected once", action.place)
    text = state.texts(action.arguments[0])[0]
    state.rejection = Rejection(text, early=action.name == "ereject")
    state.chosen = True


def _vacation(state: State, action: Action) -> None:
    """RFC 5230 section 4."""
    if state.vacation is not None:
        raise ScriptError("A message can be answered once", action.place)
    tags = action.tags
    text = state.texts(action.arguments[0])[0]
    subject, sender, handle = (
        state.texts(tags[name])[0] if name in tags else "" for name in ("subject", "from", "handle")
    )
    bounds = state.bounds
    days, exact = tags.get("days", VACATION_DAYS), tags.get("seconds")
    seconds = exact if isinstance(exact, int) else int(days) * DAY if isinstance(days, int) else 0
    if not isinstance(exact, int):
        seconds = max(seconds, DAY)
    if not handle:
        what = "\0".join((text, subject, sender, str(bool(tags.get("mime")))))
        handle = hashlib.sha256(what.encode("utf-8", "replace")).hexdigest()
    state.vacation = Vacation(
        text,
        handle,
        min(max(seconds, bounds.shortest_reply), bounds.longest_reply),
        subject=" ".join(subject.split()),
        sender=constants.plain_address(sender),
        addresses=tuple(state.texts(tags.get("addresses", ()))),
        mime=bool(tags.get("mime")),
    )


# -- flags and variables


def _change_flags(state: State, action: Action) -> None:
    given = flags_of(state.texts(action.arguments[-1]), state.bounds.flags)
    name = ""
    if len(action.arguments) == 2:
        name = _name(state.texts(action.arguments[0])[0], action)
    held = flags_of([state.variable(name)], state.bounds.flags) if name else state.flags
    if action.name == "setflag":
        held = given
    elif action.name == "addflag":
        held = flags_of([*held, *given], state.bounds.flags)
    else:
        held = without(held, given)
    if name:
        state.assign(name, " ".join(held), action.place)
    else:
        state.flags = held


def _name(name: str, action: Action) -> str:
    try:
        return variable_name(name)
    except Invalid as error:
        raise ScriptError(error.text, action.place) from None


def _set(state: State, action: Action) -> None:
    """RFC 5229 section 4; the modifiers in the order of their precedence."""
    name, value = (state.texts(one)[0] for one in action.arguments)
    tags = action.tags
    state.spend(len(value), action.place)
    if tags.get("case") == "lower":
        value = value.lower()
    elif tags.get("case") == "upper":
        value = value.upper()
    if tags.get("first"):
        first = value[:1].lower() if tags["first"] == "lowerfirst" else value[:1].upper()
        value = first + value[1:]
    if tags.get("quotewildcard"):
        for mark in "\\*?":
            value = value.replace(mark, "\\" + mark)
    if tags.get("length"):
        value = str(len(value))
    state.assign(_name(name, action), value, action.place)


def _global(state: State, action: Action) -> None:
    """RFC 6609 section 3.4.1."""
    for name in state.texts(action.arguments[0]):
        folded = _name(name, action)
        if folded in state.scope.variables:
            raise ScriptError(f"{folded} is a variable of this script already", action.place)
        state.scope.shared.add(folded)


# -- the header (RFC 5293)


def may_edit(name: str, action: Action) -> bool:
    """Whether scripts may change this field. Raises ScriptError where it is none."""
    try:
        constants.field_name(name)
    except Invalid as error:
        raise ScriptError(error.text, action.place) from None
    return name.lower() not in constants.PROTECTED


# -- ending


def _stop(state: State, action: Action) -> NoReturn:
    raise Stop


def _return(state: State, action: Action) -> NoReturn:
    raise Return


def _error(state: State, action: Action) -> NoReturn:
    raise ScriptError(state.texts(action.arguments[0])[0], action.place)


ACTIONS: Mapping[str, Callable[[State, Action], None]] = {
    "keep": _keep,
    "fileinto": _fileinto,
    "redirect": _redirect,
    "discard": _discard,
    "reject": _reject,
    "ereject": _reject,
    "vacation": _vacation,
    "setflag": _change_flags,
    "addflag": _change_flags,
    "removeflag": _change_flags,
    "set": _set,
    "global": _global,
    "stop": _stop,
    "return": _return,
    "error": _error,
}
