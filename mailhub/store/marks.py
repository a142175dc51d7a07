"""Marks by which no server starts on a store that is being filled or was moved away.

They stand where a server looks for the schema's revision, so that versions that know nothing of
them refuse too. Who sets them is `store/moving`; nothing else may be here.
"""

from __future__ import annotations

from mailhub.model.errors import Unavailable

FILLING = "being filled"
MOVED = "moved away"


def refuse(revision: str) -> None:
    """Raises Unavailable for a store that is not to be served."""
    if revision == FILLING:
        raise Unavailable(
            "This store is being filled by `mailhub migrate`; it cannot be used before that is done"
        )
    if revision == MOVED:
        raise Unavailable(
            "This store was moved away by `mailhub migrate`: the mail is where that moved it"
            " (`mailhub migrate --reopen` takes it into use again as it was)"
        )
