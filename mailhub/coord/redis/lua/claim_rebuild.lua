-- `server`: this server's run id. `quiet`: seconds. Returns the claim, or '' for no.
local claim = call('HGET', state, 'claim')
if claim == 'over' then
	return ''
end
if claim and tonumber(call('HGET', state, 'patience')) > now then
	return ''
end
if not claim then
	call('HSET', state, 'quiet', whole(now + ask.quiet * 1000000))
end
claim = token_now()
call('HSET', state, 'server', ask.server, 'claim', claim)
call('HSET', state, 'patience', whole(now + ask.patience * 1000000))
return claim
