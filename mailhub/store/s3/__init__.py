"""Message bodies as objects of a server that speaks S3."""
