"""Configuration: every complaint on its line, the environment above the file, the sample true."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from mailhub import config, sample
from mailhub.model.settings import (
    DnsblSettings,
    HookSettings,
    ListenerSettings,
    MilterSettings,
    Settings,
    SiteSettings,
)

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parent.parent


def problems(text: str, **environ: str) -> list[str]:
    with pytest.raises(config.BadConfig) as caught:
        config.parse(text, "m.toml", None, environ)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('hostnam = "a"', "m.toml:1: unknown setting hostnam; did you mean hostname?"),
        ("\n[smtp]\n\nlin = 3", "m.toml:4: unknown setting smtp.lin; did you mean line?"),
        ("[smpt]\nline = 3", "m.toml:1: unknown setting smpt; did you mean smtp?"),
        ('[smtp]\nline = "x"', "m.toml:2: smtp.line: Input should be a valid integer"),
        ("smtp.line = -1", "m.toml:1: smtp.line: line cannot be negative"),
        ("a = ", "m.toml: Invalid value"),
        ("a = 1\nb == 2", "m.toml:2: Invalid value"),
        (
            '[limits]\nconnections = 1\nexempt_networks = ["10.0.0.1/8"]',
            "m.toml:3: limits.exempt_networks: '10.0.0.1/8' is no network",
        ),
        ('[log]\nlevel = "loud"', "m.toml:2: log.level: 'loud' is none of debug, info"),
        ('[tls]\nkey = "a.pem"', "m.toml:2: tls.key: a key without tls.certificate"),
    ],
)
def test_a_complaint_names_line_and_nearest_name(text: str, complaint: str) -> None:
    (found,) = problems(text)
    assert found.startswith(complaint)


LISTENERS = """\
[[listener]]
service = "smpt"
endpoint = "tcp:2525"

[[listener]]
service = "imap"
tls = "ssl"
endpoint = "tcp:99999"
proxy_from = ["anyone"]

[[listener]]
service = "http"
tls = "starttls"
endpoint = "somewhere"

[[listener]]
service = "pop3"
endpoint = "tcp:110"
root = "wildduck"
"""


def test_every_fault_of_the_listeners_is_told_at_once() -> None:
    found = problems(LISTENERS)
    starts = [
        "m.toml:2: listener[1].service: 'smpt' is none; did you mean smtp?",
        "m.toml:7: listener[2].tls: 'ssl' is none; known are none, starttls, implicit",
        "m.toml:8: listener[2].endpoint: '99999' is no port",
        "m.toml:9: listener[2].proxy_from: 'anyone' is no network",
        "m.toml:14: listener[3].endpoint: 'somewhere' is no endpoint string",
        "m.toml:13: listener[3].tls: http has no STARTTLS",
        "m.toml:19: listener[4].root: only http has a root",
    ]
    assert len(found) == len(starts)
    assert all(line.startswith(start) for line, start in zip(found, starts, strict=True))


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("retry = []", "queue.retry: at least one wait, none below 1"),
        ("retry = [60, 0]", "queue.retry: at least one wait, none below 1"),
        ("jitter = 51", "queue.jitter: at most 50"),
        ("batch = 0", "queue.batch: at least 1"),
        ("lease = 0", "queue.lease: at least 1"),
        ("lifetime = -1", "queue.lifetime: lifetime cannot be negative"),
        ("future_release = 1000000000", "queue.future_release: at most 999999999"),
    ],
)
def test_a_queue_that_could_not_work_is_refused(setting: str, complaint: str) -> None:
    assert problems(f"[queue]\n{setting}\n") == [f"m.toml:2: {complaint}"]


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        (
            "url = 'unix:///s'\ncluster = ['a']",
            "url: Sentinels and Clusters are not at a Unix socket",
        ),
        ("url = 'redis://a/3'\ncluster = ['a']", "url: a Cluster has no other database than 0"),
        ("url = 'redis://a'\ncluster = ['a:b']", "cluster: 'a:b' is no host:port"),
        (
            "url = 'redis://a'\nsentinels = ['b']\ncluster = ['a']",
            "sentinels: a Cluster needs none",
        ),
        ("url = 'redis://a'\nkey = 'k.pem'", "certificate: there is a key without it"),
    ],
)
def test_ways_to_redis_that_lead_nowhere_are_refused(setting: str, complaint: str) -> None:
    [problem] = problems(f"[redis]\n{setting}\n")
    assert problem.partition("redis.")[2] == complaint


def test_paths_of_redis_count_from_the_file() -> None:
    text = "[redis]\nurl = 'rediss://a'\ncertificate = 'c.pem'\nkey = '/k.pem'\n"
    redis = config.parse(text, "m.toml", Path("/etc/mailhub/m.toml"), {}).redis
    assert (redis.certificate, redis.key) == ("/etc/mailhub/c.pem", "/k.pem")


def test_a_token_that_somebody_finds_by_trying_is_refused_and_not_shown() -> None:
    (problem,) = problems("[http]\naccess_token = 'fifteen-letters'\n")
    assert problem.startswith("m.toml:2: http.access_token: at least 16 characters")
    assert "fifteen-letters" not in problem
    for token in ("sixteen--letters", ""):
        parsed = config.parse(f"[http]\naccess_token = '{token}'\n", "m.toml", None, {})
        assert parsed.http.access_token == token


def test_paths_count_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_text('[sender]\ntrusted = "ca.pem"\n[tls]\ndirectory = "/etc/tls"\n')
    settings = config.load(path)
    assert settings.sender.trusted == str(tmp_path / "ca.pem")
    assert settings.tls.directory == "/etc/tls"


def test_the_environment_overrides_the_file() -> None:
    settings = config.parse(
        "[smtp]\nline = 100\nerrors = 3",
        "m.toml",
        None,
        {
            "MAILHUB_SMTP__LINE": "200",
            "MAILHUB_HOSTNAME": "mx.example.org",
            "MAILHUB_LIMITS__EXEMPT_NETWORKS": '["192.0.2.0/24"]',
            "MAILHUB_CONFIG": "/etc/x.toml",
            "OTHER": "1",
        },
    )
    assert (settings.smtp.line, settings.smtp.errors) == (200, 3)
    assert settings.hostname == "mx.example.org"
    assert settings.limits.exempt_networks == ("192.0.2.0/24",)


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("MAILHUB_SMTP__LIN", "1", "unknown setting smtp.lin; did you mean line?"),
        ("MAILHUB_SMTP__LINE", "many", "smtp.line: Input should be a valid integer"),
        ("MAILHUB_LOG__LEVEL", "loud", "log.level: 'loud' is none of"),
        ("MAILHUB_HOSTNAME__X", "1", "hostname is not a table"),
    ],
)
def test_a_fault_of_a_variable_names_it(variable: str, value: str, complaint: str) -> None:
    (found,) = problems('hostname = "a"', **{variable: value})
    assert found.startswith(f"{variable}: {complaint}")


def test_paths_count_from_the_files_folder(tmp_path: Path) -> None:
    path = tmp_path / "etc" / "mailhub.toml"
    path.parent.mkdir()
    path.write_text('data = "../var"\n[tls]\ncertificate = "a.pem"\nkey = "/keys/a.key"\n')
    settings = config.load(path, {})
    assert Path(settings.data).resolve() == tmp_path / "var"
    assert settings.tls.certificate == str(path.parent / "a.pem")
    assert settings.tls.key == "/keys/a.key"
    assert settings.tls.directory == ""


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(config.BadConfig, match=r"none\.toml: cannot be read"):
        config.load(tmp_path / "none.toml", {})


def test_without_listeners_loopback_is_offered_and_exempt() -> None:
    settings = config.parse("", "m.toml")
    assert settings.listener == config.LOOPBACK
    assert "127.0.0.0/8" in settings.limits.exempt_networks
    for listener in settings.listener:
        assert listener.endpoint.startswith("unix:") or "interface=127.0.0.1" in listener.endpoint
    own = config.parse('[[listener]]\nservice = "imap"\nendpoint = "tcp:143"', "m.toml")
    assert len(own.listener) == 1
    assert own.limits.exempt_networks == ()


def test_the_loopback_file_says_what_the_defaults_say() -> None:
    settings = config.load(ROOT / "etc" / "loopback.toml", {})
    assert settings.listener == config.LOOPBACK
    assert settings.limits == config.parse("", "m.toml").limits
    assert Path(settings.data).resolve() == ROOT / "var"


# -- the sample


BLOCKS: dict[str, type[Any]] = {
    "listener": ListenerSettings,
    "hook": HookSettings,
    "dnsbl": DnsblSettings,
    "milter": MilterSettings,
    "site": SiteSettings,
}


def uncommented() -> str:
    """The sample with every setting and every listener in force."""
    return re.sub(r"(?m)^#(\[|[a-z_0-9]+ = )", r"\1", sample.sample())


def test_the_sample_in_etc_is_current() -> None:
    assert (ROOT / "etc" / "mailhub.toml").read_text() == sample.sample(), "run `make sample`"


def test_the_sample_is_the_defaults_also_when_uncommented() -> None:
    assert tomllib.loads(sample.sample()) == {name: {} for name in tomllib.loads(sample.sample())}
    settings = config.parse(uncommented(), "sample")
    plain = config.parse("", "defaults")
    assert dataclasses.replace(
        settings,
        listener=plain.listener,
        limits=plain.limits,
        hook=(),
        dnsbl=(),
        milter=(),
        site=(),
    ) == dataclasses.replace(plain)
    assert settings.listener == sample.LISTENERS
    assert settings.hook == (sample.HOOK,)
    assert settings.dnsbl == (sample.DNSBL,)
    assert settings.milter == (sample.MILTER,)
    assert settings.site == (sample.SITE,)


def test_the_sample_holds_every_setting_with_words() -> None:
    text = sample.sample()
    for field in dataclasses.fields(Settings):
        default = getattr(Settings(), field.name)
        names = dataclasses.fields(default) if dataclasses.is_dataclass(default) else [field]
        for one in names:
            if one.name in BLOCKS:
                continue
            assert one.metadata["doc"], f"{one.name} has no explanation"
            assert f"#{one.name} = " in text
    for block in BLOCKS.values():
        for one in dataclasses.fields(block):
            assert f"{one.name}: " in text


@pytest.mark.parametrize("server", ["dns.example", "192.0.2.1:0", "fe80::1%eth0"])
def test_a_resolver_is_an_address(server: str) -> None:
    with pytest.raises(config.BadConfig, match=r"test:2: resolver.servers: .* (server|port)"):
        config.parse(f'[resolver]\nservers = ["{server}"]\n', "test")


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ('[store]\ndatabase = "postgresql://x/y"\n', ["redis.url"]),
        ('[redis]\nurl = "redis://127.0.0.1:1"\n', ["store.database"]),
        ("", ["store.database", "redis.url"]),
    ],
)
def test_ports_are_shared_by_processes_of_one_store_only(text: str, missing: list[str]) -> None:
    with pytest.raises(config.BadConfig) as caught:
        config.parse(f"[node]\nshare_ports = true\n{text}", "x.toml")
    for name in missing:
        assert f"{name} is missing" in str(caught.value)
    assert len(caught.value.problems) == len(missing)
