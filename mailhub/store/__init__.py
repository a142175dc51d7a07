"""SQL truth and message segments behind the storage ports."""
