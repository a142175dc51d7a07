"""Bodies of a bucket on their way into backups and back."""
