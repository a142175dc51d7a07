"""The HTTP API of another server, asked one call at a time.

Certificates are verified, answers bounded in size and time, and calls that only read are asked
again when the server is busy or the connection breaks; nothing here ever changes anything there.
No product is known here.
"""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from secrets import token_hex
from typing import Any
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from mailhub.switching.faults import SwitchFault

MOST = 256 << 20
"""Octets of one answer: tmail gives all users in one."""
TRIES = 6
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
BUSY = frozenset({429, 500, 502, 503, 504})
"""Statuses after which the same question can have another answer (RFC 9110 section 15.6; RFC 6585
section 4). 500 is among them for servers that answer a database's hiccup with it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came: its status, Content-Type, and body."""

    status: int
    kind: str
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether it is an answer to the question."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The value. Raises SwitchFault."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            start = self.body[:80].decode("utf-8", "replace").strip()
            raise SwitchFault(f"the answer is no JSON: {start}") from None


class Site:
    """One API. `url`: with the path that stands before all its calls; `ca`: a PEM file to trust
    besides; `timeout`: seconds that it may be silent. `sleep` and `moment` (epoch seconds) are the
    clock."""

    def __init__(
        self,
        url: str,
        *,
        ca: str = "",
        timeout: float = 60.0,
        headers: Mapping[str, str] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        moment: Callable[[], float] = time.time,
    ) -> None:
        self._url: SplitResult = urlsplit(url)
        self._ca = ca
        self._timeout = timeout
        self._headers = {"Accept": "application/json", **(headers or {})}
        self._sleep = sleep
        self._moment = moment
        self._connection: http.client.HTTPConnection | None = None

    def identify(self, name: str, value: str) -> None:
        """A header of every call from now on."""
        self._headers[name] = value

    def get(
        self,
        path: str,
        query: Mapping[str, object] | None = None,
        *,
        form: Mapping[str, str] | None = None,
        absent: bool = False,
    ) -> Any:
        """The JSON of a call that only reads. `form`: fields that go in its body. `absent`: None
        where the server says that there is no such thing. Raises SwitchFault."""
        answer = self.call("GET", path, query, form=form)
        if absent and answer.status in (404, 405):
            return None
        if not answer.ok:
            raise SwitchFault(f"{self._shown(path)}: {_said(answer)}")
        try:
            return answer.json()
        except SwitchFault as fault:
            raise SwitchFault(f"{self._shown(path)}: {fault}") from None

    def call(
        self,
        method: str,
        path: str,
        query: Mapping[str, object] | None = None,
        *,
        form: Mapping[str, str] | None = None,
    ) -> Answer:
        """Any answer of the server; asked again while it is busy. Raises SwitchFault."""
        pause = FIRST_PAUSE
        for left in reversed(range(TRIES)):
            try:
                answer, asked = self._once(method, path, query, form)
            except ssl.SSLCertVerificationError as error:
                raise SwitchFault(f"{self._url.netloc}: {error.verify_message}") from None
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if not left:
                    said = str(error) or type(error).__name__
                    raise SwitchFault(f"{self._shown(path)}: {said}") from None
                asked = None
            else:
                if answer.status not in BUSY or not left:
                    return answer
            self._sleep(min(asked if asked is not None else pause, LONGEST_PAUSE))
            pause = min(pause * 2, LONGEST_PAUSE)
        raise AssertionError("the last try returns or raises")

    def close(self) -> None:
        """Ends the connection; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _once(
        self,
        method: str,
        path: str,
        query: Mapping[str, object] | None,
        form: Mapping[str, str] | None,
    ) -> tuple[Answer, float | None]:
        """The answer, and the seconds after which the server wants to be asked again."""
        connection = self._connected()
        target = self._url.path.rstrip("/") + path
        if query:
            target += "?" + urlencode({name: str(value) for name, value in query.items()})
        headers = dict(self._headers)
        body = None
        if form is not None:
            body, headers["Content-Type"] = _multipart(form)
        connection.request(method, target, body, headers)
        with connection.getresponse() as response:
            data = response.read(MOST + 1)
            if len(data) > MOST:
                raise SwitchFault(f"{self._shown(path)}: the answer is larger than {MOST} octets")
            if response.will_close:
                self.close()
            answer = Answer(response.status, response.headers.get_content_type(), data)
            return answer, self._later(response.headers.get("Retry-After"))

    def _connected(self) -> http.client.HTTPConnection:
        if self._connection is None:
            host, port = self._url.hostname or "", self._url.port
            if self._url.scheme == "https":
                context = ssl.create_default_context()
                if self._ca:
                    context.load_verify_locations(cafile=self._ca)
                self._connection = http.client.HTTPSConnection(
                    host, port, timeout=self._timeout, context=context
                )
            else:
                self._connection = http.client.HTTPConnection(host, port, timeout=self._timeout)
        return self._connection

    def _later(self, value: str | None) -> float | None:
        """Retry-After (RFC 9110 section 10.2.3): seconds or a date."""
        if not value:
            return None
        if value.strip().isdecimal():
            return float(value)
        try:
            return max(0.0, parsedate_to_datetime(value).timestamp() - self._moment())
        except ValueError:
            return None

    def _shown(self, path: str) -> str:
        return f"{self._url.scheme}://{self._url.netloc}{self._url.path.rstrip('/')}{path}"


def segment(text: str) -> str:
    """One level of a path."""
    return quote(text, safe="@")


def _multipart(form: Mapping[str, str]) -> tuple[bytes, str]:
    """Fields as `multipart/form-data` (RFC 7578): Go's servers read no other form from a GET."""
    edge = f"mailhub-{token_hex(16)}"
    parts = [
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in form.items()
    ]
    return f"{''.join(parts)}--{edge}--\r\n".encode(), f"multipart/form-data; boundary={edge}"


def _said(answer: Answer) -> str:
    """What is wrong, in the server's own words where they are words."""
    words = ""
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        if answer.kind == "text/plain":
            words = answer.body[:200].decode("utf-8", "replace").strip()
    else:
        if isinstance(value, dict):
            found = (value.get(name) for name in ("error", "msg", "reason", "error_msg", "message"))
            words = next((one for one in found if isinstance(one, str)), "")
    return f"{answer.status}{': ' + words if words else ''}"
