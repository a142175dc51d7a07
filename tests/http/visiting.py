"""A browser that is made of a cookie and the forms of the last page."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urlencode

from tests.http.browsing import Reply, Site

FORM = re.compile(r'<form[^>]* action="([^"]+)"[^>]*>(.*?)</form>', re.S)
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')

_FOREIGN = re.compile(
    r'<script(?! src="/panel/static/[a-z]+\.js\?[0-9a-f]{16}" defer></script>)'
    r"|<[^>]*\s(?:on\w+|style)="
)


def foreign(page: str) -> re.Match[str] | None:
    """A script or style in a page that is no file of ours."""
    return _FOREIGN.search(page)


class Browser:
    """Follows redirects; `page`: what it shows, `status`: of the last answer."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.cookie = ""
        self.page = ""
        self.path = ""
        self.status = 0

    def look(self, path: str) -> str:
        """Goes to a page."""
        self._took(self._ask("GET", path), path)
        return self.page

    def send(self, action: str, /, **fields: str) -> str:
        """Sends the form of this page that goes to `action`, with what a person fills in."""
        forms = {unescape(where): body for where, body in FORM.findall(self.page)}
        hidden = {name: unescape(value) for name, value in HIDDEN.findall(forms[action])}
        self.post(action, {**hidden, **fields})
        return self.page

    def post(self, action: str, fields: dict[str, str], **headers: str) -> Reply:
        """Sends fields whatever the page is."""
        return self.post_pairs(action, list(fields.items()), **headers)

    def post_pairs(self, action: str, pairs: list[tuple[str, str]], **headers: str) -> Reply:
        """The same, where a field may be there more than once."""
        reply = self._ask(
            "POST",
            action,
            urlencode(pairs).encode(),
            **{"content_type": "application/x-www-form-urlencoded", **headers},
        )
        self._took(reply, action)
        return reply

    def sign_in(self, name: str, password: str) -> str:
        """As a person does it."""
        self.look("/panel/")
        return self.send("/panel/sign-in", name=name, password=password)

    def _ask(self, method: str, path: str, body: object = None, **headers: str) -> Reply:
        if self.cookie:
            headers["cookie"] = self.cookie
        return self.site.ask(method, path, body, **headers)

    def _took(self, reply: Reply, path: str) -> None:
        given = reply.headers.get("set-cookie", "")
        if given:
            self.cookie = "" if "Max-Age=0" in given else given.partition(";")[0]
        if reply.status == 303:
            self.look(reply.headers["location"].partition("#")[0])
            self.path = self.path.partition("?next=")[0]
            return
        self.status, self.path = reply.status, path
        self.page = reply.body.decode()
