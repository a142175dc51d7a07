from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mailhub.coord import redis
from mailhub.coord.redis.link import LONGEST_WAIT, wait
from mailhub.coord.redis.schedule import SCRIPTS, VERBS

pytestmark = pytest.mark.thorough


def test_waits_double_up_to_a_bound_and_differ_by_chance() -> None:
    assert [wait(failures, 1.0) for failures in range(4)] == [0.1, 0.2, 0.4, 0.8]
    assert wait(5000, 1.0) == LONGEST_WAIT
    assert wait(5000, 0.0) == LONGEST_WAIT / 2


OTHERS = ("schedule", "hit", "peek", "remaining", "rights", "session", "beat", "seats")
"""Scripts that other modules run, and what those of the schedule begin with."""


def test_every_script_of_the_package_has_a_name_here() -> None:
    folder = Path(redis.__file__).parent / "lua"
    assert {path.stem for path in folder.glob("*.lua")} == {*VERBS, *OTHERS}
    assert len({script.digest for script in SCRIPTS.values()}) == len(VERBS)


@pytest.mark.parametrize("module", ["mailhub.coord.memory", "mailhub.coord.memory_schedule"])
def test_without_redis_its_client_is_not_loaded(module: str) -> None:
    code = f"import sys, {module}; sys.exit('txredisapi' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
