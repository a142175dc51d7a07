"""The DNS, asked through recursive resolvers: dnspython reads and writes the packets, Twisted
carries them."""

from mailhub.net.resolver.resolver import StubResolver

__all__ = ["StubResolver"]
