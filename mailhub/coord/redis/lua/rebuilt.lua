-- `claim`: whose end this is. Another's, or one that was lost since, stays as it is.
if call('HGET', state, 'claim') ~= ask.claim then
	return 0
end
call('HSET', state, 'claim', 'over')
return 1
