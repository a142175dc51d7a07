"""The name server that answers for our zones (RFC 1034, RFC 1035), signed (RFC 4033 to 4035)."""
