"""mailhub: a complete mail server in one Twisted process."""

__version__ = "0.1.0"
