"""What an authority may say, as values; nonces that it refuses; an account that stays the same."""

from __future__ import annotations

import json
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
from tests.authority import key


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
        (problem("caa"), IssueFault.REFUSED, "The authority says: words"),
        (problem("userActionRequired"), IssueFault.REFUSED, "The authority says: words"),
        (problem("serverInternal"), IssueFault.AWAY, "The authority says: words"),
        (problem("badNonce"), IssueFault.AWAY, "The authority says: words"),
        (problem("connection"), IssueFault.PROOF, "The authority says: words"),
        (problem("dns", "a\r\nb\x1b[0m"), IssueFault.PROOF, "The authority says: a  b [0m"),
        (errors.IssuanceError(problem("caa")), IssueFault.REFUSED, "The authority says: words"),
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
    failed = messages.ChallengeBody(
        chall=challenges.HTTP01(token=b"x" * 32),
        uri="https://ca.example/c",
        status=messages.STATUS_INVALID,
        error=problem("connection", "refused"),
    )
    body = messages.Authorization(identifier=name, wildcard=True, challenges=(failed,))
    unproven = raised(errors.ValidationError([messages.AuthorizationResource(body=body)]))
    assert unproven.fault is IssueFault.PROOF
    assert unproven.names == (("*.a.example", "refused"),)


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
