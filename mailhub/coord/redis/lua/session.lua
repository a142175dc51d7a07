-- The record under KEYS[1] with the seconds it has left, or nothing.
local record = redis.call('GET', KEYS[1])
if not record then
	return false
end
return {record, redis.call('TTL', KEYS[1])}
