"""Reads the one TOML file into `model.settings.Settings`.

Every complaint names the file, the line and, for an unknown name, the nearest known one. Knows
the file and the environment; what values make sense is in `config_checks` and
`config_filters`.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

from mailhub.config_checks import Where, dotted, faults
from mailhub.config_filters import filter_faults
from mailhub.model.errors import Invalid
from mailhub.model.settings import ListenerSettings, Settings

PREFIX = "MAILHUB_"
"""`MAILHUB_SMTP__LINE=4096` overrides `line` of `[smtp]`; `MAILHUB_HOSTNAME` a top-level key."""
NOT_SETTINGS = {"MAILHUB_CONFIG", "MAILHUB_DATA"}
"""Read by the commands themselves."""


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
    _loopback("managesieve", 4190, "starttls"),
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
        for where, said in (*faults(settings), *filter_faults(settings))
    ]
    if problems:
        raise BadConfig(problems)
    return _resolve(settings, path)


def _malformed(name: str, text: str) -> Problem:
    """tomllib tells the line in its message alone (before Python 3.14)."""
    at = re.search(r" \(at line (\d+), column \d+\)$", text)
    return Problem(name, int(at[1]), text[: at.start()]) if at else Problem(name, 0, text)


def _override(data: dict[str, Any], environ: Mapping[str, str]) -> dict[Where, str]:
    """Puts the environment's values into `data`; what came from which variable."""
    overridden: dict[Where, str] = {}
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
        self._lines: dict[Where, int] = {}
        table: Where = ()
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

    def of(self, where: Where) -> int:
        """The line of `where` or of the nearest thing around it; 0 when it is nowhere."""
        while where:
            if where in self._lines:
                return self._lines[where]
            where = where[:-1]
        return 0


def _complaints(
    error: ValidationError, name: str, lines: Lines, overridden: Mapping[Where, str]
) -> list[Problem]:
    problems = []
    for fault in error.errors(include_url=False):
        where: Where = tuple(fault["loc"])
        variable = next((v for p, v in overridden.items() if p == where[: len(p)]), None)
        text = f"{dotted(where)}: {fault['msg']}"
        if fault["type"] == "unexpected_keyword_argument":
            text = _unknown(where)
        problems.append(Problem(variable or name, 0 if variable else lines.of(where), text))
    return sorted(problems, key=lambda problem: problem.line)


def _unknown(where: Where) -> str:
    known = [field.name for field in fields(_table(where[:-1]))]
    near = get_close_matches(str(where[-1]), known, 1, 0.4)
    hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(known)}"
    return f"unknown setting {dotted(where)}{hint}"


def _table(where: Where) -> type[Any]:
    """The settings class that `where` leads to."""
    found: type[Any] = Settings
    for part in where:
        if isinstance(part, int):
            continue
        hint = get_type_hints(found)[part]
        found = next((arg for arg in get_args(hint) if is_dataclass(arg)), hint)  # type: ignore[assignment]
    return found


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
        redis=replace(
            redis,
            authority=full(redis.authority),
            certificate=full(redis.certificate),
            key=full(redis.key),
        ),
        s3=replace(
            settings.s3,
            secret_file=full(settings.s3.secret_file),
            authority=full(settings.s3.authority),
        ),
        encryption=replace(settings.encryption, file=full(settings.encryption.file)),
        sender=replace(settings.sender, trusted=full(settings.sender.trusted)),
        dns=replace(
            settings.dns,
            knot=full(settings.dns.knot),
            host_keys=full(settings.dns.host_keys),
        ),
        web=replace(settings.web, trusted=full(settings.web.trusted)),
        sites=replace(settings.sites, folder=full(settings.sites.folder)),
        site=tuple(
            replace(one, aliases=tuple((path, full(folder)) for path, folder in one.aliases))
            for one in settings.site
        ),
        acme=replace(settings.acme, trusted=full(settings.acme.trusted)),
        tls=replace(
            tls,
            certificate=full(tls.certificate),
            key=full(tls.key),
            directory=full(tls.directory),
            authorities=full(tls.authorities),
        ),
    )
