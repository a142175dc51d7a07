"""ManageSieve: keeping Sieve scripts over the network (RFC 5804)."""
