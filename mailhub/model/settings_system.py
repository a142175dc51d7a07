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
    apt: tuple[str, ...] = setting(
        ("apt-get",), "the program that knows about packages, and words before all others"
    )
    rebooting: tuple[str, ...] = setting(
        ("systemctl", "--no-block", "reboot"), "the command that reboots the machine"
    )
    sudo: tuple[str, ...] = setting(
        ("sudo", "-n"), "put before what only root may do, where the server is not root"
    )
    marker: str = setting(
        "/run/reboot-required", "file that is there when an upgrade wants a reboot"
    )
    versions: str = setting(
        "", "https: address of a text with mailhub's newest version; empty: nobody is asked"
    )
