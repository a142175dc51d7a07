-- `claim`: the caller's. `newest`: the last entry, in text, that a lease from before may be about.
if call('HGET', state, 'claim') ~= ask.claim then
	return 0
end
local before = next_due()
call('HSET', state, 'newest', ask.newest)
wake(before)
return 1
