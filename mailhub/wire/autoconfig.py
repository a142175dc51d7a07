"""How mail programs are told where the servers of an address are: Thunderbird's and Outlook's XML.

Pure. Values come from the settings and the request; all are escaped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from xml.sax.saxutils import escape

from mailhub.wire.mobileconfig import Server

OUTLOOK = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
RESPONSE = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
LONGEST = 320
_ADDRESS = re.compile(rb"<(?:\w+:)?EMailAddress>\s*([^<>\s]{1,640})\s*</(?:\w+:)?EMailAddress>")
_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class MailServers:
    """Where mail is read and sent, over TLS from the first byte. `name`: who offers it. `pop3`:
    None where it is not offered."""

    name: str
    imap: Server
    smtp: Server
    pop3: Server | None = None


def thunderbird(domain: str, servers: MailServers) -> bytes:
    """`config-v1.1.xml`, which Thunderbird, Evolution, K-9 and others read."""
    incoming = [_thunderbird("incomingServer", "imap", servers.imap)]
    if servers.pop3 is not None:
        incoming.append(_thunderbird("incomingServer", "pop3", servers.pop3))
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<clientConfig version="1.1">',
        f'<emailProvider id="{_text(domain)}">',
        f"<domain>{_text(domain)}</domain>",
        f"<displayName>{_text(servers.name)}</displayName>",
        f"<displayShortName>{_text(servers.name)}</displayShortName>",
        *incoming,
        _thunderbird("outgoingServer", "smtp", servers.smtp),
        "</emailProvider>",
        "</clientConfig>",
    ]
    return "\n".join([*lines, ""]).encode()


def _thunderbird(tag: str, kind: str, server: Server) -> str:
    return (
        f'<{tag} type="{kind}"><hostname>{_text(server.host)}</hostname><port>{server.port}</port>'
        "<socketType>SSL</socketType><username>%EMAILADDRESS%</username>"
        f"<authentication>password-cleartext</authentication></{tag}>"
    )


def outlook_address(body: bytes) -> str:
    """Whose settings a request of Outlook asks for, empty where it does not say. It is not read as
    XML: nothing in it can grow."""
    found = _ADDRESS.search(body)
    return unescape(found[1].decode("utf-8", "replace"))[:LONGEST] if found is not None else ""


def outlook(address: str, servers: MailServers) -> bytes:
    """The answer to it (Autodiscover, POX)."""
    protocols = [_outlook("IMAP", servers.imap, address)]
    if servers.pop3 is not None:
        protocols.append(_outlook("POP3", servers.pop3, address))
    protocols.append(_outlook("SMTP", servers.smtp, address))
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<Autodiscover xmlns="{RESPONSE}">',
        f'<Response xmlns="{OUTLOOK}">',
        f"<User><DisplayName>{_text(address)}</DisplayName></User>",
        "<Account><AccountType>email</AccountType><Action>settings</Action>",
        *protocols,
        "</Account>",
        "</Response>",
        "</Autodiscover>",
    ]
    return "\n".join([*lines, ""]).encode()


def _outlook(kind: str, server: Server, address: str) -> str:
    return (
        f"<Protocol><Type>{kind}</Type><Server>{_text(server.host)}</Server>"
        f"<Port>{server.port}</Port><LoginName>{_text(address)}</LoginName>"
        "<DomainRequired>off</DomainRequired><SPA>off</SPA><SSL>on</SSL>"
        "<Encryption>SSL</Encryption><AuthRequired>on</AuthRequired></Protocol>"
    )


def _text(value: str) -> str:
    return escape(_NO_XML.sub("?", value), {'"': "&quot;"})
