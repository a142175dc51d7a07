"""Where accounts come from."""
