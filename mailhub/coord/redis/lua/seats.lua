-- KEYS[1]: how many of one thing each node has open. ARGV[1]: {me, count of mine, most or 0 for any
-- number, live: the other nodes as the caller knows them, sure: whether there is no other, keep in
-- seconds}. Who is unknown is counted, unless the caller is sure: then that one is dead, and goes.
-- Answers whether my count fits, then the counts of others and of unknown ones.
local ask = cjson.decode(ARGV[1])
local live = {}
for _, name in ipairs(ask.live) do
	live[name] = true
end
local others, unknown = 0, 0
local rows = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for i = 1, #rows, 2 do
	local name, count = rows[i], tonumber(rows[i + 1])
	if live[name] then
		others = others + count
	elseif name ~= ask.me and ask.sure then
		redis.call('ZREM', KEYS[1], name)
	elseif name ~= ask.me then
		unknown = unknown + count
	end
end
local fits = ask.most == 0 or ask.count + others + unknown <= ask.most
if ask.count == 0 then
	redis.call('ZREM', KEYS[1], ask.me)
elseif fits then
	redis.call('ZADD', KEYS[1], ask.count, ask.me)
	redis.call('EXPIRE', KEYS[1], ask.keep)
end
return {fits and 1 or 0, others, unknown}
