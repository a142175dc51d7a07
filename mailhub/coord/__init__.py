"""Schedules, leases, counters and sessions: what can be rebuilt."""
