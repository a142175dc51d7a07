"""What types cannot say of the settings of filters: outcomes that are known, endpoints that parse.

As `config_checks`, for `model.settings_filters`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any
from urllib.parse import urlsplit

from mailhub.config_checks import CONSEQUENCES, Where, dotted
from mailhub.model.errors import Invalid
from mailhub.model.settings import DnsblSettings, MilterSettings, Settings
from mailhub.wire.dnslist import Code
from mailhub.wire.dnsname import query_name

OUTCOMES: Mapping[str, tuple[str, ...]] = {
    "hello": ("none", *CONSEQUENCES),
    "reverse": ("none", *CONSEQUENCES),
    "origin": ("none", *CONSEQUENCES),
    "dnsbl": CONSEQUENCES,
    "rspamd": (*CONSEQUENCES, "discard"),
    "spamassassin": (*CONSEQUENCES, "discard"),
    "clamav": (*CONSEQUENCES, "discard"),
    "milter": (*CONSEQUENCES, "discard"),
}
"""Words of the outcomes of each table."""
WORDS: Mapping[str, tuple[str, ...]] = {
    "scan": ("incoming", "all"),
    "on_failure": ("accept", "defer"),
    "of": ("address", "sender", "hello"),
}
LEAST_ONE = frozenset({"timeout", "concurrency", "size", "window", "lifetime"})
"""Numbers that make no sense at 0."""
# Twisted's strings: a colon within a part stands behind a backslash.
_ENDPOINT = re.compile(
    r"unix:(?:path=)?[^:]+(?::.+)?|(?:tcp|tls):(?:host=)?(?:[^:\\]|\\.)+:(?:port=)?\d{1,5}(?::.+)?"
)
SECTIONS = (
    "levels",
    "hello",
    "reverse",
    "origin",
    "greylist",
    "rate",
    "tarpit",
    "rspamd",
    "spamassassin",
)

Faults = list[tuple[Where, str]]


def filter_faults(settings: Settings) -> Faults:
    """All that is wrong."""
    problems: Faults = []
    for name in (*SECTIONS, "clamav"):
        problems += _section((name,), name, getattr(settings, name))
    for number, dnsbl in enumerate(settings.dnsbl):
        problems += _section(("dnsbl", number), "dnsbl", dnsbl)
        problems += _dnsbl(("dnsbl", number), dnsbl)
    for number, milter in enumerate(settings.milter):
        problems += _section(("milter", number), "milter", milter)
        problems += _milter(("milter", number), milter, settings.milter[:number])
    for name in ("spamassassin", "clamav"):
        problems += _endpoint((name, "endpoint"), getattr(settings, name).endpoint)
    url = settings.rspamd.url
    if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
        problems.append((("rspamd", "url"), f"rspamd.url: {url!r} is no http or https URL"))
    if settings.greylist.delay >= settings.greylist.window:
        at = ("greylist", "window")
        problems.append((at, "greylist.window: ends before greylist.delay is over"))
    return problems


def _section(where: Where, name: str, section: Any) -> Faults:
    problems: Faults = []
    for field in fields(section):
        at = (*where, field.name)
        value = getattr(section, field.name)
        if field.name in WORDS and value not in WORDS[field.name]:
            words = ", ".join(WORDS[field.name])
            problems.append((at, f"{dotted(at)}: {value!r} is none of {words}"))
        elif field.type == "str | float":
            problems += _outcome(at, value, OUTCOMES[name])
        elif field.name in LEAST_ONE and value < 1:
            problems.append((at, f"{dotted(at)}: at least 1"))
        elif isinstance(value, float) and not 0 <= value < math.inf:
            problems.append((at, f"{dotted(at)}: {field.name} cannot be negative"))
    return problems


def _outcome(at: Where, value: str | float, words: Iterable[str]) -> Faults:
    if isinstance(value, str):
        if value not in words:
            known = ", ".join(words)
            return [(at, f"{dotted(at)}: {value!r} is neither a number of points nor of {known}")]
    elif not math.isfinite(value):
        return [(at, f"{dotted(at)}: {value} is no number of points")]
    return []


def _dnsbl(where: Where, settings: DnsblSettings) -> Faults:
    problems: Faults = []
    try:
        if "." not in query_name(settings.zone).strip("."):
            raise Invalid
    except Invalid:
        at = (*where, "zone")
        problems.append((at, f"{dotted(at)}: {settings.zone!r} is no name of a list"))
    at = (*where, "codes")
    for code, outcome in settings.codes.items():
        try:
            Code(code)
        except Invalid as error:
            problems.append((at, f"{dotted(at)}: {error.text}"))
        problems += _outcome(at, outcome, CONSEQUENCES)
    return problems


def _milter(where: Where, settings: MilterSettings, before: Iterable[MilterSettings]) -> Faults:
    at = (*where, "endpoint")
    if not settings.endpoint:
        return [(at, f"{dotted(at)}: where is the filter?")]
    name = settings.name or settings.endpoint
    if name in (one.name or one.endpoint for one in before):
        return [(where, f"{dotted(where)}: another milter is called {name!r}")]
    return _endpoint(at, settings.endpoint)


def _endpoint(at: Where, endpoint: str) -> Faults:
    if endpoint and not _ENDPOINT.fullmatch(endpoint):
        known = "tcp:127.0.0.1:783 or unix:/run/name.sock"
        return [(at, f"{dotted(at)}: {endpoint!r} is no endpoint such as {known}")]
    return []
