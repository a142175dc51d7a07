"""The /mail/aliases calls: decode, one core call, encode."""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.core.accounts import Accounts
from mailhub.core.administrators import Administrators
from mailhub.core.aliases import Alias, Aliases
from mailhub.core.required import administrator, is_reserved
from mailhub.core.rights import Resource, deletes, reads, updates
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.mailinabox import alias_shapes, replies, shapes
from mailhub.http.mailinabox.alias_shapes import DomainAliases, Named, NewAlias
from mailhub.http.mailinabox.effects import Effects
from mailhub.http.mailinabox.replies import TEXT, Refusal
from mailhub.http.mailinabox.users import FormatQuery
from mailhub.http.routing import route
from mailhub.model.errors import AlreadyExists, Invalid, NotFound
from mailhub.ports import Clock
from mailhub.wire import address as grammar


class AliasCalls:
    """The calls. `hostname`: this server's, whose domain stands first in lists."""

    def __init__(
        self,
        aliases: Aliases,
        accounts: Accounts,
        administrators: Administrators,
        effects: Effects,
        hostname: str,
        clock: Clock,
    ) -> None:
        self._aliases = aliases
        self._accounts = accounts
        self._administrators = administrators
        self._effects = effects
        self._hostname = hostname
        self._clock = clock

    @route(
        "GET",
        "/mail/aliases",
        About(query=FormatQuery, answers={200: list[DomainAliases]}, or_media=TEXT),
        right=reads(Resource.ADDRESSES),
    )
    async def all(self, call: Call) -> Answer:
        """Every alias: a line each, or as JSON by domain."""
        found = await self._aliases.all()
        if shapes.asked(call, "format") != "json":
            return replies.lines(*map(alias_shapes.line, found))
        shown = alias_shapes.listed(found, self._hostname)
        return replies.listed(shown, len(found), self._clock)

    @route(
        "POST",
        "/mail/aliases/add",
        About(form=NewAlias, answers={200: None}, media=TEXT),
        right=updates(Resource.ADDRESSES),
    )
    async def add(self, call: Call) -> Answer:
        """A new alias; with `update_if_exists=1` one that is there leads here from now on."""
        wanted = shapes.read(NewAlias, call)
        address = alias_shapes.address(wanted.address)
        targets = alias_shapes.targets(wanted.forwards_to)
        if is_reserved(address):
            await self._check_reserved(targets)
        senders = await self._senders(alias_shapes.senders(wanted.permitted_senders))
        if not (targets or senders):
            raise Refusal(alias_shapes.NOTHING)
        update = wanted.update_if_exists == "1"
        try:
            new = await self._aliases.put(
                Alias(address, targets, senders), call.actor, update=update
            )
        except AlreadyExists:
            raise Refusal(f"Alias already exists ({address}).") from None
        except Invalid as error:
            raise Refusal(error.text) from None
        said = "alias added" if new else "alias updated"
        return replies.lines(said, *await self._effects.after(call.actor))

    @route(
        "POST",
        "/mail/aliases/remove",
        About(form=Named, answers={200: None}, media=TEXT),
        right=deletes(Resource.ADDRESSES),
    )
    async def remove(self, call: Call) -> Answer:
        """The alias is no more. Those that nobody made stay."""
        written = shapes.read(Named, call).address
        try:
            await self._aliases.remove(alias_shapes.address(written), call.actor)
        except (NotFound, Refusal):
            raise Refusal(f"That's not an alias ({written}).") from None
        return replies.lines("alias removed", *await self._effects.after(call.actor))

    @route(
        "GET",
        "/mail/domains",
        About(answers={200: None}, media=TEXT),
        right=reads(Resource.ADDRESSES),
    )
    async def domains(self, call: Call) -> Answer:
        """Every domain that a user or an alias stands in, a line each."""
        return replies.lines(*await self._aliases.domains())

    async def _check_reserved(self, targets: Sequence[str]) -> None:
        """Only administrators read what proves who owns a domain. Raises Refusal."""
        trusted = {one.address.lower() for one in await self._administrators.all()}
        trusted.add(administrator(self._hostname))
        for target in targets:
            local, _, domain = target.rpartition("@")
            plain = f"{grammar.base(local, '+')}@{domain}"
            if plain not in trusted and not is_reserved(target):
                raise Refusal(alias_shapes.RESERVED)

    async def _senders(self, written: Sequence[str]) -> tuple[str, ...]:
        """Addresses of users. Raises Refusal."""
        found = []
        for one in written:
            try:
                account = await self._accounts.by_name(one)
            except (NotFound, Invalid):
                account = None
            if account is None or one not in (account.address.lower(), account.username):
                raise Refusal(f"Invalid permitted sender: {one} is not a user on this system.")
            found.append(account.address or account.username)
        return tuple(found)
