"""Tables: what the full-text index needs of the metadata; its own stand in `store/fulltext`."""

from __future__ import annotations

TABLES: tuple[str, ...] = (
    # The messages that stand on a content. Its keys grow, so that the new entries of a commit
    # stand on one warm page, whatever accounts they are for.
    "CREATE INDEX message_content ON message (content)",
)
