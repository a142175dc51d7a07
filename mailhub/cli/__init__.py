"""The `mailhub` command."""
