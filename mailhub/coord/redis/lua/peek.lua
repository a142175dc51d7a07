-- ARGV[1]: {now in seconds or absent}.
local now = cjson.decode(ARGV[1]).now
if not now then
	local time = redis.call('TIME')
	now = time[1] + time[2] / 1000000
end
local kept = redis.call('HMGET', KEYS[1], 'count', 'ends')
return tonumber(kept[2] or 0) > now and tonumber(kept[1]) or 0
