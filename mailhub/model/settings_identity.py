"""Settings of what proves a login."""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.model.setting import STRICT, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileSettings:
    """`[profile]`: what a profile that sets up Apple's mail clients says of this server."""

    __pydantic_config__ = STRICT

    name: str = setting("", "who the account is with, as people read it; empty: hostname")
    identifier: str = setting("", "such as org.example.mail; empty: hostname, turned round")
    imap_host: str = setting("", "where IMAP is reached over TLS; empty: hostname")
    imap_port: int = setting(993, "its port")
    pop3_host: str = setting("", "where POP3 is reached over TLS; empty: hostname")
    pop3_port: int = setting(995, "its port")
    smtp_host: str = setting("", "where submission is reached over TLS; empty: hostname")
    smtp_port: int = setting(465, "its port")
