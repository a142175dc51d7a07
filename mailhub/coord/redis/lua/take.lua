-- `leases`, `entries`: at most. `promoted`: lanes looked at beyond that because their time has
-- come. Returns [[token, lane, [number, …]], …]; numbers in text, as JSON has too few digits.
reap()
if shut_until() > now then
	return '[]'
end
local most = math.min(ask.leases, limits_left())
if most < 1 then
	return '[]'
end
local look = most + ask.promoted
for _, lane in ipairs(call('ZRANGEBYSCORE', later, '-inf', whole(now), 'LIMIT', 0, look)) do
	place(lane)
end
local soon = ':' .. digits(math.floor(now / 1000000) + 1)
local given = {}
while #given < most do
	local lane = call('ZRANGE', ready, 0, 0)[1]
	if not lane then
		break
	end
	local lines = {}
	if tonumber(call('ZSCORE', back_offs, lane) or 0) <= now then
		local from, to = '[' .. lane .. ':', '(' .. lane .. soon
		lines = call('ZRANGEBYLEX', waiting, from, to, 'LIMIT', 0, ask.entries)
	end
	if #lines > 0 then
		call('ZREM', waiting, unpack(lines))
		local numbers = {}
		for i, text in ipairs(lines) do
			numbers[i] = whole(tonumber(string.sub(text, -16)))
		end
		local token = hold({ lane = lane, entries = numbers })
		call('HINCRBY', busy, lane, 1)
		call('HINCRBY', busy, OUT, 1)
		call('HSET', served, lane, token)
		given[#given + 1] = { token, lane, numbers }
	end
	place(lane)
end
if #given == 0 then
	return '[]'
end
return cjson.encode(given)
