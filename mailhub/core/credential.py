"""A login as it is asked for, and what proved it: what `login`, its exchanges and its log share."""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.model.account import Scope, Service
from mailhub.model.envelope import Peer
from mailhub.model.identity import AppPassword

SCOPES = {
    Service.SMTP: Scope.SMTP,
    Service.SUBMISSION: Scope.SMTP,
    Service.IMAP: Scope.IMAP,
    Service.POP3: Scope.POP3,
    Service.SIEVE: Scope.SIEVE,
}
"""What a login over a service is for; every other service is for everything, by password alone."""
MAILBOX = (Service.IMAP, Service.POP3)
"""Services whose sessions are where the account's mail is."""
PROTOCOLS = {Service.SUBMISSION: "SMTP", Service.HTTP: "API"}


@dataclass(frozen=True, slots=True)
class Visit:
    """From where, over what, for what and as whom. `scope`: None for the service's own. The rest
    are labels that an application gives of its own user, for the log alone: `ip` None where there
    is no application between."""

    peer: Peer
    service: Service
    wanted: Scope | None = None
    authzid: str = ""
    label: str = ""
    ip: str | None = None
    session: str = ""

    @property
    def scope(self) -> Scope:
        """What the login is for."""
        return self.wanted or SCOPES.get(self.service, Scope.API)

    @property
    def protocol(self) -> str:
        """As the log of logins names it."""
        return self.label or PROTOCOLS.get(self.service, self.service.value.upper())

    @property
    def address(self) -> str:
        """Of the client, as the log of logins has it."""
        return self.peer.address if self.ip is None else self.ip


@dataclass(frozen=True, slots=True)
class Credential:
    """What let somebody in: an app password, or the account's own (`app` None)."""

    app: AppPassword | None = None


MASTER = Credential()
