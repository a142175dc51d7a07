-- `slots`: [number, due, lane] in text, due in 12 digits, each number once. `claim`: the caller's.
-- `unknown`: those that are known stay as they are.
reap()
local before = next_due()
if ask.claim and call('HGET', state, 'claim') == ask.claim then
	call('HSET', state, 'patience', whole(now + ask.patience * 1000000))
end
local quiet, newest = quiet_until(), newest_before()
local numbers = {}
for i, slot in ipairs(ask.slots) do
	numbers[i] = slot[1]
end
local old = call('HMGET', entries, unpack(numbers))
local gone, come, rows, lanes = {}, {}, {}, {}
for i, slot in ipairs(ask.slots) do
	local number, due, had = slot[1], slot[2], old[i]
	if quiet > now and quiet < math.huge and tonumber(number) <= newest then
		due = digits(math.max(tonumber(due), math.ceil(quiet / 1000000)))
	end
	local row = waits(due, slot[3])
	if had and ask.unknown then
		-- it waits, or is leased
	elseif had and string.sub(had, 1, 1) == 'l' then
		call('HSET', marks, number, row)
	elseif had ~= row then
		if had then
			gone[#gone + 1] = line(had, number)
			lanes[lane_of(had)] = true
		end
		come[#come + 1] = 0
		come[#come + 1] = line(row, number)
		rows[#rows + 1] = number
		rows[#rows + 1] = row
		lanes[slot[3]] = true
	end
end
if #gone > 0 then
	call('ZREM', waiting, unpack(gone))
end
if #rows > 0 then
	call('ZADD', waiting, unpack(come))
	call('HSET', entries, unpack(rows))
end
place_all(lanes)
wake(before)
return 1
