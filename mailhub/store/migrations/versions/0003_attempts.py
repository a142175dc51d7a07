"""The tries of a queue entry are found in the journal by its number.

Frozen: a later change of `mailhub.store.schema` gets a revision of its own.
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Makes the index."""
    op.execute(
        "CREATE INDEX journal_deferred ON journal (json_extract(detail, '$.entry'))"
        " WHERE kind = 'deferred'"
    )
