"""What an authority may say, as values; nonces that it refuses; an account that stays the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from acme import challenges, errors, messages
from josepy.jwa import ES256
from josepy.jwk import JWKEC

from mailhub.model.acme import IssueFault, NotIssued
from mailhub.model.settings_acme import ACMESettings
from mailhub.net.acme import LONGEST_REST, NONCES, ACMEAuthority, _network, _said
from tests.authority import Authority, key


def problem(code: str, detail: str = "words", **more: Any) -> messages.Error:
    return messages.Error(typ=f"urn:ietf:params:acme:error:{code}", detail=detail, **more)


def raised(error: Exception) -> NotIssued:
    def work() -> None:
        raise error

    with pytest.raises(NotIssued) as found:
        _said(work)
    return found.value


@pytest.mark.parametrize(
    ("error", "fault", "text"),
    [
        (problem("rateLimited"), IssueFault.LIMIT, "The authority says: words"),
        (problem("rejectedIdentifier"), IssueFault.REFUSED, "The authority says: words"),
        (problem("caa"), IssueFault.CAA, "The authority says: words"),
        (problem("userActionRequired"), IssueFault.REFUSED, "The authority says: words"),
        (problem("serverInternal"), IssueFault.AWAY, "The authority says: words"),
        (problem("badNonce"), IssueFault.AWAY, "The authority says: words"),
        (problem("connection"), IssueFault.CONNECTION, "The authority says: words"),
        (problem("dns", "a\r\nb\x1b[0m"), IssueFault.ADDRESS, "The authority says: a  b [0m"),
        (errors.IssuanceError(problem("caa")), IssueFault.CAA, "The authority says: words"),
        (errors.TimeoutError(), IssueFault.AWAY, "The authority did not decide in time"),
        (
            requests.exceptions.SSLError(),
            IssueFault.AWAY,
            "The authority's own certificate does not verify",
        ),
        (
            requests.exceptions.ConnectTimeout(),
            IssueFault.AWAY,
            "The authority cannot be asked (ConnectTimeout)",
        ),
        (errors.ClientError("x"), IssueFault.AWAY, "The authority cannot be asked (ClientError)"),
    ],
)
def test_what_it_says(error: Exception, fault: IssueFault, text: str) -> None:
    found = raised(error)
    assert (found.fault, found.text, found.names) == (fault, text, ())


def test_names_at_fault_are_told_with_the_reason() -> None:
    name = messages.Identifier(typ=messages.IDENTIFIER_FQDN, value="a.example")
    both = problem("malformed", subproblems=(problem("caa", "no", identifier=name),))
    assert raised(both).names == (("a.example", "no"),)
    unproven = raised(errors.ValidationError([unproved("connection", wildcard=True)]))
    assert unproven.names == (("*.a.example", "refused"),)


def unproved(code: str, *, wildcard: bool = False) -> messages.AuthorizationResource:
    """A name that could not be proven, with the reason."""
    failed = messages.ChallengeBody(
        chall=challenges.HTTP01(token=b"x" * 32),
        uri="https://ca.example/c",
        status=messages.STATUS_INVALID,
        error=problem(code, "refused"),
    )
    name = messages.Identifier(typ=messages.IDENTIFIER_FQDN, value="a.example")
    body = messages.Authorization(identifier=name, wildcard=wildcard, challenges=(failed,))
    return messages.AuthorizationResource(body=body)


@pytest.mark.parametrize(
    ("code", "wildcard", "fault"),
    [
        ("connection", False, IssueFault.CONNECTION),
        ("dns", False, IssueFault.ADDRESS),
        ("unauthorized", False, IssueFault.ANSWER),
        ("incorrectResponse", False, IssueFault.ANSWER),
        ("caa", False, IssueFault.CAA),
        ("caa", True, IssueFault.CAA),
        ("unauthorized", True, IssueFault.ZONE),
        ("dns", True, IssueFault.ZONE),
        ("odd", False, IssueFault.PROOF),
    ],
)
def test_why_a_name_could_not_be_proven(code: str, wildcard: bool, fault: IssueFault) -> None:
    failed = [unproved(code, wildcard=wildcard)] * 2
    assert raised(errors.ValidationError(failed)).fault is fault
    mixed = [*failed, unproved("odd")]
    assert raised(errors.ValidationError(mixed)).fault is IssueFault.PROOF


@pytest.mark.parametrize("refused", [0, 1, NONCES - 1, NONCES])
def test_nonces_may_be_refused_often(refused: int) -> None:
    asked: list[str] = []

    class Network(_network()):  # type: ignore[misc]
        def _post_once(self, url: str, *_: object, **__: object) -> str:
            asked.append(url)
            if len(asked) <= refused:
                raise problem("badNonce")
            return "answer"

    network = Network(JWKEC(key=key()), alg=ES256)
    if refused < NONCES:
        assert network.post("url") == "answer"
        assert len(asked) == refused + 1
    else:
        with pytest.raises(messages.Error):
            network.post("url")
        assert len(asked) == NONCES


@pytest.mark.parametrize(
    ("status", "said", "seconds"),
    [(429, "77", 77.0), (503, "9" * 20, LONGEST_REST), (429, "soon", 0.0), (200, "5", 0.0)],
)
def test_it_is_left_alone_for_as_long_as_it_says(
    status: int, said: str, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    response = requests.Response()
    response.status_code = status
    response.headers["Retry-After"] = said
    response._content = b""
    network = _network()(JWKEC(key=key()), alg=ES256)
    monkeypatch.setattr(network.session, "request", lambda *_, **__: response)
    network.head("https://ca.example/")
    assert network.rest == seconds


def test_an_account_is_kept_for_each_authority(tmp_path: Path) -> None:
    def made(url: str) -> ACMEAuthority:
        return ACMEAuthority(ACMESettings(directory=url), tmp_path / "accounts", None)

    first = made("https://one.example/dir")._key()
    assert made("https://one.example/dir")._key().private_numbers() == first.private_numbers()
    assert made("https://two.example/dir")._key().private_numbers() != first.private_numbers()
    files = sorted((tmp_path / "accounts").iterdir())
    assert len(files) == 2
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)
    known = {json.loads(file.read_text())["directory"] for file in files}
    assert known == {"https://one.example/dir", "https://two.example/dir"}


def test_it_says_when_it_wants_a_renewal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []
    due = datetime(2026, 12, 1, tzinfo=UTC)
    again = datetime(2026, 11, 22, 6)  # the library's own: of this place's hour
    said: list[datetime | None] = [due, None]

    class Client:
        def renewal_time(self, leaf: bytes) -> tuple[datetime | None, datetime]:
            seen.append(leaf)
            return said.pop(0), again

    authority = ACMEAuthority(ACMESettings(), tmp_path, None)
    monkeypatch.setattr(authority, "_connected", Client)
    own = Authority("Some")
    leaf = own.issue(["a.example"])
    found = [authority._renewal(leaf + own.text) for _ in said[:]]
    assert found == [(due.timestamp(), again.timestamp()), (0.0, again.timestamp())]
    assert seen == [leaf.encode()] * 2
