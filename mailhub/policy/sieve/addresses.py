"""Addresses of headers and envelopes, and their parts (RFC 5228 section 2.7.4, RFC 5233)."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from mailhub.wire import address as grammar
from mailhub.wire import addresslist


def of_field(value: bytes) -> Generator[None, None, list[tuple[str, str]]]:
    """(local part, domain) of every address of a raw field value; yields between slices. Groups'
    names and what is broken are left out."""
    found = yield from addresslist.parsing(value)
    return [
        (one.mailbox.decode("utf-8", "replace"), one.host.decode("utf-8", "replace"))
        for one in found
        if one.mailbox and one.host
    ]


def of_path(address: str) -> tuple[str, str]:
    """(local part, domain) of an envelope address; two empty texts for the null sender."""
    local, at, domain = address.rpartition("@")
    return (local, domain) if at else (address, "")


def part(name: str, local: str, domain: str, delimiter: str) -> str | None:
    """A part of an address; None where it has none such (a detail)."""
    if name == "all":
        return f"{local}@{domain}" if domain else local
    if name == "localpart":
        return local
    if name == "domain":
        return domain
    user = grammar.base(local, delimiter)
    if name == "user":
        return user
    return local[len(user) + 1 :] if len(user) < len(local) else None


def parts(name: str, found: list[tuple[str, str]], delimiter: str) -> Iterator[str]:
    """That part of every address that has it."""
    for local, domain in found:
        value = part(name, local, domain, delimiter)
        if value is not None:
            yield value
