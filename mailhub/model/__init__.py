"""Frozen values and error kinds that every layer shares; standard library only."""
