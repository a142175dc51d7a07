-- `numbers`: in text, at least one. Returns those that are in a lease, as a JSON list (an
-- empty one comes as an empty object).
reap()
local found = {}
for i, row in ipairs(call('HMGET', entries, unpack(ask.numbers))) do
	if row and string.sub(row, 1, 1) == 'l' then
		found[#found + 1] = ask.numbers[i]
	end
end
return cjson.encode(found)
