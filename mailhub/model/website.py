"""Web sites as values: what is shown under a name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from re import Pattern


class SiteKind(Enum):
    """What a name shows."""

    STATIC = "static"
    """Files, with redirects, proxies and aliases in front of them."""
    MOVED = "moved"
    """Nothing: all of it leads to another name."""
    SERVICE = "service"
    """Only what programs look for under names such as `autoconfig.`."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """Paths that `pattern` matches lead to `target`, in which `\\1` is what its group found."""

    pattern: Pattern[str]
    target: str


@dataclass(frozen=True, slots=True)
class Proxy:
    """What is below `path` is asked of `url`. `keeps_host`: it hears the name that was asked for.
    `keeps_location`: where it leads visitors is not rewritten. `framed`: pages of the same site
    alone may show it. `sockets`: WebSocket connections go through."""

    path: str
    url: str
    keeps_host: bool = False
    keeps_location: bool = False
    framed: bool = False
    sockets: bool = False


@dataclass(frozen=True, slots=True)
class Website:
    """The site of `name`. `domain`: whose it is. `root`: the folder that has its files, as an
    absolute path; `custom_root`: the one that would, if it were there. `target`: the name that all
    of it leads to, of MOVED. `hsts`: the value of Strict-Transport-Security, or empty. `aliases`:
    path and folder."""

    name: str
    domain: str
    kind: SiteKind
    root: str = ""
    custom_root: str = ""
    target: str = ""
    hsts: str = ""
    redirects: tuple[Redirect, ...] = ()
    proxies: tuple[Proxy, ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()

    @property
    def has_files(self) -> bool:
        """Whether its files are shown at all: nothing that stands for the whole site is in front
        of them."""
        if self.kind is not SiteKind.STATIC:
            return False
        whole = any(one.path == "/" for one in self.proxies)
        return not whole and all(one.pattern.pattern not in _WHOLE for one in self.redirects)


_WHOLE = ("/", "^/", "/.*", "^/.*", "/(.*)", "^/(.*)", "^/.*$", "^/(.*)$", "/(.*)$")
