"""Coordination of several processes over Redis.

All that is kept there can be lost: the store owns mail and queue, and the schedule is filled anew
from it. `open` makes the parts; `lua/*.lua` are the rules, the Python around them is plumbing.
"""

from mailhub.coord.redis.coordination import RedisCoordination, open

__all__ = ["RedisCoordination", "open"]
