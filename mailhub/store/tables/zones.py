"""Tables: zones of the DNS."""

from __future__ import annotations

TABLES: tuple[str, ...] = (
    # What administrators added.
    """
    CREATE TABLE zone_record (
        number INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        kind TEXT NOT NULL,
        value TEXT NOT NULL,
        UNIQUE (name, kind, value)
    )
    """,
    # Servers that fetch our zones, as they were written.
    """
    CREATE TABLE zone_secondary (
        number INTEGER PRIMARY KEY,
        name TEXT NOT NULL
    )
    """,
    # The last version of each zone. digest: of what it says; empty: the zone is no more. signed:
    # epoch seconds from which its signatures are valid.
    """
    CREATE TABLE zone_state (
        zone TEXT PRIMARY KEY,
        serial BIGINT NOT NULL,
        digest TEXT NOT NULL,
        signed BIGINT NOT NULL
    ) WITHOUT ROWID
    """,
    # private: PEM.
    """
    CREATE TABLE zone_key (
        zone TEXT PRIMARY KEY,
        private TEXT NOT NULL,
        public TEXT NOT NULL,
        created BIGINT NOT NULL
    ) WITHOUT ROWID
    """,
)
