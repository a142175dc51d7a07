-- `token`: in text. `again`: as the slots of `put`; those that are not of this lease are ignored.
reap()
local text = call('HGET', held, ask.token)
if not text then
	return 0
end
local before = next_due()
local stay = {}
for _, slot in ipairs(ask.again) do
	stay[slot[1]] = waits(slot[2], slot[3])
end
settle(ask.token, cjson.decode(text), stay, false)
wake(before)
return 1
