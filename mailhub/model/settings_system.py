"""Settings of what the API may do to the machine itself."""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.model.setting import STRICT, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemSettings:
    """`[system]`: what administrators may do to the machine itself through the API (Debian)."""

    __pydantic_config__ = STRICT

    packages: bool = setting(
        False, "let them upgrade packages; a server that is not root needs sudo for apt-get"
    )
    reboot: bool = setting(
        False, "let them reboot where an upgrade asks for it; needs sudo for systemctl"
    )
    versions: str = setting(
        "", "https: address of a text with mailhub's newest version; empty: nobody is asked"
    )
