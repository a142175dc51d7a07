"""Bytes to values and back, pure: no input, no output, no clock."""
