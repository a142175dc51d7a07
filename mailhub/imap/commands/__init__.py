"""One IMAP command, one file."""
