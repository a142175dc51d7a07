"""Alembic's environment: how older databases reach `schema.HEAD`."""
