-- KEYS[1]: the nodes that live, by their last sign of life. ARGV[1]: {me, former: a name that is
-- mine no more, life in seconds, now in seconds or absent}. Answers whether the caller was not among them, and who is.
local ask = cjson.decode(ARGV[1])
local now = ask.now
if not now then
	local time = redis.call('TIME')
	now = time[1] + time[2] / 1000000
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.3f', now - ask.life))
redis.call('ZREM', KEYS[1], ask.former)
local fresh = redis.call('ZADD', KEYS[1], string.format('%.3f', now), ask.me)
redis.call('EXPIRE', KEYS[1], math.ceil(ask.life))
return {fresh, redis.call('ZRANGE', KEYS[1], 0, -1)}
