"""The index of the text of messages, in a database of its own beside the metadata."""
