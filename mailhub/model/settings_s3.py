"""Settings of bodies outside the database, and of their encryption."""

from __future__ import annotations

from dataclasses import dataclass, field

from mailhub.model.setting import STRICT, setting


def _secret(doc: str) -> str:
    """Text that is not shown where the settings are."""
    made: str = field(default="", repr=False, metadata={"doc": doc, "unit": ""})
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Settings:
    """`[s3]`: larger messages beside PostgreSQL, in a bucket of any server that speaks S3."""

    __pydantic_config__ = STRICT

    endpoint: str = setting(
        "", "its address, as https://s3.example.com; empty: all mail is in the database"
    )
    region: str = setting("us-east-1", "the region that requests are signed for")
    bucket: str = setting("", "the bucket, which must exist")
    prefix: str = setting("mail/", "what the names of all objects begin with")
    path_style: bool = setting(
        True, "the bucket is part of the path; else it is part of the host's name"
    )
    access_key: str = setting("", "the key's id")
    secret_key: str = _secret("the key; better: secret_file, or MAILHUB_S3__SECRET_KEY")
    secret_file: str = setting("", "a file that holds the key, instead of secret_key")
    authority: str = setting(
        "", "PEM file of who may sign the server's certificate; empty: the system's"
    )
    inline: int = setting(64 << 10, "largest message that stands in the database itself", "bytes")
    part: int = setting(8 << 20, "larger messages are uploaded in parts of this size", "bytes")
    connections: int = setting(32, "requests that are under way at a time", "connections")
    connect_timeout: int = setting(5, "longest time to wait for a connection", "seconds")
    timeout: int = setting(20, "silence after which a request is given up", "seconds")
    patience: int = setting(
        60, "how long one upload or read is tried again before it fails for now", "seconds"
    )
    grace: int = setting(
        172800,
        "how long an object stays when its last message is gone: a backup of the database that is "
        "older than this may miss messages that were deleted since",
        "seconds",
    )
    orphans: int = setting(
        172800, "age at which an object that no message refers to is deleted", "seconds"
    )
    review: int = setting(86400, "how often the bucket is looked through for those", "seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptionSettings:
    """`[encryption]`: messages are encrypted where they are kept, with keys for each account; on
    PostgreSQL, in the database and in S3 alike."""

    __pydantic_config__ = STRICT

    file: str = setting(
        "",
        "a file of master keys, one NAME:KEY a line, as `mailhub keys new` writes them: the first "
        "one is used, the others open what they closed; empty: nothing is encrypted",
    )
