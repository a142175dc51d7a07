"""What types cannot say of settings: words that are known, numbers in bounds, names that parse.

Each check returns where the fault is and what to tell of it; which line of which file that is,
`config` knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import Field, fields, is_dataclass
from difflib import get_close_matches
from typing import Any

from mailhub import config_acme, config_dns, config_ldap, config_node, config_s3, config_sites
from mailhub.model.errors import Invalid
from mailhub.model.hook import HookStage
from mailhub.model.settings import (
    HookSettings,
    ListenerSettings,
    QueueSettings,
    ReportSettings,
    ResolverSettings,
    Settings,
)
from mailhub.wire import address
from mailhub.wire.dnsname import server_address
from mailhub.wire.networks import Networks
from mailhub.wire.redisurl import parse_node, parse_redis_url, parse_sentinel

SERVICES = ("smtp", "submission", "lmtp", "imap", "pop3", "managesieve", "http")
HOOK_STAGES = tuple(stage.value for stage in HookStage)
TLS_WORDS = ("none", "starttls", "implicit")
ENDPOINTS = ("tcp", "tcp6", "unix", "systemd", "fd")
CONSEQUENCES = ("add", "junk", "quarantine", "defer", "reject")
CHOICES: Mapping[str, tuple[str, ...]] = {
    "smtp.bare_newlines": ("refuse", "normalize"),
    "smtp.over_quota": ("temporary", "permanent"),
    "pop3.delete": ("expunge", "trash"),
    "policy.dmarc_reject": CONSEQUENCES,
    "policy.dmarc_quarantine": CONSEQUENCES,
    "policy.dmarc_temperror": CONSEQUENCES,
    "policy.malformed_from": CONSEQUENCES,
    "policy.spf_fail": CONSEQUENCES,
    "reports.dmarc_format": ("rfc9990", "rfc7489"),
    "resolver.trust_ad": ("loopback", "always", "never"),
    "sites.hsts": ("no", "yes", "preload"),
    "log.format": ("auto", "json", "plain"),
    "ldap.tls": ("required", "none"),
    "log.level": ("debug", "info", "warn", "error"),
}
NETWORKS = (
    "smtp.trusted_networks",
    "smtp.xclient_from",
    "limits.exempt_networks",
    "policy.exempt_networks",
    "web.allowed_networks",
)
AT_LEAST_ONE = (
    "web.concurrency",
    "web.host_concurrency",
    "updates.listeners",
    "updates.heartbeat",
    "updates.buffer",
    "webhooks.timeout",
    "webhooks.together",
)
LONGEST_HOLD = 999_999_999
"""Seconds: nine digits are all that RFC 4865 section 5 has room for."""
SHORTEST_TOKEN = 16
"""Characters of a token that nobody finds by trying: nothing counts who tries one."""
Where = tuple[str | int, ...]
"""A setting: names of tables and keys, numbers of listed tables."""


def dotted(where: Where) -> str:
    """`("listener", 0, "tls")` as `listener[1].tls`."""
    text = ""
    for part in where:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".")


def faults(settings: Settings) -> list[tuple[Where, str]]:
    """What types cannot say."""
    problems: list[tuple[Where, str]] = []
    for name, words in CHOICES.items():
        where: Where = tuple(name.split("."))
        value = _get(settings, where)
        if value not in words:
            problems.append((where, f"{name}: {value!r} is none of {', '.join(words)}"))
    for name in NETWORKS:
        where = tuple(name.split("."))
        problems += _networks(where, _get(settings, where))
    problems += _web(settings)
    for where, field, value in _numbers(settings):
        if value < 0:
            problems.append((where, f"{dotted(where)}: {field.name} cannot be negative"))
    for word in settings.dkim.algorithms:
        if word not in ("rsa", "ed25519"):
            known = "dkim.algorithms: {word!r} is none of rsa, ed25519"
            problems.append((("dkim", "algorithms"), known.format(word=word)))
    problems += _reports(settings.reports)
    for number, listener in enumerate(settings.listener):
        problems += _listener(("listener", number), listener)
    for number, hook in enumerate(settings.hook):
        problems += _hook(("hook", number), hook)
    problems += _queue(settings.queue)
    problems += _resolver(settings.resolver)
    problems += _redis(settings)
    problems += config_s3.faults(settings)
    problems += config_node.faults(settings)
    problems += config_ldap.faults(settings.ldap)
    problems += config_dns.faults(settings.dns)
    problems += config_acme.faults(settings.acme)
    problems += config_sites.faults(settings.site)
    problems += _system(settings)
    if settings.programs.enabled and not settings.programs.folder:
        problems.append((("programs", "enabled"), "programs.enabled: programs.folder is missing"))
    if 0 < len(settings.http.access_token) < SHORTEST_TOKEN:
        text = f"http.access_token: at least {SHORTEST_TOKEN} characters, best random ones"
        problems.append((("http", "access_token"), text))
    if bool(settings.tls.key) and not settings.tls.certificate:
        problems.append((("tls", "key"), "tls.key: a key without tls.certificate"))
    return problems


def _system(settings: Settings) -> list[tuple[Where, str]]:
    return [
        (("system", name), f"system.{name}: which program is it?")
        for name in ("apt", "rebooting")
        if not getattr(settings.system, name)
    ]


def _web(settings: Settings) -> list[tuple[Where, str]]:
    problems: list[tuple[Where, str]] = []
    for name in AT_LEAST_ONE:
        where: Where = tuple(name.split("."))
        if _get(settings, where) < 1:
            problems.append((where, f"{name}: at least 1"))
    if not settings.webhooks.retry or min(settings.webhooks.retry) < 1:
        text = "webhooks.retry: at least one wait, none below 1"
        problems.append((("webhooks", "retry"), text))
    if settings.updates.replay < 10_800:
        problems.append((("updates", "replay"), "updates.replay: at least 10800"))
    return problems


def _resolver(resolver: ResolverSettings) -> list[tuple[Where, str]]:
    problems: list[tuple[Where, str]] = []
    for server in resolver.servers:
        try:
            server_address(server)
        except Invalid as error:
            problems.append((("resolver", "servers"), f"resolver.servers: {error.text}"))
    for name in ("timeout", "tries", "deadline", "sockets"):
        if getattr(resolver, name) < 1:
            problems.append((("resolver", name), f"resolver.{name}: at least 1"))
    return problems


def _queue(queue: QueueSettings) -> list[tuple[Where, str]]:
    problems: list[tuple[Where, str]] = []
    if not queue.retry or min(queue.retry) < 1:
        problems.append((("queue", "retry"), "queue.retry: at least one wait, none below 1"))
    if queue.jitter > 50:
        problems.append((("queue", "jitter"), "queue.jitter: at most 50"))
    if queue.future_release > LONGEST_HOLD:
        where = ("queue", "future_release")
        problems.append((where, f"queue.future_release: at most {LONGEST_HOLD}"))
    for name in ("concurrency", "concurrency_per_destination", "batch", "recipients", "lease"):
        if getattr(queue, name) < 1:
            problems.append((("queue", name), f"queue.{name}: at least 1"))
    return problems


def _redis(settings: Settings) -> list[tuple[Where, str]]:
    redis = settings.redis
    problems: list[tuple[Where, str]] = []
    if not redis.url:
        return problems
    try:
        where = "url"
        url = parse_redis_url(redis.url)
        if url.path and (redis.sentinels or redis.cluster):
            raise Invalid("Sentinels and Clusters are not at a Unix socket")
        if url.database and redis.cluster:
            raise Invalid("a Cluster has no other database than 0")
        where = "sentinels"
        if redis.sentinels and redis.cluster:
            raise Invalid("a Cluster needs none")
        for one in redis.sentinels:
            parse_sentinel(one)
        where = "cluster"
        for one in redis.cluster:
            parse_node(one)
        where = "certificate"
        if not redis.certificate and redis.key:
            raise Invalid("there is a key without it")
    except Invalid as error:
        problems.append((("redis", where), f"redis.{where}: {error.text}"))
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", redis.prefix):
        problems.append((("redis", "prefix"), "redis.prefix: letters, digits, - _ and . only"))
    if redis.timeout < 1:
        problems.append((("redis", "timeout"), "redis.timeout: at least 1"))
    if redis.quiet < settings.queue.lease:
        problems.append((("redis", "quiet"), "redis.quiet: shorter than queue.lease"))
    return problems


def _reports(settings: ReportSettings) -> list[tuple[Where, str]]:
    problems: list[tuple[Where, str]] = []
    for name in ("sender", "receive"):
        value = getattr(settings, name)
        try:
            if value:
                address.split(value)
        except Invalid:
            problems.append((("reports", name), f"reports.{name}: {value!r} is no mail address"))
    if settings.hour > 23:
        problems.append((("reports", "hour"), "reports.hour: a day has the hours 0 to 23"))
    for name in ("write", "rows"):
        if getattr(settings, name) < 1:
            problems.append((("reports", name), f"reports.{name}: at least 1"))
    return problems


def _numbers(settings: Settings) -> Iterable[tuple[Where, Field[Any], int]]:
    for section in fields(settings):
        value = getattr(settings, section.name)
        if is_dataclass(value):
            for field in fields(value):
                number = getattr(value, field.name)
                if isinstance(number, int):
                    yield (section.name, field.name), field, number


def _get(settings: object, where: Where) -> Any:
    for part in where:
        settings = getattr(settings, str(part))
    return settings


def _networks(where: Where, names: tuple[str, ...]) -> list[tuple[Where, str]]:
    try:
        Networks(names)
    except Invalid as error:
        return [(where, f"{dotted(where)}: {error.text}")]
    return []


def _listener(where: Where, listener: ListenerSettings) -> list[tuple[Where, str]]:
    problems = []
    for key, words in (("service", SERVICES), ("tls", TLS_WORDS)):
        value = getattr(listener, key)
        if value not in words:
            near = get_close_matches(value, words, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(words)}"
            problems.append(((*where, key), f"{dotted((*where, key))}: {value!r} is none; {hint}"))
    kind, _, rest = listener.endpoint.partition(":")
    at = (*where, "endpoint")
    if kind not in ENDPOINTS or not rest:
        known = ", ".join(f"{word}:…" for word in ENDPOINTS)
        problems.append(
            (at, f"{dotted(at)}: {listener.endpoint!r} is no endpoint string such as {known}")
        )
    elif kind.startswith("tcp"):
        port = rest.split(":")[0].removeprefix("port=")
        if not port.isdecimal() or int(port) > 65535:
            problems.append((at, f"{dotted(at)}: {port!r} is no port"))
    if listener.root and listener.service != "http":
        problems.append(((*where, "root"), f"{dotted((*where, 'root'))}: only http has a root"))
    if listener.service == "http" and listener.tls == "starttls":
        problems.append(((*where, "tls"), f"{dotted((*where, 'tls'))}: http has no STARTTLS"))
    return problems + _networks((*where, "proxy_from"), listener.proxy_from)


def _hook(where: Where, hook: HookSettings) -> list[tuple[Where, str]]:
    problems = []
    for key, words in (("stage", HOOK_STAGES), ("on_failure", ("accept", "defer"))):
        value = getattr(hook, key)
        if value not in words:
            at = (*where, key)
            problems.append((at, f"{dotted(at)}: {value!r} is none of {', '.join(words)}"))
    if bool(hook.url) == bool(hook.entry):
        problems.append((where, f"{dotted(where)}: a hook has a url, or an entry"))
    if hook.url and not hook.url.startswith(("http://", "https://")):
        problems.append(((*where, "url"), f"{dotted((*where, 'url'))}: no http or https URL"))
    if not 1 <= hook.timeout <= 60:
        at = (*where, "timeout")
        problems.append((at, f"{dotted(at)}: between 1 and 60 seconds"))
    return problems
