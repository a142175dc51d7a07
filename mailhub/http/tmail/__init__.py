"""The tmail dialect."""
