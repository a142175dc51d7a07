"""Lists that the server gives page by page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mailhub.cli.access import Access


def users(access: Access, query: str = "", tags: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """Every account, or those whose name or address holds `query` and that have one of `tags`."""
    after = seen = 0
    while True:
        page = access.ask("user-list", query=query, tags=list(tags), after=after)
        yield from page["users"]
        seen += len(page["users"])
        if not page["users"] or seen >= page["total"]:
            return
        after = page["users"][-1]["number"]
