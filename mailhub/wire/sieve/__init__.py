"""Sieve scripts (RFC 5228 and extensions): text to checked programs, pure. What a program does to a
message is `policy.sieve`'s."""
