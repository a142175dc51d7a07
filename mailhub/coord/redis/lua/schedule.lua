-- What all verbs of the schedule share; it is put before each of them.
--
-- ARGV[1] is a JSON object. `now`: microseconds, or absent for the server's own clock. `lane`,
-- `total`: most leases. `floor`: the newest token that the caller saw. `wake`: the channel.
-- Lane names come in hex. A line of the waiting set is `lane:due:number` with due times in 12
-- digits and numbers in 16, so that the order of its bytes is the order of turns in a lane.
-- All times kept are microseconds; due times are whole epoch seconds.

local state, entries, waiting, ready, later, busy, served, back_offs, leases, held, marks =
	unpack(KEYS)
local call = redis.call
local ask = cjson.decode(ARGV[1])
local now = ask.now
if not now then
	local time = call('TIME')
	now = time[1] * 1000000 + time[2]
end
local OUT = '*' -- the field of `busy` that counts all leases; no lane has this name

local function whole(number)
	return string.format('%.0f', number)
end

local function digits(due)
	return string.format('%012.0f', due)
end

-- What `entries` has of an entry that waits, 'w' due lane; of one that is leased it has 'l' token.
local function waits(due, lane)
	return 'w' .. due .. lane
end

local function due_of(row)
	return string.sub(row, 2, 13)
end

local function lane_of(row)
	return string.sub(row, 14)
end

local function line(row, number)
	return table.concat({ lane_of(row), due_of(row), string.rep('0', 16 - #number) .. number }, ':')
end

local function limits_left()
	return ask.total - (tonumber(call('HGET', busy, OUT)) or 0)
end

-- A lane where it belongs, after anything of it changed: `ready` by turn, `later` by time, or
-- neither while it is empty or at its limit.
local function place(lane)
	local from, to = '[' .. lane .. ':', '(' .. lane .. ';'
	local first = call('ZRANGEBYLEX', waiting, from, to, 'LIMIT', 0, 1)[1]
	local given = tonumber(call('HGET', busy, lane)) or 0
	if not first and given == 0 then
		call('HDEL', served, lane)
	end
	if not first or given >= ask.lane then
		call('ZREM', ready, lane)
		call('ZREM', later, lane)
		return
	end
	local due = tonumber(string.sub(first, #lane + 2, #lane + 13)) * 1000000
	local opens = math.max(due, tonumber(call('ZSCORE', back_offs, lane) or 0))
	if opens <= now then
		call('ZREM', later, lane)
		local last = tonumber(call('HGET', served, lane) or 0)
		call('ZADD', ready, whole(math.max(due, last)), lane)
	else
		call('ZREM', ready, lane)
		call('ZADD', later, whole(opens), lane)
	end
end

local function place_all(lanes)
	for lane in pairs(lanes) do
		place(lane)
	end
end

local function wait(number, row)
	call('HSET', entries, number, row)
	call('ZADD', waiting, 0, line(row, number))
end

-- Takes a lease back. `stay`: row by number, how its entries wait on where no mark says
-- otherwise; those not in it are over. A mark is a row, or '' for what is to be dropped.
local function settle(token, lease, stay, expired)
	local lanes = {}
	call('HDEL', held, token)
	call('ZREM', leases, token)
	if not lease.claimed then
		lanes[lease.lane] = true
		for _, name in ipairs({ OUT, lease.lane }) do
			if call('HINCRBY', busy, name, -1) <= 0 then
				call('HDEL', busy, name)
			end
		end
	end
	local said = call('HMGET', marks, unpack(lease.entries))
	call('HDEL', marks, unpack(lease.entries))
	for i, number in ipairs(lease.entries) do
		local row, mark = stay[number], said[i]
		if mark and (mark == '' or expired or not row or due_of(row) < due_of(mark)) then
			row = mark
		end
		if row and row ~= '' then
			wait(number, row)
			lanes[lane_of(row)] = true
		else
			call('HDEL', entries, number)
		end
	end
	place_all(lanes)
end

-- Ends the leases whose time is over: their entries are due at once, claimed ones as they were.
local function reap()
	for _, token in ipairs(call('ZRANGEBYSCORE', leases, '-inf', whole(now), 'LIMIT', 0, 1000)) do
		local lease = cjson.decode(call('HGET', held, token))
		local stay = {}
		for i, number in ipairs(lease.entries) do
			if not lease.claimed then
				stay[number] = waits(digits(math.floor(now / 1000000)), lease.lane)
			elseif lease.was[i] ~= '' then
				stay[number] = lease.was[i]
			end
		end
		settle(token, lease, stay, true)
	end
end

-- Until then leases from before the memory was claimed may live; for ever where nobody claimed it.
local function quiet_until()
	return tonumber(call('HGET', state, 'quiet') or 'inf')
end

-- The last entry that they may be about. Such entries are due when they have ended.
local function newest_before()
	return tonumber(call('HGET', state, 'newest') or 'inf')
end

-- Until when no entry at all may be leased.
local function shut_until()
	return newest_before() < math.huge and 0 or quiet_until()
end

local function token_now()
	local last = tonumber(call('HGET', state, 'token') or 0)
	local token = whole(math.max(now, last + 1, ask.floor + 1))
	call('HSET', state, 'token', token)
	return token
end

-- `lease`: what `held` keeps. Returns its token.
local function hold(lease)
	local token = token_now()
	local rows = {}
	for i, number in ipairs(lease.entries) do
		rows[2 * i - 1], rows[2 * i] = number, 'l' .. token
	end
	call('HSET', entries, unpack(rows))
	call('ZADD', leases, whole(now + ask.seconds * 1000000), token)
	call('HSET', held, token, cjson.encode(lease))
	return token
end

-- Epoch seconds, or nil.
local function next_due()
	local times = {}
	if limits_left() > 0 then
		if call('ZCARD', ready) > 0 then
			times[1] = math.floor(now / 1000000)
		else
			local first = call('ZRANGE', later, 0, 0, 'WITHSCORES')[2]
			times[1] = first and math.ceil(tonumber(first) / 1000000)
		end
	end
	local ends = call('ZRANGE', leases, 0, 0, 'WITHSCORES')[2]
	times[#times + 1] = ends and math.ceil(tonumber(ends) / 1000000)
	local shut = shut_until()
	if #times == 0 or shut == math.huge then
		return nil
	end
	return math.max(math.min(unpack(times)), shut > now and math.ceil(shut / 1000000) or 0)
end

-- Tells all processes where something may be taken earlier than it could `before`.
local function wake(before)
	local after = next_due()
	if after and (not before or after < before) then
		call('PUBLISH', ask.wake, whole(after))
	end
end
