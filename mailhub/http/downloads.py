"""How contents that others sent or kept are handed out: type, name, and nothing that a browser
could take for a page of ours."""

from __future__ import annotations

import re
from mimetypes import MimeTypes
from urllib.parse import quote

OCTETS = "application/octet-stream"
# What a stranger sent is never a page of ours, whatever it says that it is.
HARMLESS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "sandbox; default-src 'none'"),
)
# Those that Python knows by itself: what this machine's files say differs from machine to machine.
_TYPES = MimeTypes()
_MEDIA = re.compile(r"[a-z0-9!#$&^_.+-]{1,80}/[a-z0-9!#$&^_.+-]{1,80}")
_CHARSET = re.compile(r"[A-Za-z0-9_.:+-]{1,40}")
_GIVEN = re.compile(r";\s*charset=\"?([A-Za-z0-9._:+-]{1,40})", re.IGNORECASE)
_PLAIN = re.compile(r"[^A-Za-z0-9 !#$&'()+,.=@\[\]^_`{}~-]")


def typed(given: str, name: str) -> tuple[str, str]:
    """Media type and character set, as they are given, or as a file of this name has them."""
    media = given.partition(";")[0].strip() or _TYPES.guess_type(f"x/{name}")[0] or OCTETS
    found = _GIVEN.search(given)
    return media, found[1] if found else ""


def content_type(media: str, charset: str) -> str:
    """A media type, where it is one; nothing else of what a message says can get into the
    header."""
    if not _MEDIA.fullmatch(media) or media.startswith("multipart/"):
        return OCTETS
    if media.startswith("text/") and _CHARSET.fullmatch(charset):
        return f"{media}; charset={charset}"
    return media


def disposition(name: str) -> tuple[str, str]:
    """The field (RFC 6266): a name of plain characters, and the real one beside it where it has
    others."""
    plain = _PLAIN.sub("_", name)
    value = f'attachment; filename="{plain}"'
    if plain != name:
        value += f"; filename*=UTF-8''{quote(name, safe='')}"
    return "Content-Disposition", value
