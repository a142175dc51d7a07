"""Which browser somebody uses, in two words, for the list of who is signed in.

What a browser says of itself is long, may be anything, and is kept nowhere.
"""

from __future__ import annotations

BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Vivaldi", "Vivaldi"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chromium", "Chromium"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
    ("curl/", "curl"),
    ("Lynx", "Lynx"),
)
"""In this order: most say that they are Safari, and many that they are Chrome."""
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
UNKNOWN = "?"


def name(agent: str) -> str:
    """Such as `Firefox, Linux`, of a `User-Agent` (RFC 9110 section 10.1.5)."""
    said = (
        next((word for mark, word in known if mark in agent), "") for known in (BROWSERS, SYSTEMS)
    )
    return ", ".join(word for word in said if word) or UNKNOWN
