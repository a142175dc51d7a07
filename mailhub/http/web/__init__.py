"""Web sites of the mail domains, and what programs look for under their names."""
