"""Keeps the full-text index, in a process of its own: `python -m mailhub.indexing WHERE …`.

Reading mail for an index takes the interpreter for a millisecond a message; here that costs no
session anything, and what a hostile message does to it, it does to nobody else. The server tells
it on standard input that there is something new, and that it ends; it answers with what it does.
It reads the store and writes to the index alone, and may be killed at any instant.
"""
