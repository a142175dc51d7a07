"""The settings of accounts whose mail still lives on another server."""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.model.setting import STRICT, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class ElsewhereSettings:
    """`[elsewhere]`: accounts whose mail still lives on another server (`mailhub elsewhere`)."""

    __pydantic_config__ = STRICT

    learn: bool = setting(
        True,
        "a password that the other server takes is kept as a hash, so that it goes on working when "
        "the account is here",
    )
    timeout: int = setting(
        20, "for the other server to be reached and to take or refuse a login", "seconds"
    )
    opening: int = setting(100, "logins under way at the other server at a time; others wait")
    trusted: str = setting(
        "", "PEM file of authorities that are trusted beside the system's, for its certificate"
    )
