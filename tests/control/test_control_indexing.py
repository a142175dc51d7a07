"""Acts on the full-text index."""

from __future__ import annotations

from mailhub.control.acts import Arguments
from mailhub.control.catalog import ACTS
from mailhub.core.search_documents import document
from tests.acting import services
from tests.support import run
from tests.world import world


def test_the_index_is_looked_at_and_made_anew() -> None:
    here = world()
    here.deliver("joe@example.org", b"Subject: one\r\n\r\n")
    desk = services(here)

    def ask(act: str) -> object:
        return run(ACTS[act](desk, Arguments({})))  # type: ignore[arg-type]

    def told(state: str, documents: int, waiting: int) -> dict[str, object]:
        return {
            "state": state,
            "documents": documents,
            "waiting": waiting,
            "removed": 0,
            "size": 0,
        }

    assert ask("index-status") == told("off", 0, 1)
    run(here.store.search_index.follow(document))
    assert ask("index-status") == told("following", 1, 0)
    assert ask("index-rebuild") == told("off", 0, 1)
