"""Reads the one TOML file into `model.settings.Settings`, and writes the commented sample.

Every complaint names the file, the line and, for an unknown name, the nearest known one. Knows
the file and the environment; what a setting does is known where it is used.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, fields, is_dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

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
from mailhub.wire.redisurl import parse_redis_url, parse_sentinel

PREFIX = "MAILHUB_"
"""`MAILHUB_SMTP__LINE=4096` overrides `line` of `[smtp]`; `MAILHUB_HOSTNAME` a top-level key."""
NOT_SETTINGS = {"MAILHUB_CONFIG", "MAILHUB_DATA"}
"""Read by the commands themselves."""
SERVICES = ("smtp", "submission", "lmtp", "imap", "pop3", "http")
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
    "resolver.trust_ad": ("loopback", "always", "never"),
    "log.format": ("auto", "json", "plain"),
    "log.level": ("debug", "info", "warn", "error"),
}
NETWORKS = (
    "smtp.trusted_networks",
    "smtp.xclient_from",
    "limits.exempt_networks",
    "policy.exempt_networks",
)
Path_ = tuple[str | int, ...]


def _loopback(service: str, port: int, tls: str = "none", root: str = "") -> ListenerSettings:
    endpoint = f"tcp:{port}:interface=127.0.0.1"
    return ListenerSettings(service=service, endpoint=endpoint, tls=tls, root=root)


FILES = ("mailhub.toml", "/etc/mailhub/mailhub.toml")
"""Looked for in this order where no file is named."""
LOOPBACK = (
    _loopback("smtp", 2525, "starttls"),
    _loopback("submission", 2587, "starttls"),
    _loopback("submission", 2465, "implicit"),
    _loopback("lmtp", 2424),
    ListenerSettings(service="lmtp", endpoint="unix:run/lmtp.sock", tls="none"),
    _loopback("imap", 2143, "starttls"),
    _loopback("imap", 2993, "implicit"),
    _loopback("pop3", 2110, "starttls"),
    _loopback("pop3", 2995, "implicit"),
    _loopback("http", 2080, root="wildduck"),
)
"""What is offered where no listener is configured; `etc/loopback.toml` says the same."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the configuration. `line` 0: not in the file."""

    where: str
    line: int
    text: str

    def __str__(self) -> str:
        return (
            f"{self.where}:{self.line}: {self.text}" if self.line else f"{self.where}: {self.text}"
        )


class BadConfig(Invalid):
    """The configuration cannot be used; `problems` are all of them, each on its line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def find(given: Path | None) -> Path | None:
    """The file that applies: as given, from MAILHUB_CONFIG, or in its usual places."""
    if given is None and "MAILHUB_CONFIG" in os.environ:
        given = Path(os.environ["MAILHUB_CONFIG"])
    if given is not None:
        return given
    return next((path for path in map(Path, FILES) if path.exists()), None)


def load(path: Path | None, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of a file (None: the defaults) under the environment's overrides.

    Relative `data` and certificate paths count from the file's folder. Raises BadConfig.
    """
    environ = os.environ if environ is None else environ
    text = ""
    if path is not None:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadConfig([Problem(str(path), 0, f"cannot be read ({error})")]) from None
    return parse(text, str(path) if path else "defaults", path, environ)


def parse(
    text: str, name: str, path: Path | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """As `load`, from the text itself. `name`: what complaints call it."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadConfig([_malformed(name, str(error))]) from None
    overridden = _override(data, environ or {})
    lines = Lines(text)
    try:
        settings = TypeAdapter(Settings).validate_python(data)
    except ValidationError as error:
        raise BadConfig(_complaints(error, name, lines, overridden)) from None
    problems = [
        Problem(overridden.get(where, name), 0 if where in overridden else lines.of(where), said)
        for where, said in _semantic(settings)
    ]
    if problems:
        raise BadConfig(problems)
    return _resolve(settings, path)


def _malformed(name: str, text: str) -> Problem:
    """tomllib tells the line in its message alone (before Python 3.14)."""
    at = re.search(r" \(at line (\d+), column \d+\)$", text)
    return Problem(name, int(at[1]), text[: at.start()]) if at else Problem(name, 0, text)


def _override(data: dict[str, Any], environ: Mapping[str, str]) -> dict[Path_, str]:
    """Puts the environment's values into `data`; what came from which variable."""
    overridden: dict[Path_, str] = {}
    for variable, value in sorted(environ.items()):
        if not variable.startswith(PREFIX) or variable in NOT_SETTINGS:
            continue
        where = variable[len(PREFIX) :].lower().split("__")
        table = data
        for part in where[:-1]:
            table = table.setdefault(part, {})
            if not isinstance(table, dict):
                raise BadConfig([Problem(variable, 0, f"{part} is not a table")])
        table[where[-1]] = _value(value)
        overridden[tuple(where)] = variable
    return overridden


def _value(text: str) -> Any:
    """A variable's text as TOML where it is TOML (numbers, lists), else as it stands."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


class Lines:
    """Which line of a TOML text a key stands on; good enough to point a person there."""

    def __init__(self, text: str) -> None:
        self._lines: dict[Path_, int] = {}
        table: Path_ = ()
        counts: dict[str, int] = {}
        for number, line in enumerate(text.splitlines(), 1):
            line = line.strip()
            if line.startswith("[["):
                name = line.strip("[] ").split("]")[0].strip()
                index = counts[name] = counts.get(name, -1) + 1
                table = (name, index)
                self._lines[table] = number
            elif line.startswith("[") and "=" not in line:
                table = tuple(part.strip(' "') for part in line[1:].split("]")[0].split("."))
                self._lines[table] = number
            elif "=" in line and not line.startswith("#"):
                key = line.split("=", 1)[0].strip()
                where = (*table, *(part.strip(' "') for part in key.split(".")))
                self._lines.setdefault(where, number)

    def of(self, where: Path_) -> int:
        """The line of `where` or of the nearest thing around it; 0 when it is nowhere."""
        while where:
            if where in self._lines:
                return self._lines[where]
            where = where[:-1]
        return 0


def _complaints(
    error: ValidationError, name: str, lines: Lines, overridden: Mapping[Path_, str]
) -> list[Problem]:
    problems = []
    for fault in error.errors(include_url=False):
        where: Path_ = tuple(fault["loc"])
        variable = next((v for p, v in overridden.items() if p == where[: len(p)]), None)
        text = f"{dotted(where)}: {fault['msg']}"
        if fault["type"] == "unexpected_keyword_argument":
            text = _unknown(where)
        problems.append(Problem(variable or name, 0 if variable else lines.of(where), text))
    return sorted(problems, key=lambda problem: problem.line)


def _unknown(where: Path_) -> str:
    known = [field.name for field in fields(_table(where[:-1]))]
    near = get_close_matches(str(where[-1]), known, 1, 0.4)
    hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(known)}"
    return f"unknown setting {dotted(where)}{hint}"


def _table(where: Path_) -> type[Any]:
    """The settings class that `where` leads to."""
    found: type[Any] = Settings
    for part in where:
        if isinstance(part, int):
            continue
        hint = get_type_hints(found)[part]
        found = next((arg for arg in get_args(hint) if is_dataclass(arg)), hint)  # type: ignore[assignment]
    return found


def dotted(where: Path_) -> str:
    """`("listener", 0, "tls")` as `listener[1].tls`."""
    text = ""
    for part in where:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".")


def _semantic(settings: Settings) -> list[tuple[Path_, str]]:
    """What types cannot say."""
    problems: list[tuple[Path_, str]] = []
    for name, words in CHOICES.items():
        where: Path_ = tuple(name.split("."))
        value = _get(settings, where)
        if value not in words:
            problems.append((where, f"{name}: {value!r} is none of {', '.join(words)}"))
    for name in NETWORKS:
        where = tuple(name.split("."))
        problems += _networks(where, _get(settings, where))
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
    if settings.programs.enabled and not settings.programs.folder:
        problems.append((("programs", "enabled"), "programs.enabled: programs.folder is missing"))
    if bool(settings.tls.key) and not settings.tls.certificate:
        problems.append((("tls", "key"), "tls.key: a key without tls.certificate"))
    return problems


def _resolver(resolver: ResolverSettings) -> list[tuple[Path_, str]]:
    problems: list[tuple[Path_, str]] = []
    for server in resolver.servers:
        try:
            server_address(server)
        except Invalid as error:
            problems.append((("resolver", "servers"), f"resolver.servers: {error.text}"))
    for name in ("timeout", "tries", "deadline", "sockets"):
        if getattr(resolver, name) < 1:
            problems.append((("resolver", name), f"resolver.{name}: at least 1"))
    return problems


def _queue(queue: QueueSettings) -> list[tuple[Path_, str]]:
    problems: list[tuple[Path_, str]] = []
    if not queue.retry or min(queue.retry) < 1:
        problems.append((("queue", "retry"), "queue.retry: at least one wait, none below 1"))
    if queue.jitter > 50:
        problems.append((("queue", "jitter"), "queue.jitter: at most 50"))
    for name in ("concurrency", "concurrency_per_destination", "batch", "recipients", "lease"):
        if getattr(queue, name) < 1:
            problems.append((("queue", name), f"queue.{name}: at least 1"))
    return problems


def _redis(settings: Settings) -> list[tuple[Path_, str]]:
    redis = settings.redis
    problems: list[tuple[Path_, str]] = []
    if not redis.url:
        return problems
    try:
        where = "url"
        if parse_redis_url(redis.url).path and redis.sentinels:
            raise Invalid("Sentinels lead to no Unix socket")
        where = "sentinels"
        for one in redis.sentinels:
            parse_sentinel(one)
    except Invalid as error:
        problems.append((("redis", where), f"redis.{where}: {error.text}"))
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", redis.prefix):
        problems.append((("redis", "prefix"), "redis.prefix: letters, digits, - _ and . only"))
    if redis.timeout < 1:
        problems.append((("redis", "timeout"), "redis.timeout: at least 1"))
    if redis.quiet < settings.queue.lease:
        problems.append((("redis", "quiet"), "redis.quiet: shorter than queue.lease"))
    return problems


def _reports(settings: ReportSettings) -> list[tuple[Path_, str]]:
    problems: list[tuple[Path_, str]] = []
    for name in ("sender", "receive"):
        value = getattr(settings, name)
        try:
            if value:
                address.split(value)
        except Invalid:
            problems.append((("reports", name), f"reports.{name}: {value!r} is no mail address"))
    if settings.hour > 23:
        problems.append((("reports", "hour"), "reports.hour: a day has the hours 0 to 23"))
    return problems


def _numbers(settings: Settings) -> Iterable[tuple[Path_, Field[Any], int]]:
    for section in fields(settings):
        value = getattr(settings, section.name)
        if is_dataclass(value):
            for field in fields(value):
                number = getattr(value, field.name)
                if isinstance(number, int):
                    yield (section.name, field.name), field, number


def _get(settings: object, where: Path_) -> Any:
    for part in where:
        settings = getattr(settings, str(part))
    return settings


def _networks(where: Path_, names: tuple[str, ...]) -> list[tuple[Path_, str]]:
    try:
        Networks(names)
    except Invalid as error:
        return [(where, f"{dotted(where)}: {error.text}")]
    return []


def _listener(where: Path_, listener: ListenerSettings) -> list[tuple[Path_, str]]:
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


def _hook(where: Path_, hook: HookSettings) -> list[tuple[Path_, str]]:
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


def _resolve(settings: Settings, path: Path | None) -> Settings:
    """Makes the paths absolute: relative ones count from the file's folder."""
    base = path.resolve().parent if path is not None else Path.cwd()

    def full(name: str) -> str:
        return str(base / name) if name else ""

    tls = settings.tls
    redis = settings.redis
    limits = settings.limits
    queue = settings.queue
    programs = settings.programs
    if not settings.listener and not limits.exempt_networks:
        limits = replace(limits, exempt_networks=("127.0.0.0/8", "::1", "unix"))
    return replace(
        settings,
        data=full(settings.data),
        listener=settings.listener or LOOPBACK,
        limits=limits,
        queue=replace(queue, notice_template=full(queue.notice_template)),
        programs=replace(programs, folder=full(programs.folder)),
        redis=replace(redis, authority=full(redis.authority)),
        tls=replace(
            tls,
            certificate=full(tls.certificate),
            key=full(tls.key),
            directory=full(tls.directory),
        ),
    )
