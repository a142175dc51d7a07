-- `claim`: whose end this is. Another's, or one that was lost since, stays as it is. `at_once`:
-- leases from before are of nothing that is in the store now.
if call('HGET', state, 'claim') ~= ask.claim then
	return 0
end
local before = next_due()
call('HSET', state, 'claim', 'over')
if ask.at_once then
	call('HSET', state, 'quiet', whole(now))
	wake(before)
end
return 1
