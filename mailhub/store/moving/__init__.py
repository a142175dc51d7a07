"""Moving everything that a store keeps to another store: the same rows, the same bytes, the same
numbers. `move` goes through it in rounds; no server and no terminal is known here."""
