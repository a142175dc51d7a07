"""Writes the commented sample configuration from the settings' own documentation.

Knows how TOML spells a value; every word of explanation comes from `model.settings`.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

from mailhub.model.settings import (
    DnsblSettings,
    HookSettings,
    ListenerSettings,
    MilterSettings,
    Settings,
    SiteSettings,
)

WIDTH = 96
HEAD = """\
mailhub's configuration: every setting with its default, commented out. Uncomment what you
change. An environment variable overrides a setting: MAILHUB_HOSTNAME, MAILHUB_SMTP__LINE (two
underscores between table and key). `mailhub config check` says what is wrong and on which line.
Relative paths count from this file's folder."""
LISTENERS_HEAD = """\
Where services are offered: one block for each, several for a service if you like. Without any,
mailhub offers everything on unprivileged ports of the loopback address. These are the usual
ones of a mail server:"""
LISTENERS = (
    ListenerSettings(service="smtp", endpoint="tcp:25", tls="starttls"),
    ListenerSettings(service="submission", endpoint="tcp:587", tls="starttls"),
    ListenerSettings(service="submission", endpoint="tcp:465", tls="implicit"),
    ListenerSettings(service="imap", endpoint="tcp:143", tls="starttls"),
    ListenerSettings(service="imap", endpoint="tcp:993", tls="implicit"),
    ListenerSettings(service="pop3", endpoint="tcp:110", tls="starttls"),
    ListenerSettings(service="pop3", endpoint="tcp:995", tls="implicit"),
    ListenerSettings(service="managesieve", endpoint="tcp:4190", tls="starttls"),
    ListenerSettings(service="lmtp", endpoint="unix:run/lmtp.sock:mode=660"),
    ListenerSettings(service="http", endpoint="tcp:8080:interface=127.0.0.1", root="wildduck"),
)
HOOKS_HEAD = """\
Code of yours that looks into what this server does: one block for each hook. Those of one stage
are asked in this order, and the first that does not accept decides. See docs/hooks.md."""
HOOK = HookSettings(stage="rcpt", url="http://127.0.0.1:9000/rcpt")
DNSBL_HEAD = """\
Lists in the DNS that clients and domains are looked up in: one block for each. See
docs/filtering.md."""
DNSBL = DnsblSettings(zone="zen.example.org", found="reject", codes={"127.0.0.10-11": 2.5})
MILTER_HEAD = """\
Filters of others that speak the milter protocol, asked in this order: one block for each. See
docs/filtering.md."""
MILTER = MilterSettings(endpoint="unix:/run/opendkim/opendkim.sock", name="opendkim")
SITE_HEAD = """\
What is different about the web site of a domain: one block for each. See docs/web.md."""
SITE = SiteSettings(
    domain="example.org",
    redirects=(("^/old/(.*)$", "/new/$1"),),
    proxies=(("/app/", "http://127.0.0.1:3000/"),),
)
BLOCKS = (
    ("listener", LISTENERS_HEAD, LISTENERS),
    ("hook", HOOKS_HEAD, (HOOK,)),
    ("dnsbl", DNSBL_HEAD, (DNSBL,)),
    ("milter", MILTER_HEAD, (MILTER,)),
    ("site", SITE_HEAD, (SITE,)),
)


def sample() -> str:
    """The whole sample as TOML text."""
    lines = [*_comment(HEAD), ""]
    sections = []
    for field in fields(Settings):
        default = _default(field)
        if field.name in (name for name, _, _ in BLOCKS):
            continue
        if is_dataclass(default):
            sections.append((field.name, default))
        else:
            lines += [*_setting(field, default), ""]
    for name, head, blocks in BLOCKS:
        lines += ["", ""] if name != "listener" else []
        lines += [*_comment(head), "#"]
        for field in fields(blocks[0]):
            lines += _comment(f"{field.name}: {field.metadata['doc']}", "    ")
        for block in blocks:
            lines += ["", *_block(name, block)]
    for name, section in sections:
        about = (type(section).__doc__ or "").split(": ", 1)[-1].strip()
        lines += ["", "", *_comment(about[:1].upper() + about[1:]), f"[{name}]"]
        for field in fields(section):
            lines += ["", *_setting(field, _default(field))]
    return "\n".join(lines) + "\n"


def _default(field: Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def _setting(field: Field[Any], default: Any) -> list[str]:
    unit = field.metadata["unit"]
    text = field.metadata["doc"] + (f" [{unit}]" if unit else "")
    return [*_comment(text[:1].upper() + text[1:]), f"#{field.name} = {toml(default)}"]


def _block(name: str, block: Any) -> list[str]:
    lines = [f"#[[{name}]]"]
    for field in fields(block):
        value = getattr(block, field.name)
        if value:
            lines.append(f"#{field.name} = {toml(value)}")
    return lines


def _comment(text: str, indent: str = "") -> list[str]:
    width = WIDTH - 2 - len(indent)
    wrapped = textwrap.wrap(" ".join(text.split()), width)
    return [f"# {indent}{line}" for line in wrapped]


def toml(value: Any) -> str:
    """A setting's value as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value:_}" if value >= 100000 else str(value)
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, float):
        return str(value)
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return json.dumps(str(value))
