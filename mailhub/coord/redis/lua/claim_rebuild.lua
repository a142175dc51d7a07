-- `server`: this server's run id. `quiet`: seconds. Returns the claim, or '' for no.
local claim = call('HGET', state, 'claim')
if claim == 'over' then
	return ''
end
if claim and tonumber(call('HGET', state, 'patience')) > now then
	return ''
end
if not claim then
	-- What was put before now waits with the others: the claimer puts all that the store has.
	call('UNLINK', entries, waiting, ready, later)
	call('HSET', state, 'quiet', whole(now + ask.quiet * 1000000))
end
claim = token_now()
call('HSET', state, 'server', ask.server, 'claim', claim)
call('HSET', state, 'patience', whole(now + ask.patience * 1000000))
return claim
