"""S3 as bytes: what is asked, signed, and what an answer means. No connection is known here.

Names of objects and queries hold only what a URL holds as it is, but for what `quote` changes.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from hashlib import md5, sha256
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from mailhub.model.errors import Unavailable
from mailhub.model.settings_s3 import S3Settings

ANSWER = 1 << 20
"""Octets of an answer that is not an object: a thousand names have some 300 KB."""
MOST_DELETED = 1000
"""Objects that one request deletes."""


@dataclass(frozen=True, slots=True)
class Request:
    """`key` empty: of the bucket. `digest`: SHA-256 of `body`. `most`: octets of a good answer."""

    method: str
    key: str = ""
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | memoryview = b""
    digest: bytes = sha256(b"").digest()
    most: int = ANSWER


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers`: names in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """What an error is called."""
        found = re.search(rb"<Code>([A-Za-z0-9]{1,64})</Code>", self.body[:4096])
        return found[1].decode() if found else ""


class Verdict(Enum):
    """What an answer means for the request."""

    GOOD = "good"
    MISSING = "missing"
    AGAIN = "again"
    SKEWED = "skewed"
    FULL = "full"
    REFUSED = "refused"


_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_CODES = {
    "RequestTimeTooSkewed": Verdict.SKEWED,
    "RequestTimeout": Verdict.AGAIN,
    "SlowDown": Verdict.AGAIN,
    "ServiceUnavailable": Verdict.AGAIN,
    "InternalError": Verdict.AGAIN,
    "XAmzContentSHA256Mismatch": Verdict.AGAIN,
    "BadDigest": Verdict.AGAIN,
    "IncompleteBody": Verdict.AGAIN,
    "NoSuchKey": Verdict.MISSING,
    "NoSuchUpload": Verdict.MISSING,
    "InvalidRange": Verdict.MISSING,  # there is less of it
    "NoSuchBucket": Verdict.REFUSED,
    "QuotaExceeded": Verdict.FULL,
    "XMinioStorageFull": Verdict.FULL,
    "XMinioAdminBucketQuotaExceeded": Verdict.FULL,
    "InsufficientStorage": Verdict.FULL,
}


def verdict(answer: Answer) -> Verdict:
    """What the answer means. An upload's completion may fail under status 200."""
    if 200 <= answer.status < 300 and not answer.body[:512].count(b"<Error>"):
        return Verdict.GOOD
    known = _CODES.get(answer.code)
    if known is not None:
        return known
    if answer.status in (413, 507):  # Swift's quotas say 413, where others would never
        return Verdict.FULL
    if answer.status == 404:
        return Verdict.MISSING
    return Verdict.AGAIN if answer.status in _AGAIN else Verdict.REFUSED


def moment(answer: Answer) -> float | None:
    """The server's time, epoch seconds."""
    try:
        return parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (KeyError, ValueError):
        return None


class Place:
    """A bucket, and the right to use it. Raises Unavailable where `secret_file` cannot be read, or
    there is no signer."""

    def __init__(self, settings: S3Settings) -> None:
        parts = urlsplit(settings.endpoint)
        host = parts.netloc
        path = parts.path.rstrip("/")
        if settings.path_style:
            path += f"/{settings.bucket}"
        else:
            host = f"{settings.bucket}.{host}"
        self._base = f"{parts.scheme}://{host}{path}"
        self._secret = settings.secret_key or _read(settings.secret_file)
        self._access = settings.access_key
        self._region = settings.region
        try:
            from mailhub.store.s3.signing import sign
        except ImportError:
            raise Unavailable("s3.endpoint: botocore is missing: mailhub[s3] installs it") from None
        self._sign = sign

    def signed(self, request: Request, now: float) -> tuple[str, dict[str, str]]:
        """URL and header fields. `now`: epoch seconds by the server's clock."""
        url = f"{self._base}/{quote(request.key, safe='/-_.~')}"
        if request.query:
            words = [f"{quote(a, safe='-_.~')}={quote(b, safe='-_.~')}" for a, b in request.query]
            url += "?" + "&".join(words)
        key = self._access, self._secret
        asked = request.method, url, request.headers, request.digest
        return url, self._sign(key, self._region, *asked, now)


def _read(path: str) -> str:
    if not path:
        return ""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Unavailable(f"s3.secret_file: {path} cannot be read ({error})") from None


# -- requests, and their answers


def put(key: str, body: bytes | memoryview, digest: bytes) -> Request:
    """Puts a whole object."""
    return Request("PUT", key, body=body, digest=digest)


def get(key: str, start: int, length: int) -> Request:
    """Reads some of an object, one octet at least."""
    return Request(
        "GET", key, headers={"Range": f"bytes={start}-{start + length - 1}"}, most=length
    )


def whole(answer: Answer, start: int, length: int) -> bool:
    """Whether the answer to `get` holds what was asked for."""
    if len(answer.body) != length:
        return False
    if answer.status == 206:
        return answer.headers.get("content-range", "").startswith(f"bytes {start}-")
    return not start  # the whole of it: this server has no ranges, or none was needed


def begin(key: str) -> Request:
    """Begins an upload in parts."""
    return Request("POST", key, (("uploads", ""),))


def upload_of(answer: Answer) -> str:
    """Its name."""
    return _text(_tree(answer), "UploadId")


def part(key: str, upload: str, place: int, body: bytes | memoryview, digest: bytes) -> Request:
    """One part, from 1 on."""
    query = (("partNumber", str(place)), ("uploadId", upload))
    return Request("PUT", key, query, body=body, digest=digest)


def complete(key: str, upload: str, tags: Sequence[str]) -> Request:
    """Makes one object of the parts."""
    parts = "".join(
        f"<Part><PartNumber>{place}</PartNumber><ETag>{escape(tag)}</ETag></Part>"
        for place, tag in enumerate(tags, 1)
    )
    body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
    return Request("POST", key, (("uploadId", upload),), body=body, digest=sha256(body).digest())


def abort(key: str, upload: str) -> Request:
    """Forgets the parts."""
    return Request("DELETE", key, (("uploadId", upload),))


def delete(keys: Sequence[str]) -> Request:
    """Deletes up to `MOST_DELETED` objects; those that are not there are no error."""
    names = "".join(f"<Object><Key>{escape(key)}</Key></Object>" for key in keys)
    body = f"<Delete><Quiet>true</Quiet>{names}</Delete>".encode()
    check = b64encode(md5(body, usedforsecurity=False).digest()).decode()
    headers = {"Content-MD5": check}
    return Request("POST", "", (("delete", ""),), headers, body, sha256(body).digest())


def undeleted(answer: Answer) -> set[str]:
    """The names of those that are still there."""
    return {_text(one, "Key") for one in _tree(answer).iterfind("{*}Error")}


def listing(prefix: str, after: str) -> Request:
    """The names behind `after`, in order, a thousand at most."""
    query = [("list-type", "2"), ("max-keys", "1000"), ("prefix", prefix)]
    if after:
        query.append(("start-after", after))
    return Request("GET", "", query)


def listed(answer: Answer) -> list[tuple[str, float]]:
    """Names, and when they were written by the server's clock."""
    return [
        (_text(one, "Key"), datetime.fromisoformat(_text(one, "LastModified")).timestamp())
        for one in _tree(answer).iterfind("{*}Contents")
    ]


def uploads(prefix: str) -> Request:
    """Uploads that were begun and not ended."""
    return Request("GET", "", (("max-uploads", "1000"), ("prefix", prefix), ("uploads", "")))


def begun(answer: Answer) -> list[tuple[str, str, float]]:
    """Names of object and upload, and when it was begun."""
    return [
        (
            _text(one, "Key"),
            _text(one, "UploadId"),
            datetime.fromisoformat(_text(one, "Initiated")).timestamp(),
        )
        for one in _tree(answer).iterfind("{*}Upload")
    ]


def _tree(answer: Answer) -> ElementTree.Element:
    # No entities, no DTD: an answer of the administrator's own server, bounded, needs neither.
    if b"<!DOCTYPE" in answer.body[:1024]:
        raise Unavailable("S3 answers what cannot be read")
    try:
        return ElementTree.fromstring(answer.body)  # noqa: S314
    except ElementTree.ParseError:
        raise Unavailable("S3 answers what cannot be read") from None


def _text(tree: ElementTree.Element, name: str) -> str:
    found = tree.findtext(f"{{*}}{name}")
    if not found:
        raise Unavailable("S3 answers what cannot be read")
    return found
