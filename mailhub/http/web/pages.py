"""A file as an HTTP answer: its type, whether the browser has it already, the part that is wanted.

Which file it is, `sites` knows; how it is opened, `net.sitefiles`.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from mailhub.http.call import Answer, Call
from mailhub.model.errors import NotFound
from mailhub.net.sitefiles import Pieces, SiteFile, SiteFiles
from mailhub.wire.ranges import http_date, is_unchanged, span

INDEXES = ("index.html", "index.htm")
HTML = "text/html; charset=utf-8"
WITHOUT: tuple[tuple[str, str], ...] = (
    ("Content-Security-Policy", ""),
    ("Cache-Control", ""),
    ("Referrer-Policy", ""),
)
"""Headers of APIs that a web site goes without: its own pages say what they may do."""
MORE: Mapping[str, str] = {
    ".avif": "image/avif",
    ".ico": "image/vnd.microsoft.icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".md": "text/markdown",
    ".mjs": "text/javascript",
    ".mobileconfig": "application/x-apple-aspen-config",
    ".otf": "font/otf",
    ".rss": "application/rss+xml",
    ".ttf": "font/ttf",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".xml": "application/xml",
}
ENCODINGS: Mapping[str, str] = {
    "gzip": "application/gzip",
    "bzip2": "application/x-bzip2",
    "xz": "application/x-xz",
    "br": "application/octet-stream",
    "compress": "application/x-compress",
}
_TYPES = mimetypes.MimeTypes()
"""Python's own table, and never the machine's: types do not depend on where we run."""
for _extension, _type in MORE.items():
    _TYPES.add_type(_type, _extension)


def media_type(name: str) -> str:
    """The Content-Type of a file called so. What is compressed is not what browsers unpack."""
    found, encoding = _TYPES.guess_type(name)
    if encoding is not None:
        return ENCODINGS.get(encoding, "application/octet-stream")
    if found is None:
        return "application/octet-stream"
    return f"{found}; charset=utf-8" if found.startswith("text/") else found


def target(call: Call, more: str = "") -> str:
    """Path and query of a request, with `more` behind the path, as a URL has them."""
    query = f"?{call.query}" if call.query else ""
    return quote(call.path, safe="/-._~!$&'()*+,;=:@") + more + query


class Pages:
    """Answers with files below a folder."""

    def __init__(self, files: SiteFiles) -> None:
        self._files = files

    async def answer(
        self, call: Call, root: str, names: Sequence[str], *, slash: bool, type: str = ""
    ) -> Answer:
        """The file that `names` lead to. `slash`: the path ends with one, so it is a folder.

        Raises NotFound, Unavailable.
        """
        if not root:
            raise NotFound("There is no such page")
        file = await self._files.open(root, names, INDEXES if slash else ())
        if file.is_folder:
            self._files.close(file)
            return self._onward(call)
        return self._file(call, file, type or (HTML if slash else media_type(names[-1])))

    def _onward(self, call: Call) -> Answer:
        """A folder's name without its slash: links on its page would lead elsewhere."""
        return Answer(301, type=HTML, headers=(("Location", target(call, "/")), *WITHOUT))

    def _file(self, call: Call, file: SiteFile, type: str) -> Answer:
        tag = f'"{file.mark}"'
        headers = (
            *WITHOUT,
            ("ETag", tag),
            ("Last-Modified", http_date(file.modified)),
            ("Accept-Ranges", "bytes"),
        )
        none_match, since = call.header("if-none-match"), call.header("if-modified-since")
        if is_unchanged(none_match, since, tag, file.modified):
            self._files.close(file)
            return Answer(304, type=type, headers=headers)
        wanted = None
        if call.method == "GET" and call.header("range"):
            condition = call.header("if-range")
            wanted = span(call.header("range"), condition, tag, file.modified, file.size)
        if wanted == (0, 0):
            self._files.close(file)
            unsatisfied = ("Content-Range", f"bytes */{file.size}")
            return Answer(416, type=type, headers=(*headers, unsatisfied))
        start, end = wanted or (0, file.size)
        if wanted is not None:
            headers += (("Content-Range", f"bytes {start}-{end - 1}/{file.size}"),)
        status = 200 if wanted is None else 206
        if file.content is not None:
            return Answer(status, file.content[start:end], type, headers)
        pieces = Pieces(self._files, file, start, end)
        return Answer(status, type=type, headers=headers, stream=pieces, length=end - start)
