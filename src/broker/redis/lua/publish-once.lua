#!lua
-- Publishes without history what has an id, unless the id is remembered.
--
-- KEYS[1] what is remembered of the publication's id
-- ARGV[1] PUBLISH or SPUBLISH
-- ARGV[2] channel
-- ARGV[3] payload
-- ARGV[4] how long to remember the id, in milliseconds
-- Returns {offset, epoch} of the first publication with this id; {0, ''}: it had no position, or this is the first.

-- include send

local first = redis.call('GET', KEYS[1])
if first then
  local offset, epoch = string.match(first, '^(%d+) (%x*)$')
  return { tonumber(offset), epoch }
end
permit('SET', KEYS[1], '')
send(ARGV[3])
redis.call('SET', KEYS[1], '0 ', 'PX', ARGV[4])
return { 0, '' }
