-- `numbers`: in text, each once. Returns [token, [number, …]], or '' while leases from before may be
-- about any of them. (An empty list of numbers comes as an empty object: Lua has one kind of table.)
reap()
if quiet_until() > now then
	local newest = newest_before()
	for _, number in ipairs(ask.numbers) do
		if tonumber(number) <= newest then
			return ''
		end
	end
end
local lanes, numbers, was = {}, {}, {}
for i, row in ipairs(call('HMGET', entries, unpack(ask.numbers))) do
	local number = ask.numbers[i]
	if not row or string.sub(row, 1, 1) == 'w' then
		numbers[#numbers + 1] = number
		was[#was + 1] = row or ''
		if row then
			call('ZREM', waiting, line(row, number))
			lanes[lane_of(row)] = true
		end
	end
end
place_all(lanes)
if #numbers == 0 then
	return cjson.encode({ token_now(), numbers })
end
return cjson.encode({ hold({ claimed = true, entries = numbers, was = was }), numbers })
