"""One verb a module: each has `run(session, argument)`, which answers with a reply.

`run` raises `faults.Refusal` for what its grammar does not allow and lets core's error kinds
through; `talk` turns both into replies. Returning None means that the reply comes later (after
content) or was written already.
"""
