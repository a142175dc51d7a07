"""Every text of the panel is there in every language, and pages speak the reader's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from mailhub.http.panel import pages
from tests.http.browsing import Site
from tests.http.visiting import Browser
from tests.world import PASSWORD, world

pytestmark = pytest.mark.thorough

HOME = Path(pages.__file__).parent
DOMAINS = ("panel", "webmail")
OTHERS = [language for language in pages.LANGUAGES if language != "en"]
OPTIONS = {"trim_blocks": "true", "lstrip_blocks": "true", "newstyle_gettext": "true"}
_PLACES = re.compile(r"%\(\w+\)s")


def home(domain: str) -> Path:
    return HOME.parent / domain


def texts(domain: str) -> dict[str, tuple[str, ...]]:
    """What the templates say, by its singular; with its plural where it has one."""
    method = [("**/templates/**.html", "jinja2")]
    found = extract_from_dir(str(home(domain)), method, {"**/templates/**.html": OPTIONS})
    said = [(text,) if isinstance(text, str) else tuple(text) for _, _, text, _, _ in found]
    return {text[0]: text for text in said}


def catalog(domain: str, language: str) -> Catalog:
    place = home(domain) / "locale" / language / "LC_MESSAGES"
    with (place / f"{domain}.po").open("rb") as file:
        return read_po(file, language)


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("domain", DOMAINS)
def test_every_text_is_translated(domain: str, language: str) -> None:
    said, known = texts(domain), catalog(domain, language)
    ours = {one.id if isinstance(one.id, str) else one.id[0]: one for one in known if one.id}
    assert set(ours) == set(said), "`pybabel` and a translator are wanted"
    for text, one in ours.items():
        given = [one.string] if isinstance(one.string, str) else list(one.string)
        assert all(given), text
        assert not one.fuzzy, text
        for line in given:
            assert set(_PLACES.findall(line)) == set(_PLACES.findall(text)), text


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("domain", DOMAINS)
def test_what_is_compiled_is_what_is_written(domain: str, language: str) -> None:
    """`make catalogs` compiles."""
    compiled = pages.catalog(domain, language)
    for one in catalog(domain, language):
        if isinstance(one.id, str):
            assert not one.id or compiled.gettext(one.id) == one.string
        else:
            assert compiled.ngettext(*one.id, 1) == one.string[0]
            assert compiled.ngettext(*one.id, 2) == one.string[1]


@pytest.mark.parametrize(
    ("accepts", "preferred", "spoken"),
    [
        ("", "", "en"),
        ("de-AT,de;q=0.9,en;q=0.8", "", "de"),
        ("it, fr;q=0.3, en;q=0.2", "", "fr"),
        ("fr;q=0, de;q=0.1", "", "de"),
        ("de;q=x,fr;q=;,", "", "en"),
        ("*", "", "en"),
        ("en", "fr-CA", "fr"),
        ("de", "pl", "de"),
    ],
)
def test_which_language_is_spoken(accepts: str, preferred: str, spoken: str) -> None:
    assert pages.spoken(accepts, preferred) == spoken


def test_a_page_in_the_reader_s_language() -> None:
    site = Site(world=world())
    reply = site.ask("GET", "/panel/sign-in", accept_language="de,en;q=0.5")
    assert b'<html lang="de">' in reply.body
    assert "Anmelden" in reply.body.decode()
    browser = Browser(site)
    assert "Overview" in browser.sign_in("joe@example.org", PASSWORD)


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 KiB"),
        (150 << 20, "150 MiB"),
        (1 << 60, "1048576 TiB"),
    ],
)
def test_sizes(octets: int, text: str) -> None:
    assert pages.size(octets) == text
