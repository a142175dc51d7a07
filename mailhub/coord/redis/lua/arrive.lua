-- `server`: the run id of the server that a connection was made to. Another one than before may
-- have forgotten the newest leases (an old snapshot, a replica that lagged), so what it knows of
-- the schedule is worth nothing; back-offs and the last token do no harm. Returns whether the
-- schedule is known.
if call('HGET', state, 'server') ~= ask.server then
	call('UNLINK', entries, waiting, ready, later, busy, served, leases, held, marks)
	call('HDEL', state, 'claim', 'patience', 'quiet', 'newest')
	call('HSET', state, 'server', ask.server)
end
return call('HEXISTS', state, 'claim')
