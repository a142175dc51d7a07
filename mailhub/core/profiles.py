"""Profiles that set up a mail account with an app password on a telephone, at one tap."""

from __future__ import annotations

from uuid import UUID

from mailhub.model.account import Account, Scope
from mailhub.model.errors import Invalid
from mailhub.model.identity import AppPassword
from mailhub.model.settings_identity import ProfileSettings
from mailhub.ports import Randomness, Signing
from mailhub.wire import mobileconfig
from mailhub.wire.autoconfig import MailServers
from mailhub.wire.mobileconfig import Profile, Server


class Profiles:
    """Makes them. `hostname`: of this server, where the settings name no other."""

    def __init__(
        self, settings: ProfileSettings, hostname: str, signing: Signing, randomness: Randomness
    ) -> None:
        self._settings = settings
        self._hostname = hostname
        self._signing = signing
        self._randomness = randomness

    def fits(self, scopes: frozenset[Scope]) -> bool:
        """Whether these scopes make a mail account: one that reads and sends."""
        return Scope.SMTP in scopes and bool(scopes & {Scope.IMAP, Scope.POP3})

    async def make(
        self, account: Account, app: AppPassword, password: str, address: str = ""
    ) -> bytes:
        """A profile, signed where this server has a certificate that clients trust: DER of a CMS
        message (RFC 5652), else the bare property list. `address`: that mail is sent as, else the
        main one. Raises Invalid (`address`: there is none)."""
        address = address or account.address
        if not address:
            raise Invalid("The account has no address", "address")
        settings, host = self._settings, self._hostname
        imap = Scope.IMAP in app.scopes
        servers = self.servers()
        organization = servers.name
        reading = servers.imap if imap else Server(settings.pop3_host or host, settings.pop3_port)
        profile = Profile(
            organization=organization,
            title=f"{address} ({organization})",
            identifier=f"{self._identifier()}.{account.id}.{app.id}",
            ids=(self._uuid(), self._uuid()),
            kind="EmailTypeIMAP" if imap else "EmailTypePOP",
            incoming=reading,
            outgoing=servers.smtp,
            address=address,
            name=account.name or address,
            username=account.username,
            password=password,
        )
        return await self._signing.sign(mobileconfig.encode(profile))

    async def blank(self, domain: str) -> bytes:
        """A profile for nobody in particular: the telephone asks for address and password."""
        servers = self.servers()
        profile = Profile(
            organization=servers.name,
            title=f"{domain} ({servers.name})",
            identifier=f"{self._identifier()}.{domain}",
            ids=(self._uuid(), self._uuid()),
            kind="EmailTypeIMAP",
            incoming=servers.imap,
            outgoing=servers.smtp,
        )
        return await self._signing.sign(mobileconfig.encode(profile))

    def servers(self) -> MailServers:
        """Where mail is read and sent."""
        settings, host = self._settings, self._hostname
        return MailServers(
            settings.name or host,
            Server(settings.imap_host or host, settings.imap_port),
            Server(settings.smtp_host or host, settings.smtp_port),
            Server(settings.pop3_host or host, settings.pop3_port) if settings.pop3 else None,
        )

    def _identifier(self) -> str:
        return self._settings.identifier or ".".join(reversed(self._hostname.split(".")))

    def _uuid(self) -> UUID:
        return UUID(bytes=self._randomness.token(16), version=4)
