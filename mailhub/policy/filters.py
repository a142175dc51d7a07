"""What the findings of optional steps lead to, as the settings say: their share of the table.

An outcome in the settings is a consequence or a number of points; here it is taken apart. Steps
ask `points` for their findings' scores; only `consequences` knows what a consequence is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mailhub.model.settings import DnsblSettings, LevelSettings, MilterSettings, Settings
from mailhub.policy.consequences import FAILED, UNAVAILABLE, Consequence

Key = tuple[str, str]
HELLO = ("invalid", "unqualified", "ours", "literal", "unresolvable")
REVERSE = ("missing", "unconfirmed")
ORIGIN = ("unresolvable", "null_mx")
RSPAMD = ("reject", "add_header", "soft_reject", "greylist", "quarantine", "discard")


def points(outcome: str | float) -> float:
    """Of the sum; none where the outcome is a consequence."""
    return 0.0 if isinstance(outcome, str) else float(outcome)


def wanted(outcome: str | float) -> bool:
    """Whether anybody wants to know."""
    return outcome != "none"


def milter_step(settings: MilterSettings) -> str:
    """What findings call this filter."""
    return f"milter {settings.name or settings.endpoint}"


def levels(settings: LevelSettings) -> tuple[tuple[float, Consequence], ...]:
    """Sums from which on a consequence applies."""
    found = (
        (settings.junk, Consequence.JUNK),
        (settings.defer, Consequence.DEFER),
        (settings.reject, Consequence.REJECT),
    )
    return tuple((level, consequence) for level, consequence in found if level > 0)


def table(settings: Settings) -> Mapping[Key, Consequence]:
    """(step, name) of findings, and what each leads to."""
    found: dict[Key, Consequence] = {
        ("greylist", "early"): Consequence.DEFER,
        ("rate", "network"): Consequence.DEFER,
        ("rate", "account"): Consequence.DEFER,
        ("rate", "domain"): Consequence.DEFER,
        ("rate", "recipient"): Consequence.DEFER,
    }
    for key, outcome in _outcomes(settings):
        if isinstance(outcome, str) and outcome not in ("none", "add"):
            found[key] = Consequence(outcome)
    for step, on_failure in _away(settings):
        if on_failure == "defer":
            found[step, UNAVAILABLE] = found[step, FAILED] = Consequence.DEFER
    return found


_TABLES = (("hello", HELLO), ("reverse", REVERSE), ("origin", ORIGIN), ("rspamd", RSPAMD))


def _outcomes(settings: Settings) -> Iterator[tuple[Key, str | float]]:
    for step, names in _TABLES:
        for name in names:
            yield (step, name), getattr(getattr(settings, step), name)
    for name in ("spam", "high"):
        yield ("spamassassin", name), getattr(settings.spamassassin, name)
    for name in ("virus", "unscanned"):
        yield ("clamav", name), getattr(settings.clamav, name)
    for one in settings.dnsbl:
        yield from ((("dnsbl", name), outcome) for name, outcome in listings(one))
    for milter in settings.milter:
        yield (milter_step(milter), "quarantine"), milter.quarantine
        yield (milter_step(milter), "discard"), milter.discard
        yield (milter_step(milter), "reject"), "reject"
        yield (milter_step(milter), "defer"), "defer"


def listings(settings: DnsblSettings) -> Iterator[tuple[str, str | float]]:
    """Names of what may be found in a list, and what each leads to: the list's own name first,
    then with the answers that `codes` tells apart."""
    yield settings.zone, settings.found
    for code, outcome in settings.codes.items():
        yield f"{settings.zone}={code}", outcome


def _away(settings: Settings) -> Iterator[tuple[str, str]]:
    yield "rspamd", settings.rspamd.on_failure
    yield "spamassassin", settings.spamassassin.on_failure
    yield "clamav", settings.clamav.on_failure
    for milter in settings.milter:
        yield milter_step(milter), milter.on_failure
