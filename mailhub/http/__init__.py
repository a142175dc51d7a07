"""One Klein application; one folder a dialect."""
