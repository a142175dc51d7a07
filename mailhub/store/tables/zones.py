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
    # private: PEM. since: epoch seconds from which it is in its state.
    """
    CREATE TABLE zone_signing_key (
        zone TEXT NOT NULL,
        public TEXT NOT NULL,
        private TEXT NOT NULL,
        created BIGINT NOT NULL,
        state TEXT NOT NULL,
        since BIGINT NOT NULL,
        PRIMARY KEY (zone, public)
    ) WITHOUT ROWID
    """,
    # Signatures of the last version, as the name server packs them: spares making them again.
    """
    CREATE TABLE zone_signature (
        zone TEXT PRIMARY KEY,
        kept BLOB NOT NULL
    )
    """,
)
