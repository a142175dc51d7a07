-- Epoch seconds in text, or '' for never.
reap()
local due = next_due()
return due and whole(due) or ''
