-- ARGV[1]: {cost, window in seconds, now in seconds or absent}. A window begins with its first
-- hit; a count never falls below zero.
local ask = cjson.decode(ARGV[1])
local now = ask.now
if not now then
	local time = redis.call('TIME')
	now = time[1] + time[2] / 1000000
end
local kept = redis.call('HMGET', KEYS[1], 'count', 'ends')
local count, ends = tonumber(kept[1] or 0), tonumber(kept[2] or 0)
if ends <= now then
	count, ends = 0, now + ask.window
	redis.call('DEL', KEYS[1])
end
count = math.max(0, count + ask.cost)
redis.call('HSET', KEYS[1], 'count', string.format('%.0f', count), 'ends', string.format('%.6f', ends))
redis.call('PEXPIRE', KEYS[1], math.ceil((ends - now) * 1000))
return count
