"""The control socket: what the `mailhub` command asks of the process that owns the store."""
