"""HTML of strangers as HTML that can be shown: nothing in it runs, nothing in it leaves its place.

What is left has text, tables, pictures, links and harmless styles. Pictures of other servers stay:
whether they are fetched is the reader's choice. It takes tens of milliseconds for a long message
and quadratic time for a hostile one, so beyond a size it is done in a worker (see `net.workers`).
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from urllib.parse import unquote

import nh3

AT_ONCE = 8 * 1024
AT_ONCE_TAGS = 400
"""Characters and tags of a document that is small enough not to hold others up: a few ms at
worst."""

_TAGS = (
    nh3.ALLOWED_TAGS | {"font", "big", "tfoot", "address", "main", "section", "picture", "u"}
) - {"base"}
_NO_CONTENT = {
    *("script", "style", "title", "head", "template", "noscript", "noembed", "noframes"),
    *("iframe", "frame", "frameset", "object", "embed", "applet", "svg", "math", "audio"),
    *("video", "canvas", "textarea", "select", "option", "xmp", "plaintext"),
}
_EVERYWHERE = {"style", "title", "dir", "lang", "align", "valign", "bgcolor", "color", "width"}
_EVERYWHERE |= {"height", "border"}
_ATTRIBUTES: dict[str, set[str]] = {
    **{tag: set(names) for tag, names in nh3.ALLOWED_ATTRIBUTES.items()},
    "*": _EVERYWHERE,
    "a": {"href", "hreflang", "name"},
    "area": {"href", "shape", "coords", "alt"},
    "font": {"face", "size", "color"},
    "img": {"src", "alt", "hspace", "vspace"},
    "table": {"cellpadding", "cellspacing", "summary"},
    "td": {"colspan", "rowspan", "nowrap", "headers"},
    "th": {"colspan", "rowspan", "nowrap", "headers", "scope"},
}
_STYLES = {
    *("color", "background-color", "font", "font-family", "font-size", "font-style"),
    *("font-weight", "font-variant", "text-align", "text-decoration", "text-indent"),
    *("text-transform", "line-height", "letter-spacing", "word-spacing", "white-space"),
    *("vertical-align", "direction", "width", "height", "max-width", "min-width"),
    *("margin", "margin-top", "margin-right", "margin-bottom", "margin-left"),
    *("padding", "padding-top", "padding-right", "padding-bottom", "padding-left"),
    *("border", "border-top", "border-right", "border-bottom", "border-left"),
    *("border-color", "border-style", "border-width", "border-collapse", "border-spacing"),
    *("border-radius", "list-style-type", "word-wrap", "word-break", "overflow-wrap"),
    *("table-layout", "display"),
}
_SCHEMES = {"http", "https", "mailto", "tel", "ftp", "cid", "attachment", "data"}
_FETCHES = re.compile(r"url|image|expression|import|binding|behavior|script|[\\@<>{}]", re.I)
"""What in a style may fetch, run or end something; an escape could spell any of it."""
_PICTURE = re.compile(r"data:image/(?:png|gif|jpe?g|webp|bmp);base64,[a-z0-9+/=\s]*", re.I)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.I)
_CID = re.compile(r"cid:", re.I)
_ATTACHED = re.compile(r"attachment:(ATT\d{5,})", re.I)
_URLS = frozenset({"href", "src", "cite", "background", "longdesc"})


def small(source: str) -> bool:
    """Whether cleaning it at once holds nobody up."""
    return len(source) <= AT_ONCE and source.count("<") <= AT_ONCE_TAGS


def clean(source: str, parts: Mapping[str, str], link: str = "") -> str:
    """The document without what could do harm.

    `parts`: attachment ids by Content-ID. Links to parts of the message become
    `attachment:ATTnnnnn`; with `link`, that path with the id behind it.
    """

    def keep(tag: str, name: str, value: str) -> str | None:
        if name == "style":
            return None if _FETCHES.search(value) else value
        if name not in _URLS:
            return value
        return _address(tag, name, value.strip(), parts, link)

    return nh3.clean(
        source.replace("\0", ""),
        tags=_TAGS,
        clean_content_tags=_NO_CONTENT - _TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=keep,
        url_schemes=_SCHEMES,
        filter_style_properties=_STYLES,
        link_rel="noopener noreferrer",
    )


def _address(tag: str, name: str, value: str, parts: Mapping[str, str], link: str) -> str | None:
    """Where a link or a picture leads, or None where it may not."""
    if _CID.match(value):
        found = parts.get(_plain_cid(value[4:]))
        return None if found is None else linked(found, link)
    if attached := _ATTACHED.fullmatch(value):
        return linked(attached[1].upper(), link) if attached[1].upper() in parts.values() else None
    scheme = value.partition(":")[0].lower()
    if scheme == "data":
        return value if (tag, name) == ("img", "src") and _PICTURE.fullmatch(value) else None
    if scheme in {"cid", "attachment"}:
        return None
    # A path of our own would be asked for with the reader's own cookies.
    return value if _SCHEME.match(value) or value.startswith("#") else None


def linked(id: str, link: str) -> str:
    """How an attachment is named in a document."""
    return f"{link}/{id}" if link else f"attachment:{id}"


def _plain_cid(text: str) -> str:
    """RFC 2392: the Content-ID, percent-encoded."""
    return unquote(text).strip("<> ")


_LINK = re.compile(
    r"(https?://[^\s<>\"'\x00-\x20]{1,2000})|([\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8})",
    re.I,
)
_PARAGRAPH = re.compile(r"\n{2,}")
_TRAILING = ".,;:!?)]}"


def from_plain(text: str) -> str:
    """Plain text as HTML: paragraphs, line ends, and links where addresses stand."""
    pieces: list[str] = []
    end = 0
    for found in _LINK.finditer(text):
        address = found[0].rstrip(_TRAILING)
        pieces.append(html.escape(text[end : found.start()]))
        target = html.escape(address if found[1] else f"mailto:{address}")
        pieces.append(f'<a href="{target}" rel="noopener noreferrer">{html.escape(address)}</a>')
        end = found.start() + len(address)
    pieces.append(html.escape(text[end:]))
    lines = "".join(pieces).replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    body = _PARAGRAPH.sub("</p>\n<p>", lines).replace("\n", "<br/>\n")
    return f"<p>{body.replace('</p><br/>', '</p>')}</p>" if lines else ""
