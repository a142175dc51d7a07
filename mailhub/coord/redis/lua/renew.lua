-- `token`: in text.
reap()
if not call('ZSCORE', leases, ask.token) then
	return 0
end
call('ZADD', leases, whole(now + ask.seconds * 1000000), ask.token)
return 1
