"""WildDuck's calls on security keys, with a key in software."""

from __future__ import annotations

import dataclasses

import pytest

from mailhub.model.account import Service
from mailhub.model.errors import WrongScope
from mailhub.wire import passkey
from tests.http.browsing import Reply, Site, with_token
from tests.http.test_wildduck_authentication import asp, invalid, login, made, refused
from tests.passkeys import SoftwareKey
from tests.support import run
from tests.world import PEER

pytestmark = pytest.mark.thorough

ABSENT = "0123456789abcdef01234567"
PAGE = {"origin": "https://mail.example.org"}


@pytest.fixture
def site() -> Site:
    return Site()


def path(id: str, call: str) -> str:
    return f"/users/{id}/2fa/webauthn/{call}"


def wanted(site: Site, id: str, **more: object) -> str:
    reply = site.post(path(id, "registration-challenge"), {"description": "key", **PAGE} | more)
    assert reply.status == 200, reply.json
    challenge: str = reply.json["registrationOptions"]["challenge"]
    return challenge


def register(site: Site, id: str, key: SoftwareKey) -> Reply:
    answer = key.register(wanted(site, id))
    return site.post(path(id, "registration-attestation"), answer)


def ask(site: Site, id: str) -> str:
    reply = site.post(path(id, "authentication-challenge"), PAGE)
    assert reply.status == 200, reply.json
    challenge: str = reply.json["authenticationOptions"]["challenge"]
    return challenge


def show(site: Site, id: str, answer: dict[str, str], **more: object) -> Reply:
    return site.post(path(id, "authentication-assertion"), {**answer, **more})


def test_a_key_from_its_making_to_its_end(site: Site) -> None:
    id, key = made(site, name="Joe Doe"), SoftwareKey()
    options = site.post(path(id, "registration-challenge"), {"description": "key", **PAGE}).json
    challenge = options["registrationOptions"].pop("challenge")
    assert len(bytes.fromhex(challenge)) == 32
    assert options["registrationOptions"] == {
        "user": {"id": id, "name": "joe@example.org", "displayName": "Joe Doe"},
        "rp": {"id": "mail.example.org", "name": "mail.example.org"},
        "authenticatorSelection": {"authenticatorAttachment": "cross-platform"},
        "excludeCredentials": [],
    }
    done = site.post(path(id, "registration-attestation"), key.register(challenge)).json
    shown = {
        "id": done["id"],
        "rawId": key.credential.hex(),
        "description": "key",
        "authenticatorAttachment": "cross-platform",
    }
    assert done == {"success": True, **shown, "response": shown}
    assert site.get(path(id, "credentials")).json["credentials"] == [shown]
    assert login(site).json["require2fa"] == ["webauthn"]
    with pytest.raises(WrongScope):
        run(site.world.login.plain("joe", "secretpass", PEER, Service.IMAP))
    password = asp(site, id)["password"]
    assert run(site.world.login.plain("joe", password, PEER, Service.IMAP)).account == 1
    for _ in range(2):
        reply = show(site, id, key.sign(ask(site, id)))
        assert reply.json == {
            "success": True,
            "response": {"authenticated": True, "credential": done["id"]},
        }
    one = path(id, f"credentials/{done['id']}")
    assert site.delete(one).json == {"success": True, "deleted": True}
    assert site.delete(one).json == {"success": True, "deleted": False}
    assert login(site).json["require2fa"] is False
    refused(site.post(path(id, "authentication-challenge"), PAGE), 400, "WebauthnDisabled")
    log = site.get(f"/users/{id}/authlog").json["results"]
    assert [row["action"] for row in log if "webauthn" in row["action"]] == [
        "disable 2fa webauthn",
        "remove webauthn",
        "check 2fa webauthn",
        "register webauthn",
    ]


def test_an_answer_is_good_once_and_for_its_own_challenge(site: Site) -> None:
    id, key = made(site), SoftwareKey()
    register(site, id, key)
    answer = key.sign(ask(site, id))
    assert show(site, id, answer).status == 200
    refused(show(site, id, answer), 403, "InvalidAssertion")
    first = ask(site, id)
    ask(site, id)
    refused(show(site, id, key.sign(first)), 403, "InvalidAssertion")
    late = ask(site, id)
    site.world.clock.advance(300)
    refused(show(site, id, key.sign(late)), 403, "InvalidAssertion")


@pytest.mark.parametrize("uses", [0, None])
def test_a_copied_key_shows_by_its_count(site: Site, uses: int | None) -> None:
    id, key = made(site), SoftwareKey(uses=uses)
    register(site, id, key)
    copy = dataclasses.replace(key)
    copy._private = key._private
    for _ in range(2):
        assert show(site, id, key.sign(ask(site, id))).status == 200
    reply = show(site, id, copy.sign(ask(site, id)))
    assert reply.status == (200 if uses is None else 403)


@pytest.mark.parametrize(
    "other",
    [
        SoftwareKey(origin="https://evil.example"),
        SoftwareKey(party="evil.example"),
        SoftwareKey(origin="http://mail.example.org"),
    ],
)
def test_another_page_s_answer_is_refused(site: Site, other: SoftwareKey) -> None:
    id = made(site)
    refused(register(site, id, other), 400, "InvalidAttestation")
    assert site.get(path(id, "credentials")).json["credentials"] == []


def test_forged_answers_are_refused(site: Site) -> None:
    id, key, stranger = made(site), SoftwareKey(), SoftwareKey()
    register(site, id, key)
    stranger.credential = key.credential
    refused(show(site, id, stranger.sign(ask(site, id))), 403, "InvalidAssertion")
    unknown = SoftwareKey()
    refused(show(site, id, unknown.sign(ask(site, id))), 403, "InvalidAssertion")
    for field in ("clientDataJSON", "authenticatorData", "signature"):
        for value in ("00", "a0", "7b7d"):
            answer = {**key.sign(ask(site, id)), field: value}
            reply = show(site, id, answer)
            assert reply.status == 403, reply.json
    for _ in range(2):
        broken = {**key.register(wanted(site, id)), "attestationObject": "a1" * 20}
        reply = site.post(path(id, "registration-attestation"), broken)
        refused(reply, 400, "InvalidAttestation")


def test_a_key_is_registered_once(site: Site) -> None:
    id, key = made(site), SoftwareKey()
    assert register(site, id, key).status == 200
    refused(register(site, id, key), 400, "CredentialExists")


def test_a_token_waits_for_a_key_and_another_is_given(site: Site) -> None:
    id, key = made(site), SoftwareKey()
    register(site, id, key)
    token = login(site, token=True).json["token"]
    mine = Site(site.world, settings=with_token("root"))
    bearer = {"authorization": f"Bearer {token}"}
    assert mine.get("/users/me/asps", **bearer).status == 403
    start = mine.ask("POST", path("me", "authentication-challenge"), PAGE, **bearer).json
    challenge = start["authenticationOptions"]["challenge"]
    answer = key.sign(challenge)
    more = mine.ask(
        "POST", path("me", "authentication-assertion"), {**answer, "token": True}, **bearer
    )
    assert more.status == 403
    right = mine.ask("POST", path("me", "authentication-assertion"), answer, **bearer)
    assert right.status == 200, right.json
    assert mine.get("/users/me/asps", **bearer).status == 200
    second = show(site, id, key.sign(ask(site, id)), token=True).json["token"]
    assert mine.get("/users/me/asps", authorization=f"Bearer {second}").status == 200


@pytest.mark.parametrize(
    ("page", "field"),
    [
        ({"origin": "http://mail.example.org"}, "origin"),
        ({"origin": "nonsense"}, "origin"),
        ({"origin": "https://mail.example.org:x"}, "origin"),
        ({"origin": "https://mail.example.org", "rpId": "evil.example"}, "rpId"),
        ({"origin": "https://mail.example.org", "rpId": "ample.org"}, "rpId"),
        ({"origin": "https://mail.example.org", "authenticatorAttachment": "x"}, None),
        ({}, "origin"),
    ],
)
def test_pages_that_are_none(site: Site, page: dict[str, str], field: str | None) -> None:
    id = made(site)
    reply = site.post(path(id, "registration-challenge"), {"description": "x", **page})
    invalid(reply, field or "authenticatorAttachment")


def test_what_is_no_hexadecimal(site: Site) -> None:
    id = made(site)
    fields = {"challenge": "zz", "rawId": "0", "clientDataJSON": "", "attestationObject": 1}
    invalid(site.post(path(id, "registration-attestation"), fields), *fields)


def test_without_the_library_the_calls_say_so(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    id, key = made(site), SoftwareKey()
    monkeypatch.setattr(passkey, "find_spec", lambda name: None)
    refused(register(site, id, key), 501, "NotImplemented")
