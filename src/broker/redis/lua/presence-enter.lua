#!lua
-- Adds a member or replaces what is known of it, and tells where something has changed.
--
-- KEYS[1] members, and how many of them each user has
-- KEYS[2] joins: connection ids in the order in which they came
-- KEYS[3] expiries: connection ids by when they expire, in milliseconds since 1970
-- ARGV[1] PUBLISH or SPUBLISH
-- ARGV[2] channel
-- ARGV[3] connection id
-- ARGV[4] stored member
-- ARGV[5] how long it is believed, in milliseconds
-- Returns 0.

-- include send
-- include member
-- include expiry

permit('HSET', KEYS[1], 'c', '')
permit('ZADD', KEYS[2], 0, '')
permit('PEXPIRE', KEYS[1], 0)

local id, stored, ttlMs = ARGV[3], ARGV[4], tonumber(ARGV[5])
local known = memberOf(id)
if not known then
  tell(join, fieldsOf(stored))
elseif fieldsOf(known) ~= fieldsOf(stored) then
  tell(update, fieldsOf(stored))
end
redis.call('HSET', KEYS[1], 'c' .. id, stored)
redis.call('ZADD', KEYS[3], nowMs + ttlMs, id)
if not known then
  redis.call('ZADD', KEYS[2], nextJoin(), id)
end
local before, after = known and userOf(known), userOf(stored)
if before ~= after then
  countUser(before, -1)
  countUser(after, 1)
end
keep(ttlMs)
return 0
