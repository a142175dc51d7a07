-- Tries every command that mailhub uses on KEYS[1], which nobody uses and which is gone again
-- afterwards. ARGV[1]: {channel to publish on}. Returns those that this user may not run.
-- Servers say it in different words: 6 and 7 as below, later ones with NOPERM.
local key = KEYS[1]
local channel = cjson.decode(ARGV[1]).channel
local refused = {}
for _, words in ipairs({
	{ 'TIME' },
	{ 'PING' },
	{ 'SET', key, '1', 'EX', '10' },
	{ 'GET', key },
	{ 'TTL', key },
	{ 'EXPIRE', key, '10' },
	{ 'PEXPIRE', key, '10000' },
	{ 'DEL', key },
	{ 'HSET', key, 'field', '1' },
	{ 'HGET', key, 'field' },
	{ 'HMGET', key, 'field' },
	{ 'HEXISTS', key, 'field' },
	{ 'HLEN', key },
	{ 'HINCRBY', key, 'field', '1' },
	{ 'HDEL', key, 'field' },
	{ 'UNLINK', key },
	{ 'ZADD', key, '1', 'member' },
	{ 'ZCARD', key },
	{ 'ZSCORE', key, 'member' },
	{ 'ZRANGE', key, '0', '0' },
	{ 'ZRANGEBYLEX', key, '-', '+' },
	{ 'ZRANGEBYSCORE', key, '0', '1' },
	{ 'ZREMRANGEBYSCORE', key, '0', '0' },
	{ 'ZREM', key, 'member' },
	{ 'PUBLISH', channel, '' },
}) do
	local answer = redis.pcall(unpack(words))
	local said = type(answer) == 'table' and answer.err or ''
	if string.find(said, 'NOPERM') or string.find(said, "The user executing the script can't") then
		local on = string.find(said, 'channel') and ' on ' .. channel or ''
		refused[#refused + 1] = string.lower(words[1]) .. on
	end
end
return refused
