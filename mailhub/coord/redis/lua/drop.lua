-- `numbers`: in text.
reap()
local lanes = {}
for i, row in ipairs(call('HMGET', entries, unpack(ask.numbers))) do
	local number = ask.numbers[i]
	if row and string.sub(row, 1, 1) == 'l' then
		call('HSET', marks, number, '')
	elseif row then
		call('HDEL', entries, number)
		call('ZREM', waiting, line(row, number))
		lanes[lane_of(row)] = true
	end
end
place_all(lanes)
return 1
