"""Libraries that only some settings need: read when the server begins, or said to be missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

POSTGRES = """
[store]
database = "postgresql:///mail"
"""
BUCKET = """
[s3]
endpoint = "https://s3.test"
bucket = "bucket"
access_key = "key"
secret_key = "secret"
"""
REDIS = """
[redis]
url = "redis://127.0.0.1"
"""
LDAP = """
[ldap]
urls = ["ldaps://ldap.test"]
base = "dc=test"
domains = ["ldap.test"]
"""
NEEDED = [
    (POSTGRES, "psycopg", "store.database", "mailhub[postgres]"),
    (POSTGRES + BUCKET, "botocore", "s3.endpoint", "mailhub[s3]"),
    (REDIS, "txredisapi", "redis.url", "mailhub"),
    (LDAP, "ldap3", "ldap.urls", "mailhub"),
]
SCRIPT = """
import sys
from mailhub import config, libraries
from mailhub.model.errors import Invalid
_, text, library, missing = sys.argv
if missing:
    sys.modules[library] = None
try:
    libraries.load(config.parse(text, "m.toml", environ={}))
    print(library in sys.modules)
except Invalid as error:
    print(error.text)
"""


def loaded(text: str, library: str, *, missing: bool = False) -> str:
    """What a process of its own says to it."""
    words = [sys.executable, "-c", SCRIPT, text, library, "yes" * missing]
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.parametrize(("text", "library", "setting", "extra"), NEEDED)
def test_what_is_needed_is_read(text: str, library: str, setting: str, extra: str) -> None:
    assert loaded(text, library) == "True\n"
    missed = f"{setting}: {library} is missing: {extra} installs it\n"
    assert loaded(text, library, missing=True) == missed


@pytest.mark.parametrize("library", ["psycopg", "botocore", "ldap3"])
def test_what_is_not_needed_is_not(library: str) -> None:
    assert loaded("", library) == "False\n"
