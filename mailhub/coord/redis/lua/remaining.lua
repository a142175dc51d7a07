-- ARGV[1]: {now in seconds or absent}. Returns the count, and the seconds until it ends as text.
local now = cjson.decode(ARGV[1]).now
if not now then
	local time = redis.call('TIME')
	now = time[1] + time[2] / 1000000
end
local kept = redis.call('HMGET', KEYS[1], 'count', 'ends')
local left = tonumber(kept[2] or 0) - now
if left <= 0 then
	return {0, '0'}
end
return {tonumber(kept[1]), string.format('%.6f', left)}
