"""Calls on Sieve scripts, beside WildDuck's own on filters: decode, one core call, encode."""

from __future__ import annotations

from mailhub.core.filters import Filters
from mailhub.core.filterscript import script_of
from mailhub.core.mailboxes import Mailboxes
from mailhub.core.rights import Resource, deletes, reads, updates
from mailhub.core.scripts import Scripts as CoreScripts
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.routing import route
from mailhub.http.wildduck import replies, script_shapes, shapes
from mailhub.http.wildduck.subject import Subjects
from mailhub.model.errors import InUse, NotFound
from mailhub.wire.sieve.tree import BadScript


class Scripts:
    """The calls."""

    def __init__(
        self, subjects: Subjects, scripts: CoreScripts, filters: Filters, mailboxes: Mailboxes
    ) -> None:
        self._subjects = subjects
        self._scripts = scripts
        self._filters = filters
        self._mailboxes = mailboxes

    @route(
        "GET",
        "/users/<user>/scripts",
        about=About(takes=shapes.UserCall, answers={200: script_shapes.ScriptList}),
        right=reads(Resource.SCRIPTS),
    )
    async def every(self, call: Call) -> Answer:
        """A user's Sieve scripts, by name."""
        account = await self._subjects.of(shapes.read(shapes.UserCall, call).user)
        rows = [script_shapes.row(one) for one in await self._scripts.all(account.number)]
        return replies.shown(script_shapes.ScriptList(results=rows))

    @route(
        "GET",
        "/users/<user>/scripts/<script>",
        about=About(takes=script_shapes.ScriptCall, answers={200: script_shapes.ScriptShown}),
        right=reads(Resource.SCRIPTS),
    )
    async def show(self, call: Call) -> Answer:
        """One of them, with its source."""
        wanted = shapes.read(script_shapes.ScriptCall, call)
        account = await self._subjects.of(wanted.user)
        try:
            found = await self._scripts.get(account.number, wanted.script)
        except NotFound:
            raise _not_found() from None
        return replies.shown(script_shapes.shown(found))

    @route(
        "PUT",
        "/users/<user>/scripts/<script>",
        about=About(takes=script_shapes.ScriptOrder, answers={200: script_shapes.ScriptKept}),
        right=updates(Resource.SCRIPTS),
    )
    async def put(self, call: Call) -> Answer:
        """Keeps a script under this name, and makes it the one that runs, where that is said."""
        wanted = shapes.read(script_shapes.ScriptOrder, call)
        account = await self._subjects.of(wanted.user)
        actor = shapes.actor(call, wanted)
        number, name = account.number, wanted.script
        try:
            warnings = await self._scripts.put(number, name, wanted.source, actor)
        except BadScript as error:
            faults = [
                {"line": one.place.line, "column": one.place.column, "text": one.text}
                for one in error.faults
            ]
            text = str(error.faults[0])
            raise replies.Refusal(400, "InvalidScript", text, faults=faults) from None
        if wanted.active:
            await self._scripts.activate(number, name, actor)
        elif wanted.active is False and (await self._scripts.get(number, name)).active:
            await self._scripts.activate(number, "", actor)
        return replies.shown(script_shapes.ScriptKept(warnings=list(warnings)))

    @route(
        "DELETE",
        "/users/<user>/scripts/<script>",
        about=About(takes=script_shapes.ScriptCall, answers={200: shapes.Result}),
        right=deletes(Resource.SCRIPTS),
    )
    async def remove(self, call: Call) -> Answer:
        """Removes a script that does not run."""
        wanted = shapes.read(script_shapes.ScriptCall, call)
        account = await self._subjects.of(wanted.user)
        try:
            await self._scripts.remove(account.number, wanted.script, shapes.actor(call, wanted))
        except NotFound:
            raise _not_found() from None
        except InUse:
            raise replies.Refusal(400, "ScriptActive", "This script is active") from None
        return replies.shown(shapes.Result())

    @route(
        "GET",
        "/users/<user>/filters.sieve",
        about=About(takes=shapes.UserCall, answers={200: script_shapes.Written}),
        right=reads(Resource.FILTERS),
    )
    async def written(self, call: Call) -> Answer:
        """A user's filters as a Sieve script."""
        account = await self._subjects.of(shapes.read(shapes.UserCall, call).user)
        boxes = await self._mailboxes.all(account.number)
        found = await self._filters.of_account(account.number)
        source = script_of(found, {box.number: box.name for box in boxes})
        return replies.shown(script_shapes.Written(source=source))


def _not_found() -> replies.Refusal:
    return replies.Refusal(404, "ScriptNotFound", "This script does not exist")
