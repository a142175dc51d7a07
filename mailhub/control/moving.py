"""What the control socket can be asked of whole domains: to write one out, and to take one in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict

from mailhub.control.acts import ACTOR, Act, Arguments, Json, Services
from mailhub.control.mail import Item, Read, Take
from mailhub.core import domainfile as files
from mailhub.core.exporting import Wanted
from mailhub.model.errors import TooLarge
from mailhub.model.flags import Flags
from mailhub.ports import Body

MOST_FACTS = 16 << 20
"""Octets of what is told of one account or domain."""


async def export_domain(services: Services, arguments: Arguments) -> AsyncIterator[Item]:
    """An archive in pieces, behind an item with the name that it should have."""
    wanted = Wanted(secrets=arguments.flag("secrets", True))
    found = await services.exporting.begin(arguments.text("name"), wanted)
    try:
        yield {"name": found.name}, None
        async for piece in found.pieces():
            yield {}, piece
    finally:
        found.close()


async def import_domain(services: Services, arguments: Arguments, body: Body) -> Json:
    """The domain itself, of `domain.json`."""
    given = files.load(files.DomainFile, _facts(body), files.DOMAIN)
    return asdict(await services.importing.domain(given, ACTOR))


async def import_catch_all(services: Services, arguments: Arguments, body: Body) -> Json:
    """Its catch-all, of the same file, when all addresses are there."""
    given = files.load(files.DomainFile, _facts(body), files.DOMAIN)
    return asdict(await services.importing.catch_all(given, ACTOR))


async def import_account(services: Services, arguments: Arguments, body: Body) -> Json:
    """One account without its password, and its mailboxes without mail."""
    given = files.load(files.AccountFile, _facts(body), "the account")
    return asdict(await services.importing.account(given, arguments.text("domain"), ACTOR))


async def import_alias(services: Services, arguments: Arguments, body: Body) -> Json:
    """One alias, or further address of an account."""
    given = files.load(files.AddressFile, _facts(body), "the alias")
    return asdict(await services.importing.alias(given, arguments.text("domain"), ACTOR))


async def import_open(services: Services, arguments: Arguments) -> Json:
    """A mailbox that takes mail in: its id, and whether it keeps the UIDs that mail had."""
    found = await services.importing.mail.open(
        arguments.text("user"),
        arguments.text("mailbox"),
        arguments.number("uidvalidity"),
        ACTOR,
    )
    return {"id": found.mailbox.id, "kept": found.kept}


async def import_place(services: Services, arguments: Arguments, body: Body) -> Json:
    """Stores `body` with the UID that it had, once however often it is asked."""
    placed = await services.importing.mail.place(
        arguments.text("user"),
        arguments.text("mailbox"),
        body,
        Flags.of(arguments.texts("flags")),
        arguments.number("date"),
        (arguments.number("uidvalidity"), arguments.number("uid")),
        ACTOR,
    )
    return asdict(placed)


async def import_close(services: Services, arguments: Arguments) -> Json:
    """All messages of a mailbox are there."""
    place = (arguments.number("uidvalidity"), arguments.number("uidnext"))
    name, box = arguments.text("user"), arguments.text("mailbox")
    await services.importing.mail.close(name, box, place, ACTOR)
    return None


async def import_password(services: Services, arguments: Arguments) -> Json:
    """Gives an account without a password the one of this hash; whether it did."""
    return await services.importing.password(
        arguments.text("user"), arguments.text("hashed"), ACTOR
    )


def _facts(body: Body) -> bytes:
    if body.size > MOST_FACTS:
        raise TooLarge("The archive tells too much of one thing", MOST_FACTS)
    return bytes(body.view())


ACTS: Mapping[str, Act] = {
    "import-open": import_open,
    "import-close": import_close,
    "import-password": import_password,
}
"""Acts with one answer."""
READS: Mapping[str, Read] = {"export-domain": export_domain}
"""Acts that answer with items."""
TAKES: Mapping[str, Take] = {
    "import-domain": import_domain,
    "import-catch-all": import_catch_all,
    "import-account": import_account,
    "import-alias": import_alias,
    "import-place": import_place,
}
"""Acts with bytes."""
