"""Configuration profiles, which set up the mail accounts of Apple's clients: values to bytes.

The keys are those of Apple's `com.apple.mail.managed` payload. A profile holds a password: who
makes one hands it to its owner alone.
"""

from __future__ import annotations

import plistlib
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Server:
    """Where a service is reached, over TLS."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Profile:
    """`kind`: EmailTypeIMAP or EmailTypePOP. `identifier`: dotted, the same for a profile that
    takes the place of an older one. `ids`: of the whole and of the account in it. What is said of
    the account and is empty, the telephone asks for."""

    organization: str
    title: str
    identifier: str
    ids: tuple[UUID, UUID]
    kind: str
    incoming: Server
    outgoing: Server
    address: str = ""
    name: str = ""
    username: str = ""
    password: str = ""


def encode(profile: Profile) -> bytes:
    """The profile as an XML property list."""
    outer, inner = (str(id).upper() for id in profile.ids)
    account = {
        "PayloadType": "com.apple.mail.managed",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"{profile.identifier}.account",
        "PayloadUUID": inner,
        "PayloadDisplayName": profile.title,
        "PayloadOrganization": profile.organization,
        "EmailAccountType": profile.kind,
        "EmailAccountDescription": profile.title,
        "EmailAccountName": profile.name,
        "EmailAddress": profile.address,
        **_server("Incoming", profile.incoming, profile.username),
        "IncomingPassword": profile.password,
        **_server("Outgoing", profile.outgoing, profile.username),
        "OutgoingPassword": profile.password,
        "OutgoingPasswordSameAsIncomingPassword": True,
        "PreventAppSheet": False,
        "PreventMove": False,
        "SMIMEEnabled": False,
    }
    account = {key: value for key, value in account.items() if value != ""}
    whole = {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": profile.identifier,
        "PayloadUUID": outer,
        "PayloadDisplayName": profile.title,
        "PayloadDescription": f"Sets up mail for {profile.address or profile.title}",
        "PayloadOrganization": profile.organization,
        "PayloadRemovalDisallowed": False,
        "PayloadContent": [account],
    }
    return plistlib.dumps(whole, fmt=plistlib.FMT_XML, sort_keys=False)


def _server(way: str, server: Server, username: str) -> dict[str, object]:
    return {
        f"{way}MailServerAuthentication": "EmailAuthPassword",
        f"{way}MailServerHostName": server.host,
        f"{way}MailServerPortNumber": server.port,
        f"{way}MailServerUseSSL": True,
        f"{way}MailServerUsername": username,
    }
