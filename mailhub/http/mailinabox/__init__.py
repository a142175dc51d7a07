"""The Mail-in-a-Box dialect: its administration API, under `/admin`."""
