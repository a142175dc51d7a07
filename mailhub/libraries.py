"""Libraries that only some settings need, and that only who needs them has."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from mailhub.model.errors import Invalid
from mailhub.model.settings import Settings


def load(settings: Settings) -> None:
    """Reads those that the settings need, all at once. Who gives up rights does it before: the
    new user may not be allowed to read them. Raises Invalid when one is not installed."""
    for setting, module, extra in _needed(settings):
        try:
            import_module(module)
        except ModuleNotFoundError as error:
            library = (error.name or "").partition(".")[0]
            raise Invalid(f"{setting}: {library} is missing: {extra} installs it") from None


def _needed(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """(the setting, the module of ours that reads the library, what installs that)"""
    if settings.store.database:
        yield "store.database", "mailhub.store.postgres", "mailhub[postgres]"
    if settings.s3.endpoint:
        yield "s3.endpoint", "mailhub.store.s3.signing", "mailhub[s3]"
    if settings.redis.url:
        yield "redis.url", "mailhub.coord.redis", "mailhub"
    if settings.ldap.urls:
        yield "ldap.urls", "mailhub.directory.ldap", "mailhub"
