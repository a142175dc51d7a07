"""EasyMail's export of a domain: decode, one core call, encode."""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.core.accounts import Accounts
from mailhub.core.exporting import Export, Exporting, Wanted
from mailhub.core.rights import Resource, reads
from mailhub.http.about import About
from mailhub.http.call import JSON, Answer, Call
from mailhub.http.easymail import shapes
from mailhub.http.easymail.replies import Refusal
from mailhub.http.routing import route
from mailhub.model.errors import NotFound

GZIP = "application/gzip"


class Archives:
    """The call. `secrets`: names of those who get hashes of passwords and private keys."""

    def __init__(self, exporting: Exporting, accounts: Accounts, secrets: Sequence[str]) -> None:
        self._exporting = exporting
        self._accounts = accounts
        self._secrets = {name.lower() for name in secrets}

    @route(
        "GET",
        "/export/domain",
        About(
            takes=shapes.Exported,
            answers={200: shapes.Manifest},
            errors=(404,),
            or_media=GZIP,
        ),
        right=reads(Resource.BACKUPS),
    )
    async def domain(self, call: Call) -> Answer:
        """A domain with its accounts, their mail and all that is set, as tar.gz; `format=json`, or
        a client that takes JSON alone: the manifest of it."""
        given = shapes.read(shapes.Exported, call)
        if not given.domain:
            raise Refusal(400, "domain is required")
        wanted = Wanted(secrets=await self._sees(call))
        try:
            found = await self._exporting.begin(given.domain, wanted)
        except NotFound:
            raise Refusal(404, "No such domain") from None
        if given.format == "json" or call.header("accept").partition(";")[0].strip() == JSON:
            return _manifest(found)
        return Answer(
            200,
            type=GZIP,
            headers=(("Content-Disposition", f'attachment; filename="{found.name}"'),),
            stream=found.pieces(),
        )

    async def _sees(self, call: Call) -> bool:
        assert call.caller is not None
        assert call.caller.account is not None
        account = await self._accounts.get(call.caller.account)
        return account.username.lower() in self._secrets


def _manifest(found: Export) -> Answer:
    return Answer(200, stream=found.manifest_pieces(), length=found.manifest.size)
