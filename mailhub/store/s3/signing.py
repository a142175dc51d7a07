"""Signatures of requests (AWS Signature Version 4). The signer is botocore's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


class _Auth(S3SigV4Auth):  # type: ignore[misc]
    """With a clock and a digest that are given."""

    def payload(self, request: Any) -> str:
        found: str = request.context["digest"]
        return found

    def add_auth(self, request: Any) -> None:
        self._modify_request_before_signing(request)
        canonical = self.string_to_sign(request, self.canonical_request(request))
        self._inject_signature_to_request(request, self.signature(canonical, request))


def sign(
    key: tuple[str, str],
    region: str,
    method: str,
    url: str,
    headers: Mapping[str, str],
    digest: bytes,
    now: float,
) -> dict[str, str]:
    """The header fields of a request that was signed. `key`: its id, and itself. `digest`: SHA-256
    of the body. `now`: epoch seconds by the server's clock."""
    asked = AWSRequest(method=method, url=url, headers=dict(headers))
    asked.context["digest"] = digest.hex()
    asked.context["timestamp"] = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    _Auth(Credentials(*key), "s3", region).add_auth(asked)
    return dict(asked.headers.items())
