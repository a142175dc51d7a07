"""Mail-in-a-Box's calls about second factors: each success and each failure."""

from __future__ import annotations

from base64 import b64decode

import pytest

from mailhub.wire import otp
from tests.http.box import ADMIN, JOE, Box, refused, said
from tests.http.browsing import SYSTEM_KEY, Reply
from tests.http.tmail import basic

pytestmark = pytest.mark.thorough

SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
OTHER = "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"


@pytest.fixture
def box() -> Box:
    return Box()


def code(box: Box, seed: str = SEED, ahead: int = 0) -> str:
    return otp.code(seed, int(box.world.clock.now()) // otp.STEP + ahead)


def login(box: Box, **headers: str) -> Reply:
    return box.ask("POST", "/login", **headers)


def enabled(box: Box, *seeds: str) -> str:
    """Turns it on for the administrator; the header of a session that stands then."""
    system = basic(ADMIN, login(box).json["api_key"])
    for place, seed in enumerate(seeds):
        fields = {"secret": seed, "token": code(box, seed), "label": f"phone {place}"}
        said(box.form("/mfa/totp/enable", {"authorization": system}, **fields), "OK")
        key = login(box, x_auth_token=code(box, seed, ahead=1)).json["api_key"]
        system = basic(ADMIN, key)
    return system


def test_a_new_device_is_offered_and_enabled(box: Box) -> None:
    reply = box.ask("POST", "/mfa/status").json
    assert reply["enabled_mfa"] == []
    new = reply["new_mfa"]["totp"]
    assert new["type"] == "totp"
    assert b64decode(new["qr_code_base64"]).startswith(b"\x89PNG")
    fields = {"secret": new["secret"], "code": code(box, new["secret"]), "label": "phone"}
    before = basic(ADMIN, login(box).json["api_key"])
    said(box.form("/mfa/totp/enable", **fields), "OK")
    assert box.get("/mail/users", authorization=before).status == 401
    assert login(box).json == {"status": "missing-totp-token", "reason": "missing-totp-token"}
    wrong = login(box, x_auth_token="000000").json
    assert wrong == {"status": "invalid", "reason": "invalid-totp-token"}
    used = login(box, x_auth_token=fields["code"]).json
    assert used["status"] == "invalid", "the code that enabled it was taken"
    good = login(box, x_auth_token=code(box, new["secret"], ahead=1)).json
    assert good["status"] == "ok"
    after = basic(ADMIN, good["api_key"])
    assert box.ask("POST", "/mfa/status", authorization=after).json["enabled_mfa"] == [
        {"id": 1, "type": "totp", "label": "phone"}
    ]
    refusal = box.get("/mail/users")
    assert (refusal.status, refusal.headers["x-reason"]) == (401, "missing-totp-token")


def test_any_of_several_devices_does_and_each_code_once(box: Box) -> None:
    session = enabled(box, SEED, OTHER)
    status = box.ask("POST", "/mfa/status", authorization=session).json
    assert [(one["id"], one["label"]) for one in status["enabled_mfa"]] == [
        (1, "phone 0"),
        (2, "phone 1"),
    ]
    for seed in (SEED, OTHER):
        once = {"x_auth_token": code(box, seed, ahead=2)}
        assert login(box, **once).json["status"] == "ok"
        assert login(box, **once).json["status"] == "invalid"


@pytest.mark.parametrize("name", ["mfa-id", "mfa_id"])
@pytest.mark.parametrize("path", ["/mfa/disable", "/mfa/totp/disable"])
def test_one_device_is_disabled_or_all(box: Box, path: str, name: str) -> None:
    session = {"authorization": enabled(box, SEED, OTHER)}
    for bad in ("7", "x", "-1", "1 2"):
        refused(box.form(path, session, **{name: bad}), "Invalid user or MFA id.")
    said(box.form(path, session, **{name: "1"}), "OK")
    given = login(box, x_auth_token=code(box, OTHER, ahead=2)).json
    session = {"authorization": basic(ADMIN, given["api_key"])}
    assert login(box, x_auth_token=code(box, SEED, ahead=3)).json["status"] == "invalid"
    said(box.form(path, session), "OK")
    assert login(box).json["status"] == "ok"
    refused(box.form(path), "Invalid user or MFA id.")


BAD = [
    ({"token": None}, "Bad Input"),
    ({"secret": ""}, "No secret provided."),
    ({"secret": "JBSWY3DP"}, "Secret should be a 32 characters base32 string"),
    ({"secret": "1" * 32}, "Secret should be a 32 characters base32 string"),
    ({"token": "000000"}, "Invalid token."),
    ({"token": ""}, "Invalid token."),
]


@pytest.mark.parametrize(("change", "words"), BAD)
def test_a_device_keeps_the_rules(box: Box, change: dict[str, str | None], words: str) -> None:
    given = {"secret": SEED, "token": code(box), "label": "x", **change}
    fields = {name: value for name, value in given.items() if value is not None}
    refused(box.form("/mfa/totp/enable", **fields), words)
    assert login(box).json["status"] == "ok"


def test_administrators_help_others_who_lost_their_device(box: Box) -> None:
    reply = box.form("/mfa/status", user=JOE).json
    assert reply == {"enabled_mfa": []}
    refused(box.form("/mfa/status", user="nobody@example.org"), "User does not exist.")
    refused(box.form("/mfa/disable", user="nobody@example.org"), "Invalid user or MFA id.")
    box.world.second_factor(JOE)
    assert len(box.form("/mfa/status", user=JOE).json["enabled_mfa"]) == 1
    said(box.form("/mfa/disable", user=JOE), "OK")
    assert login(box, authorization=basic(JOE)).json["status"] == "ok"


def test_the_system_is_nobody_with_a_device(box: Box) -> None:
    system = {"authorization": basic(SYSTEM_KEY, "x")}
    refused(box.form("/mfa/status", system), "User does not exist.")
    assert box.form("/mfa/status", system, user=JOE).status == 200
    refused(box.form("/mfa/totp/enable", system, secret=SEED, token="1"), "User does not exist.")
