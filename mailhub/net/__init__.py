"""The Twisted glue: streams, TLS, clock, listeners."""
