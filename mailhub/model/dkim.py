"""Keys that sign a domain's mail (RFC 6376, RFC 8463)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class KeyState(Enum):
    """PENDING (to be put into the DNS, not used yet) → ACTIVE (signs) → RETIRING (in the DNS for
    mail under way) → RETIRED (its record may go). PAUSED: active, but signing is switched off."""

    PENDING = "pending"
    ACTIVE = "active"
    RETIRING = "retiring"
    RETIRED = "retired"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class DkimKey:
    """One key. `algorithm`: `rsa` or `ed25519`. `private`: PEM (PKCS #8). `public`: as in the
    record's `p=`, base64. `changed`: when it came into its state, epoch seconds."""

    domain: str
    selector: str
    algorithm: str
    private: str
    public: str
    state: KeyState
    created: int
    changed: int
