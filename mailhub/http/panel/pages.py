"""Pages as answers: templates, languages, and what a browser may do with them.

Everything that a template shows is escaped by Jinja; scripts and styles come from files of ours
alone, so that nothing a message or a name holds can ever run (Content Security Policy).
"""

from __future__ import annotations

import gettext
import hashlib
import re
import time
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, PrefixLoader, StrictUndefined

from mailhub.http.call import Answer

HTML = "text/html; charset=utf-8"
PREFIX = "/panel"
LANGUAGES: Mapping[str, str] = {"en": "English", "de": "Deutsch", "fr": "Français"}
HEADERS = (
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
        " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("Referrer-Policy", "same-origin"),
    ("X-Frame-Options", "DENY"),
)
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
_HOME = Path(__file__).parent
_LOCAL = re.compile(r"/(?:panel|mail)(?:/[\w.~%/@:+-]*)?(?:\?[\w.~%&=+,:@/-]*)?", re.ASCII)
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def page(template: str, language: str, status: int = 200, **values: object) -> Answer:
    """The page that `template` makes of the values."""
    return page_with(HEADERS, template, language, status, values)


def page_with(
    headers: tuple[tuple[str, str], ...],
    template: str,
    language: str,
    status: int,
    values: Mapping[str, object],
) -> Answer:
    """The same. `headers`: what a browser may do with it."""
    made = environment(language).get_template(template).render(values)
    return Answer(status, made.encode("utf-8", "replace"), HTML, headers)


def seen(path: str, *cookies: tuple[str, str]) -> Answer:
    """To be looked at there (RFC 9110 section 15.4.4); also after a form was sent."""
    return seen_at(PREFIX + path, *cookies)


def seen_at(path: str, *cookies: tuple[str, str]) -> Answer:
    """The same, by the whole path."""
    return Answer(303, b"", HTML, (("Location", path), *cookies, *HEADERS))


def local(path: str) -> str:
    """`path` with its query, where it leads to a page of ours; else nothing: who made a link to
    our sign-in cannot lead elsewhere by it."""
    return path if len(path) <= 500 and _LOCAL.fullmatch(path) else ""


@lru_cache(maxsize=len(LANGUAGES))
def environment(language: str) -> Environment:
    """Templates in one of our languages."""
    made = Environment(
        loader=ChoiceLoader(
            [
                PackageLoader("mailhub.http.panel"),
                PrefixLoader({"mail": PackageLoader("mailhub.http.webmail")}),
            ]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    spoken: Any = made
    spoken.install_gettext_translations(translations(language), newstyle=True)
    made.filters |= {"size": size, "moment": moment, "stamp": stamp}
    made.globals |= {"language": language, "languages": LANGUAGES, "static": static_path}
    return made


@cache
def translations(language: str) -> gettext.NullTranslations:
    """The catalogs of a language; English is what the templates say."""
    made = catalog("panel", language)
    made.add_fallback(catalog("webmail", language))
    return made


def catalog(domain: str, language: str) -> gettext.NullTranslations:
    """One of them. `domain`: the folder beside this one's, whose templates it is for."""
    home = _HOME.parent / domain / "locale"
    return gettext.translation(domain, home, [language], fallback=True)


def spoken(wanted: str, preferred: str = "") -> str:
    """Which of our languages to speak. `preferred`: the account's own; `wanted`: what the browser
    accepts (RFC 9110 section 12.5.4)."""
    first = preferred.lower().partition("-")[0]
    if first in LANGUAGES:
        return first
    offers: list[tuple[float, str]] = []
    for offer in wanted.split(",")[:20]:
        tag, _, quality = offer.partition(";")
        weight = quality.strip().removeprefix("q=")
        try:
            value = float(weight) if weight else 1.0
        except ValueError:
            continue
        offers.append((value, tag.strip().lower().partition("-")[0]))
    ranked = sorted(offers, key=lambda offer: -offer[0])
    return next((tag for value, tag in ranked if tag in LANGUAGES and value > 0), "en")


# -- what stands beside the pages


@cache
def _files() -> Mapping[str, tuple[bytes, str]]:
    """All of them, by name, with their digests: what strangers ask for is looked up here, and
    neither remembered nor made a path of."""
    homes = (_HOME / "static", _HOME.parent / "webmail" / "static")
    found = ((one.name, one.read_bytes()) for home in homes for one in home.iterdir())
    return {
        name: (data, hashlib.sha256(data).hexdigest()[:16])
        for name, data in found
        if Path(name).suffix in TYPES
    }


def static(name: str) -> tuple[bytes, str] | None:
    """A file of ours and its digest; None for what is none."""
    return _files().get(name)


def static_path(name: str) -> str:
    """Where a file is found; another place when it changes, so that browsers may keep it."""
    found = static(name)
    assert found is not None, name
    return f"{PREFIX}/static/{name}?{found[1]}"


def static_answer(name: str) -> Answer | None:
    """A file, to be kept for a year."""
    found = static(name)
    if found is None:
        return None
    kept = ("Cache-Control", "public, max-age=31536000, immutable")
    return Answer(200, found[0], TYPES[Path(name).suffix], (kept,))


# -- how values look


def size(octets: int) -> str:
    """Octets in the largest unit of which there is one."""
    value, unit = float(octets), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return (
        f"{value:.0f} {_UNITS[unit]}"
        if unit == 0 or value >= 100
        else f"{value:.1f} {_UNITS[unit]}"
    )


def moment(at: int) -> str:
    """Epoch seconds as a time in UTC; a dash for none."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at)) if at else "–"


def stamp(at: int) -> str:
    """Epoch seconds as HTML's `datetime` takes them."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(max(at, 0)))
