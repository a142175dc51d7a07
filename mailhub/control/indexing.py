"""What the control socket can be asked about the full-text index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from mailhub.control.acts import Act, Arguments, Json, Services


async def index_status(services: Services, arguments: Arguments) -> Json:
    """How the index stands."""
    return asdict(await services.search_index.status())


async def index_rebuild(services: Services, arguments: Arguments) -> Json:
    """Orders a new index; how the present one stands."""
    await services.search_index.rebuild()
    return asdict(await services.search_index.status())


ACTS: Mapping[str, Act] = {"index-status": index_status, "index-rebuild": index_rebuild}
