"""What every page for people has to be, and a walk along all links to find every page.

Shared by the tests of the panel and of the webmail; knows no page of either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Error, Locator, Page

from tests.live.chromium import Window

PHONE, DESK = 360, 1000
"""Widths in pixels of CSS."""
HEAVIEST = 200_000
"""Bytes that a page may take over the wire, with all that it needs."""
FEW = 1
"""Pages of one kind that are visited."""
_ONE_OF_MANY = re.compile(r"[0-9a-f]{24}|\d+|[^/]*[@.%][^/]*|[0-9a-f]{32,}")

STRUCTURE = """() => {
  const faults = [], name = (it) => it.outerHTML.slice(0, 120);
  if (!document.title.trim()) faults.push("no title");
  if (!document.documentElement.lang) faults.push("no language");
  if (document.querySelectorAll("h1").length != 1) faults.push("not one h1");
  if (!document.querySelector("main")) faults.push("no main");
  for (const it of document.querySelectorAll("input:not([type=hidden]), select, textarea"))
    if (!it.labels.length && !it.ariaLabel && !it.getAttribute("aria-labelledby"))
      faults.push("no label: " + name(it));
  for (const it of document.querySelectorAll("thead th"))
    if (it.scope != "col") faults.push("a column without scope: " + name(it));
  for (const it of document.querySelectorAll("tbody th"))
    if (it.scope != "row") faults.push("a row without scope: " + name(it));
  for (const it of document.querySelectorAll("table"))
    if (!it.querySelector("th")) faults.push("a table without headers: " + name(it));
  for (const it of document.querySelectorAll("form[method=post]"))
    if (!it.elements.csrf && !it.querySelector("[type=password]"))
      faults.push("a form without its proof: " + name(it));
  const all = [...performance.getEntriesByType("navigation"),
    ...performance.getEntriesByType("resource")].filter((it) => !it.name.startsWith("data:"));
  const heavy = all.reduce((sum, it) => sum + it.encodedBodySize, 0);
  return {faults, heavy};
}"""

FOCUS = """() => {
  const faults = [];
  document.activeElement.blur();
  const all = document.querySelectorAll(
    "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']");
  for (const it of all) {
    if (!it.checkVisibility({visibilityProperty: true}) || it.disabled) continue;
    const before = getComputedStyle(it), plain = before.outlineStyle + before.boxShadow;
    it.focus();
    const after = getComputedStyle(it);
    if (document.activeElement == it && after.outlineStyle + after.boxShadow == plain)
      faults.push("focus is not seen: " + it.outerHTML.slice(0, 120));
  }
  return faults;
}"""

WIDE = """() => {
  const faults = [], room = document.documentElement.clientWidth;
  if (document.scrollingElement.scrollWidth > room) faults.push("the page scrolls sideways");
  for (const it of document.querySelectorAll("main, nav, header"))
    if (it.scrollWidth > it.clientWidth + 1) faults.push("it scrolls sideways: " + it.tagName);
  for (const it of document.querySelectorAll("button, a[href], input, select, textarea")) {
    const box = it.getBoundingClientRect();
    if (box.width && box.right > room + 1 && !it.closest("pre, .skip, .strip"))
      faults.push("out of reach: " + it.outerHTML.slice(0, 120));
  }
  return faults;
}"""

FORMS = """() => [...document.forms].map((it) =>
  `${it.method.toUpperCase()} ${new URL(it.getAttribute("action"), location.href).pathname}`)"""

LINKS = """() => [...document.querySelectorAll("a[href]")]
  .filter((it) => new URL(it.href).origin == location.origin)
  .map((it) => [it.href, it.hasAttribute("download")])"""


def shape(path: str) -> str:
    """A path with stars for what is one of many, without its query: of one kind of page."""
    parts = urlsplit(path).path.split("/")
    return "/".join("*" if _ONE_OF_MANY.fullmatch(part) else part for part in parts)


def faults(window: Window) -> list[str]:
    """What is wrong with the page that the window shows; it is as it was afterwards."""
    page = window.page
    seen: Any = page.evaluate(STRUCTURE)
    found: list[str] = [*seen["faults"], *window.axe()]
    if seen["heavy"] > HEAVIEST:
        found.append(f"{seen['heavy']} bytes")
    page.emulate_media(color_scheme="dark")
    found += [f"dark: {one}" for one in window.axe("color-contrast")]
    page.emulate_media(color_scheme="light")
    height = (page.viewport_size or {"height": 760})["height"]
    page.set_viewport_size({"width": PHONE, "height": height})
    found += [f"phone: {one}" for one in page.evaluate(WIDE)]
    page.set_viewport_size({"width": DESK, "height": height})
    page.keyboard.press("Tab")
    found += page.evaluate(FOCUS)
    return found


@dataclass(frozen=True)
class Visit:
    """What a walk came to. `page`: the window shows it, else it is something to keep or to read as
    it stands; `forms`: method and shape of the path of each form on it."""

    path: str
    status: int
    forms: frozenset[str] = frozenset()
    page: bool = True


def walk(window: Window, start: str, inside: tuple[str, ...]) -> Iterator[Visit]:
    """Every page that links lead to, and that begins with one of `inside`; of each kind a few.
    The window shows it meanwhile. What is to be kept as a file is asked for and not shown."""
    waiting, met, kinds = [start], {start}, dict[str, int]()
    while waiting:
        path = waiting.pop(0)
        kind = shape(path)
        kinds[kind] = kinds.get(kind, 0) + 1
        if kinds[kind] > FEW:
            continue
        try:
            answer = window.go(path)
            page = "text/html" in answer.headers.get("content-type", "")
        except Error as error:
            if "Download is starting" not in error.message:
                raise
            page = False
        if not page:
            yield Visit(path, window.page.request.get(window.base + path).status, page=False)
            continue
        forms = frozenset(
            f"{method} {shape(action)}"
            for method, _, action in (one.partition(" ") for one in window.page.evaluate(FORMS))
        )
        links = window.page.evaluate(LINKS)
        yield Visit(path, answer.status, forms)
        for address, kept in links:
            link = address.removeprefix(window.base).partition("#")[0]
            if not link.startswith(inside) or link in met:
                continue
            met.add(link)
            if kept:
                got = window.page.request.get(window.base + link)
                yield Visit(link, got.status, page=False)
            else:
                waiting.append(link)


def pressed(button: str) -> str:
    """The selector of a form's button; `button`: its value, or several of which one is there."""
    return ", ".join(f"button[value='{one}']" for one in button.split("|")) if button else "button"


def form(page: Page, key: str, button: str = "") -> Locator:
    """The first form of the page with this method and shape of path, and with this button."""
    for place, one in enumerate(page.evaluate(FORMS)):
        method, _, action = one.partition(" ")
        found = page.locator("form").nth(place)
        if f"{method} {shape(action)}" != key or not found.is_visible():
            continue
        if found.locator(pressed(button)).count():
            return found
    raise AssertionError((page.url, key, page.evaluate(FORMS)))


def fill(form: Locator, fields: dict[str, str | bool]) -> None:
    """Types, chooses and ticks what a person would."""
    for name, value in fields.items():
        field = form.locator(f"[name='{name}']").first
        if isinstance(value, bool):
            field.set_checked(value)
            continue
        kind = field.evaluate("it => it.type")
        if kind == "select-one":
            field.select_option(value)
        elif kind in ("hidden", "radio"):
            field.evaluate("(it, value) => { it.value = value; it.checked = true }", value)
        else:
            field.fill(value)


def send(window: Window, form: Locator, button: str = "") -> int:
    """Presses the form's button, the one with this value where there are more; the status of the
    answer, when the page is there that it leads to."""
    form.evaluate("it => { it.noValidate = true }")
    with window.page.expect_navigation(wait_until="load") as went:
        form.locator(pressed(button)).first.click()
    asked = went.value.request
    first = (asked.redirected_from or asked).response()
    assert first is not None, asked.url
    return first.status
