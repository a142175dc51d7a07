"""What core needs of the world, as small protocols; backends implement them, `tap` joins them.

Every method that may wait returns an awaitable. The embedded store answers with Deferreds, the
in-memory one with finished coroutines; core cannot tell and must not ask.
"""

from __future__ import annotations

from mailhub.ports.bodies import Blobs, Body, Buffer, Departure, Message, Spool, Spools
from mailhub.ports.certificates import (
    CertificateAuthority,
    CertificateFiles,
    CertificateNotes,
    ChallengeRecords,
)
from mailhub.ports.coordination import (
    Coordination,
    Counters,
    Schedule,
    Seats,
    Sessions,
    Wakeups,
)
from mailhub.ports.directory import Entries, Mirrors
from mailhub.ports.elsewhere import Elsewheres
from mailhub.ports.events import Events, Webhooks
from mailhub.ports.filters import Filters
from mailhub.ports.identity import AppPasswords, AuthLog, Factors, SignIns
from mailhub.ports.listing import Archive, Listings
from mailhub.ports.machine import Condition, Machine, Volume
from mailhub.ports.mail import Besides, Companion, Journal, Messages
from mailhub.ports.network import (
    Dial,
    Dialogue,
    Directory,
    Fetch,
    Hooks,
    Outbound,
    Post,
    Posting,
    Reach,
    Resolver,
    Web,
)
from mailhub.ports.people import Accounts, Addresses, Domains, Mailboxes
from mailhub.ports.process import (
    Clock,
    Encrypting,
    Hashing,
    KeyMaking,
    Log,
    Programs,
    Randomness,
    Shelf,
    Signing,
    Together,
    Within,
    Workers,
)
from mailhub.ports.scripts import Scripts
from mailhub.ports.search_index import SearchIndex
from mailhub.ports.sending import DkimKeys, Notice, Queue, Reports, Routes, Tally
from mailhub.ports.sites import SiteFolders
from mailhub.ports.storage import Storage
from mailhub.ports.zones import CertificateFacts, HostKeys, Zones, ZoneServer

__all__ = [
    "Accounts",
    "Addresses",
    "AppPasswords",
    "Archive",
    "AuthLog",
    "Besides",
    "Blobs",
    "Body",
    "Buffer",
    "CertificateAuthority",
    "CertificateFacts",
    "CertificateFiles",
    "CertificateNotes",
    "ChallengeRecords",
    "Clock",
    "Companion",
    "Condition",
    "Coordination",
    "Counters",
    "Departure",
    "Dial",
    "Dialogue",
    "Directory",
    "DkimKeys",
    "Domains",
    "Elsewheres",
    "Encrypting",
    "Entries",
    "Events",
    "Factors",
    "Fetch",
    "Filters",
    "Hashing",
    "Hooks",
    "HostKeys",
    "Journal",
    "KeyMaking",
    "Listings",
    "Log",
    "Machine",
    "Mailboxes",
    "Message",
    "Messages",
    "Mirrors",
    "Notice",
    "Outbound",
    "Post",
    "Posting",
    "Programs",
    "Queue",
    "Randomness",
    "Reach",
    "Reports",
    "Resolver",
    "Routes",
    "Schedule",
    "Scripts",
    "SearchIndex",
    "Seats",
    "Sessions",
    "Shelf",
    "SignIns",
    "Signing",
    "SiteFolders",
    "Spool",
    "Spools",
    "Storage",
    "Tally",
    "Together",
    "Volume",
    "Wakeups",
    "Web",
    "Webhooks",
    "Within",
    "Workers",
    "ZoneServer",
    "Zones",
]
