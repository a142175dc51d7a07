reap()
return call('HLEN', entries)
