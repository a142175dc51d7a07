-- `name`: the lane. `until`: epoch seconds.
reap()
local before = next_due()
local opens = ask['until'] * 1000000
call('ZREMRANGEBYSCORE', back_offs, '-inf', whole(now))
if opens > now then
	call('ZADD', back_offs, whole(opens), ask.name)
else
	call('ZREM', back_offs, ask.name)
end
place(ask.name)
wake(before)
return 1
