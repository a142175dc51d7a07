"""Keys that sign a domain's mail (RFC 6376, RFC 8463)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class KeyState(Enum):
    """PENDING (in the DNS, not used yet) → ACTIVE (signs) → RETIRING (in the DNS for mail under
    way) → RETIRED (its record may go)."""

    PENDING = "pending"
    ACTIVE = "active"
    RETIRING = "retiring"
    RETIRED = "retired"


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
