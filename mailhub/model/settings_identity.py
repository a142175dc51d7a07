"""Settings of what proves a login."""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.model.setting import STRICT, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileSettings:
    """`[profile]`: what mail programs that set themselves up are told of this server: by profiles
    of Apple's, and where Thunderbird and Outlook look."""

    __pydantic_config__ = STRICT

    name: str = setting("", "who the account is with, as people read it; empty: hostname")
    identifier: str = setting("", "such as org.example.mail; empty: hostname, turned round")
    imap_host: str = setting("", "where IMAP is reached over TLS; empty: hostname")
    imap_port: int = setting(993, "its port")
    pop3: bool = setting(True, "tell of POP3 too")
    pop3_host: str = setting("", "where POP3 is reached over TLS; empty: hostname")
    pop3_port: int = setting(995, "its port")
    smtp_host: str = setting("", "where submission is reached over TLS; empty: hostname")
    smtp_port: int = setting(465, "its port")
