"""What runs mailhub elsewhere (containers, Kubernetes, Prometheus) fits the server and itself."""

from __future__ import annotations

import configparser
import json
import os
import re
import subprocess
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from mailhub import config
from mailhub.cli import group
from mailhub.model.settings import Settings
from mailhub.net.metrics import Metrics
from mailhub.tap import Options

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parent.parent
ETC = ROOT / "etc"
PUBLIC = {25, 587, 465, 143, 993, 110, 995, 4190, 80, 443}
PAGES = ("operations.md", "scale.md")


@cache
def compose() -> Any:
    return yaml.safe_load((ETC / "compose.yaml").read_text())


@cache
def cluster() -> Mapping[str, Any]:
    """Documents by kind; Services by their names."""
    found = list(yaml.safe_load_all((ETC / "kubernetes.yaml").read_text()))
    return {
        one["metadata"]["name"] if one["kind"] == "Service" else one["kind"]: one for one in found
    }


def pod() -> Any:
    return cluster()["StatefulSet"]["spec"]["template"]


def container() -> Any:
    (found,) = pod()["spec"]["containers"]
    return found


def compose_settings() -> Settings:
    """As the two processes have them, secrets put in their places."""
    environ = {
        "MAILHUB_STORE__DATABASE": "postgresql://mailhub:SECRET@postgres/mailhub",
        "MAILHUB_REDIS__URL": "redis://:SECRET@redis",
        "MAILHUB_HTTP__ACCESS_TOKEN": "a token of some length",
        "MAILHUB_S3__SECRET_KEY": "SECRET",
    }
    text = compose()["configs"]["mailhub"]["content"]
    assert set(environ) == {one for one in compose()["secrets"] if one.startswith("MAILHUB_")}
    return config.parse(text, "compose.yaml", environ=environ)


def cluster_settings() -> Settings:
    text = cluster()["ConfigMap"]["data"]["mailhub.toml"]
    environ = cluster()["Secret"]["stringData"]
    return config.parse(text, "kubernetes.yaml", environ=environ)


def listened(settings: Settings) -> set[int]:
    endpoints = [one.endpoint.split(":") for one in settings.listener]
    return {int(port) for kind, port, *_ in endpoints if kind == "tcp"}


# -- compose


def test_what_compose_refers_to_is_there() -> None:
    whole = compose()
    for name, service in whole["services"].items():
        for secret in service.get("secrets", ()):
            assert secret in whole["secrets"], name
        for one in service.get("configs", ()):
            assert one["source"] in whole["configs"], name
        for volume in service.get("volumes", ()):
            assert volume.split(":")[0] in whole["volumes"], name
        for other in service.get("depends_on", ()):
            assert other in whole["services"], name
        if service.get("network_mode"):
            assert service["network_mode"].removeprefix("service:") in whole["services"], name
        if "build" in service:
            context = ETC / service["build"]["context"]
            assert (context / service["build"]["dockerfile"]).is_file()


def test_compose_publishes_the_ports_that_are_listened_on() -> None:
    published = dict(pair.split(":") for pair in compose()["services"]["ports"]["ports"])
    assert {int(port) for port in published} == PUBLIC
    assert {int(port) for port in published.values()} == listened(compose_settings())


def test_the_two_processes_of_compose_are_alike_and_keep_apart() -> None:
    assert compose_settings().node.share_ports
    services = compose()["services"]
    first, second = services["mailhub-1"], services["mailhub-2"]
    assert first.pop("volumes") != second.pop("volumes")
    assert first == second
    compose.cache_clear()


def test_health_is_asked_for_where_the_process_listens() -> None:
    asked = re.search(r'connect\("(.*)"\)', (ETC / "container" / "healthy").read_text())
    assert asked is not None
    settings = compose_settings()
    own = [one.endpoint for one in settings.listener if one.endpoint.startswith("unix:")]
    assert [f"{settings.data}/{endpoint.removeprefix('unix:')}" for endpoint in own] == [asked[1]]


def test_the_secrets_that_compose_is_told_of_are_made_by_its_first_lines() -> None:
    head = (ETC / "compose.yaml").read_text().split("\nname:")[0]
    made = set(re.findall(r"> (\S+)$", head, re.MULTILINE))
    assert made == {Path(one["file"]).name for one in compose()["secrets"].values()}


# -- the image


def test_the_image_has_what_it_copies_and_installs() -> None:
    text = (ETC / "Containerfile").read_text()
    for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE):
        for name in line.split():
            assert (ROOT / name).exists(), name
    asked = re.search(r"/src\[(.*)\]", text)
    assert asked is not None
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    assert {"postgres", "s3"} <= set(asked[1].split(",")) <= set(parser["options.extras_require"])
    for word in ("USER 10001:10001", "HEALTHCHECK", "STOPSIGNAL SIGTERM"):
        assert re.search(f"^{word}", text, re.MULTILINE), word
    exposed = re.search(r"^EXPOSE (.*)$", text, re.MULTILINE)
    assert exposed is not None
    assert {int(port) for port in exposed[1].split()} == listened(compose_settings())


@pytest.mark.parametrize("name", ["mailhub", "healthy"])
def test_what_the_image_runs_can_be_run(name: str) -> None:
    assert (ETC / "container" / name).stat().st_mode & 0o111 == 0o111


def test_secrets_in_files_are_settings_of_every_command(tmp_path: Path) -> None:
    """The server, and what `docker exec` and preStop run."""
    (tmp_path / "MAILHUB_REDIS__URL").write_text("redis://:it's $ecret@redis\n")
    (tmp_path / "redis.conf").write_text("requirepass SECRET")
    text = (ETC / "container" / "mailhub").read_text()
    assert text.endswith('exec /opt/mailhub/bin/mailhub "$@"\n')
    text = text.replace("/run/secrets", str(tmp_path)).replace("/opt/mailhub/bin/mailhub", "env")
    done = subprocess.run(
        ["/bin/sh", "-c", text],
        env={"PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    lines = [line for line in done.stdout.splitlines() if "ecret" in line.lower()]
    assert lines == ["MAILHUB_REDIS__URL=redis://:it's $ecret@redis"]


# -- Kubernetes


def test_documents_of_the_cluster_are_whole() -> None:
    for one in cluster().values():
        assert one["apiVersion"]
        assert one["kind"]
        assert one["metadata"]["name"]
        if one["kind"] != "Namespace":
            assert one["metadata"]["namespace"] == cluster()["Namespace"]["metadata"]["name"]


def test_selectors_find_the_pods() -> None:
    labels = pod()["metadata"]["labels"].items()
    spec = pod()["spec"]
    (apart,) = spec["affinity"]["podAntiAffinity"][
        "preferredDuringSchedulingIgnoredDuringExecution"
    ]
    (spread,) = spec["topologySpreadConstraints"]
    for selector in (
        cluster()["mailhub"]["spec"]["selector"],
        cluster()["mailhub-nodes"]["spec"]["selector"],
        cluster()["StatefulSet"]["spec"]["selector"]["matchLabels"],
        cluster()["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        apart["podAffinityTerm"]["labelSelector"]["matchLabels"],
        spread["labelSelector"]["matchLabels"],
    ):
        assert selector
        assert selector.items() <= labels
    assert cluster()["StatefulSet"]["spec"]["serviceName"] in cluster()


def test_services_lead_to_ports_that_are_listened_on() -> None:
    ports = {one["name"]: one["containerPort"] for one in container()["ports"]}
    assert set(ports.values()) == listened(cluster_settings())
    public = cluster()["mailhub"]["spec"]
    assert {one["port"] for one in public["ports"]} == PUBLIC
    for one in (*public["ports"], *cluster()["mailhub-nodes"]["spec"]["ports"]):
        assert one["targetPort"] in ports
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container()[probe]["httpGet"]["port"] == "metrics"
    assert "metrics" not in {one["targetPort"] for one in public["ports"]}


def test_clients_addresses_stay() -> None:
    assert cluster()["mailhub"]["spec"]["externalTrafficPolicy"] == "Local"


def test_services_of_the_cluster_do_not_become_settings() -> None:
    assert pod()["spec"]["enableServiceLinks"] is False
    with pytest.raises(config.BadConfig):
        config.parse("", "pod", environ={"MAILHUB_SERVICE_HOST": "10.0.0.1"})


def test_what_pods_mount_is_there() -> None:
    spec = pod()["spec"]
    claims = cluster()["StatefulSet"]["spec"]["volumeClaimTemplates"]
    volumes = {one["name"] for one in (*spec["volumes"], *(one["metadata"] for one in claims))}
    mounted = {one["name"]: one["mountPath"] for one in container()["volumeMounts"]}
    assert set(mounted) == volumes
    assert mounted["data"] == cluster_settings().data
    assert mounted["secrets"] == "/run/secrets"
    sources = {one["name"]: one for one in spec["volumes"]}
    assert sources["config"]["configMap"]["name"] == cluster()["ConfigMap"]["metadata"]["name"]
    assert sources["secrets"]["secret"]["secretName"] == cluster()["Secret"]["metadata"]["name"]


# -- both, and systemd


def words_of(command: list[str]) -> list[str]:
    """That a stop gives to `mailhub`, which knows them."""
    program, verb, *words = command
    assert program.endswith("mailhub")
    group.commands[verb].make_context(verb, list(words))
    return words


def test_a_stop_has_time_for_the_drain_before_it() -> None:
    for service in ("mailhub-1", "mailhub-2"):
        about = compose()["services"][service]
        (before,) = about["pre_stop"]
        within = int(words_of(before["command"])[-1])
        assert int(about["stop_grace_period"].removesuffix("s")) >= within + 20
    within = int(words_of(container()["lifecycle"]["preStop"]["exec"]["command"])[-1])
    assert pod()["spec"]["terminationGracePeriodSeconds"] >= within + 20


def unit(name: str) -> configparser.SectionProxy:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(ETC / "systemd" / name)
    return parser["Service"]


def hardening(name: str) -> list[str]:
    lines = (ETC / "systemd" / name).read_text().splitlines()
    return lines[lines.index(next(one for one in lines if one.startswith("Capab"))) :]


def test_units_of_one_and_of_several_processes_may_do_the_same() -> None:
    assert hardening("mailhub@.service") == hardening("mailhub.service")
    assert len(hardening("mailhub.service")) > 15


def test_the_unit_of_several_starts_and_drains_what_there_is() -> None:
    service = unit("mailhub@.service")
    words = service["ExecStart"].split()
    options = Options()
    options.parseOptions(words[words.index("mailhub") + 1 :])
    assert options["data"] == "/var/lib/mailhub/%i"
    stop = service["ExecStop"].rstrip("'").split()
    assert stop[stop.index("--data") + 1] == options["data"]
    within = int(words_of(["mailhub", *stop[stop.index("drain") :]])[-1])
    assert int(service["TimeoutStopSec"]) >= within + 20


@pytest.mark.parametrize("name", ["mailhub.service", "mailhub@.service"])
def test_a_process_of_another_user_hears_of_a_reload(name: str) -> None:
    assert "CAP_KILL" not in unit(name)["CapabilityBoundingSet"]
    assert unit(name)["ExecReload"].startswith("+")


# -- what is watched


@cache
def known() -> frozenset[str]:
    """Names of every sample that a server may have."""
    metrics = Metrics()
    metrics.connections("smtp", lambda: 0)
    metrics.durations.labels("http", "request").observe(0.1)
    metrics.events.labels("http", "request", "200").inc()
    lines = metrics.render().decode().splitlines()
    found = {re.split(r"[ {]", line)[0] for line in lines if line and line[0] != "#"}
    for file in (ROOT / "mailhub").rglob("*.py"):
        found.update(re.findall(r'(?:gauge|Measure|Table)\(\s*"(mailhub_\w+)"', file.read_text()))
    return frozenset(found)


def expressions() -> Iterator[str]:
    for panel in json.loads((ETC / "grafana.json").read_text())["panels"]:
        for target in panel["targets"]:
            yield target["expr"]
    for rules in yaml.safe_load((ETC / "alerts.yaml").read_text())["groups"]:
        for rule in rules["rules"]:
            assert {"alert", "expr", "labels", "annotations"} <= set(rule)
            assert rule["annotations"]["summary"]
            yield rule["expr"]


def test_the_server_has_what_is_drawn_and_watched() -> None:
    named = set()
    for text in expressions():
        named.update(re.findall(r"\bmailhub_\w+", text))
        assert text.count("(") == text.count(")"), text
        assert text.count("{") == text.count("}"), text
    assert "mailhub_queue_recipients" in named
    assert named <= known(), named - known()


def test_every_gauge_is_drawn() -> None:
    drawn = (ETC / "grafana.json").read_text()
    kinds = ("_bucket", "_count", "_sum", "_created")
    missing = {one for one in known() if not one.endswith(kinds) and one not in drawn}
    assert not missing


def test_panels_do_not_lie_on_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    panels = json.loads((ETC / "grafana.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_the_alert_about_connections_knows_their_limit() -> None:
    text = (ETC / "alerts.yaml").read_text()
    assert f"0.9 * {Settings().limits.connections}" in text


# -- pages


def snippets(page: str) -> list[str]:
    """Indented TOML: what begins with a table's name."""
    text = (ROOT / "docs" / page).read_text()
    blocks = re.findall(r"(?:^(?: {4}.*)?\n)+", text, re.MULTILINE)
    return [found for one in blocks if (found := textwrap.dedent(one).strip()).startswith("[")]


@pytest.mark.parametrize("page", PAGES)
def test_settings_in_pages_are_some(page: str) -> None:
    found = snippets(page)
    for text in found:
        environ = {
            "MAILHUB_STORE__DATABASE": "postgresql://mailhub@db/mail",
            "MAILHUB_REDIS__URL": "redis://redis",
        }
        config.parse(text, page, environ=environ)
    assert found or page == "scale.md"


def test_every_alert_is_explained() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    for rules in yaml.safe_load((ETC / "alerts.yaml").read_text())["groups"]:
        for rule in rules["rules"]:
            assert f"`{rule['alert']}`" in text, rule["alert"]
