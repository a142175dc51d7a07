from __future__ import annotations

import base64
import hashlib
import hmac
import os

import bcrypt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from passlib.hash import md5_crypt, pbkdf2_sha256, pbkdf2_sha512, sha256_crypt, sha512_crypt

from mailhub.net.passwords import Cost, Passwords

CHEAP = Cost(memory=64, passes=1, lanes=1, iterations=4096)
PASSWORD = "correct hörse"
RAW = PASSWORD.encode()
SALT = b"NaClNaCl"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def unpadded(data: bytes) -> str:
    return b64(data).rstrip("=")


def pbkdf2(algorithm: str, rounds: int, salt: bytes = SALT, length: int | None = None) -> bytes:
    return hashlib.pbkdf2_hmac(algorithm, RAW, salt, rounds, length)


FOREIGN = {
    "SSHA": "{SSHA}" + b64(hashlib.sha1(RAW + SALT).digest() + SALT),
    "ssha": "{ssha}" + b64(hashlib.sha1(RAW + SALT).digest() + SALT),
    "SHA": "{SHA}" + b64(hashlib.sha1(RAW).digest()),
    "SSHA256": "{SSHA256}" + b64(hashlib.sha256(RAW + SALT).digest() + SALT),
    "SSHA512": "{SSHA512}" + b64(hashlib.sha512(RAW + SALT).digest() + SALT),
    "SHA512": "{SHA512}" + b64(hashlib.sha512(RAW).digest()),
    "$1$": md5_crypt.hash(PASSWORD),
    "MD5-CRYPT": "{MD5-CRYPT}" + md5_crypt.hash(PASSWORD),
    "$2b$": bcrypt.hashpw(RAW, bcrypt.gensalt(4)).decode(),
    "$2a$": bcrypt.hashpw(RAW, bcrypt.gensalt(4, b"2a")).decode(),
    "$2y$": bcrypt.hashpw(RAW, bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$"),
    "BLF-CRYPT": "{BLF-CRYPT}" + bcrypt.hashpw(RAW, bcrypt.gensalt(4)).decode(),
    "$5$": sha256_crypt.using(rounds=1000).hash(PASSWORD),
    "$6$": sha512_crypt.using(rounds=1000).hash(PASSWORD),
    "$6$ default rounds": sha512_crypt.using(rounds=5000).hash(PASSWORD),
    "SHA512-CRYPT": "{SHA512-CRYPT}" + sha512_crypt.using(rounds=1000).hash(PASSWORD),
    "SHA256-CRYPT": "{SHA256-CRYPT}" + sha256_crypt.using(rounds=1000).hash(PASSWORD),
    "CRYPT": "{CRYPT}" + sha512_crypt.using(rounds=1000).hash(PASSWORD),
    "pbkdf2-sha256": pbkdf2_sha256.using(rounds=10).hash(PASSWORD),
    "pbkdf2-sha512": pbkdf2_sha512.using(rounds=10).hash(PASSWORD),
    "PHC pbkdf2": "$pbkdf2-sha512$i=10$$".replace(
        "$$", f"${unpadded(SALT)}${unpadded(pbkdf2('sha512', 10))}"
    ),
    "PBKDF2": "{PBKDF2}$1$NaClNaCl$10$" + pbkdf2("sha1", 10).hex(),
    "django": "pbkdf2_sha256$10$NaClNaCl$" + b64(pbkdf2("sha256", 10)),
}


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords(os.urandom, CHEAP)


@pytest.mark.parametrize("hashed", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_hash_of_another_server_is_read_and_wants_to_be_renewed(
    passwords: Passwords, hashed: str
) -> None:
    assert passwords.verify(PASSWORD, hashed) == (True, True)
    assert passwords.verify(PASSWORD + "x", hashed) == (False, False)
    assert passwords.verify("", hashed) == (False, False)


def test_a_fresh_hash_is_argon2id_at_its_cost_and_needs_no_renewal(passwords: Passwords) -> None:
    made = passwords.hash(PASSWORD)
    assert made.password.startswith("$argon2id$v=19$m=64,t=1,p=1$")
    assert passwords.verify(PASSWORD, made.password) == (True, False)
    assert passwords.verify("wrong", made.password) == (False, False)
    assert passwords.hash(PASSWORD) != made


def test_the_default_cost_is_the_recommended_one() -> None:
    assert Cost() == Cost(memory=19456, passes=2, lanes=1, iterations=60_000)


def test_a_hash_of_another_cost_is_renewed(passwords: Passwords) -> None:
    cheaper = Passwords(os.urandom, Cost(memory=32, passes=1, lanes=1, iterations=4096))
    assert passwords.verify(PASSWORD, cheaper.hash(PASSWORD).password) == (True, True)
    hashed = cheaper.hash(PASSWORD).password
    assert passwords.verify(PASSWORD, "{ARGON2ID}" + hashed) == (True, True)


def test_scram_keys_are_those_of_rfc_5802(passwords: Passwords) -> None:
    keys = passwords.hash("pencil").scram_sha256
    assert keys is not None
    salted = hashlib.pbkdf2_hmac("sha256", b"pencil", keys.salt, keys.iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    assert keys.stored_key == hashlib.sha256(client_key).digest()
    assert keys.server_key == hmac.digest(salted, b"Server Key", "sha256")


def test_two_ways_to_type_one_password_are_one(passwords: Passwords) -> None:
    hashed = passwords.hash("Gru\u0308n\u00adkohl").password
    assert passwords.verify("Gr\u00fcnkohl", hashed) == (True, False)


def test_a_foreign_hash_of_an_unprepared_password_is_found(passwords: Passwords) -> None:
    raw = "Gru\u0308n"
    hashed = "{SHA}" + b64(hashlib.sha1(raw.encode()).digest())
    assert passwords.verify(raw, hashed) == (True, True)


def test_bcrypt_reads_72_octets(passwords: Passwords) -> None:
    hashed = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    assert passwords.verify("x" * 72, hashed) == (True, True)
    assert passwords.verify("x" * 100, hashed) == (True, True)
    assert passwords.verify("x" * 71, hashed) == (False, False)


@pytest.mark.parametrize(
    "hashed",
    [
        "",
        "secret",
        "{PLAIN}secret",
        "{CLEARTEXT}secret",
        "{SSHA}",
        "{SSHA}!!!!",
        "{SSHA}" + b64(hashlib.sha1(b"secret").digest()),
        "{SHA}" + b64(hashlib.sha1(b"secretNaCl").digest() + b"NaCl"),
        "{UNKNOWN}x",
        "{CRYPT}secret",
        "$1$",
        "$2b$",
        "$2b$31$" + "a" * 53,
        "$6$rounds=999999999$salt$" + "a" * 86,
        "$6$",
        "$argon2id$",
        "$argon2id$v=19$m=4194304,t=9999,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
        "$pbkdf2-sha256$99999999$c2FsdA$aGFzaA",
        "$pbkdf2-sha256$10$c2FsdA$",
        "$pbkdf2-md4$10$c2FsdA$aGFzaA",
        "{PBKDF2}$1$salt$10$zz",
        "{PBKDF2}",
        "pbkdf2_sha256$x$y$z",
    ],
)
def test_what_is_no_hash_is_never_right_and_never_raises(passwords: Passwords, hashed: str) -> None:
    for password in ("secret", "", "x\ud800", "nul\0"):
        assert passwords.verify(password, hashed) == (False, False)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    st.text(max_size=30),
    st.sampled_from(["", "$1$", "$5$", "$6$", "$2b$04$", "{SSHA}", "$pbkdf2$"]),
)
def test_any_text_as_a_hash_is_answered(rest: str, prefix: str) -> None:
    assert Passwords(os.urandom, CHEAP).verify("secret", prefix + rest) == (False, False)


def test_nobody_costs_one_hash_of_the_full_price(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []

    def check(password: bytes, hashed: str) -> bool:
        checked.append(hashed)
        return True

    monkeypatch.setattr("mailhub.net.passwords._check", check)
    assert passwords.verify("secret", "") == (False, False)
    assert len(checked) == 1
    checked.clear()
    monkeypatch.setattr(
        "mailhub.net.passwords._check", lambda *claim: bool(checked.append(claim[1]))
    )
    assert passwords.verify("secret", FOREIGN["SHA"]) == (False, False)
    assert [one[:5] for one in checked] == ["{SHA}", "$argo"]
    checked.pop(0)
    assert checked[0].startswith("$argon2id$v=19$m=64,t=1,p=1$")
