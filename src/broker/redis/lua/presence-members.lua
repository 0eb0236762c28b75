#!lua flags=allow-oom
-- Answers a page of the members in the order in which they came, and publishes a fence behind all that is in it.
--
-- KEYS[1] members, and how many of them each user has
-- KEYS[2] joins: connection ids in the order in which they came
-- KEYS[3] expiries: connection ids by when they expire, in milliseconds since 1970
-- ARGV[1] PUBLISH or SPUBLISH
-- ARGV[2] channel
-- ARGV[3] 1: first removes who has expired
-- ARGV[4] token of the fence; empty: none is published
-- ARGV[5] number of the last member of the page before, or 0
-- ARGV[6] most members
-- ARGV[7] bytes at which a page ends
-- Returns {number of the last member, or '' on the last page; stored member, …}.

-- include send
-- include member
-- include expiry

if ARGV[3] == '1' then
  removeExpired()
end
local page = { '' }
local limit = tonumber(ARGV[6])
local bytesLeft = tonumber(ARGV[7])
local joins = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ARGV[5], '+inf', 'WITHSCORES', 'LIMIT', 0, limit + 1)
for index = 1, #joins, 2 do
  if index > 2 * limit or bytesLeft <= 0 then
    page[1] = joins[index - 1]
    break
  end
  local stored = memberOf(joins[index])
  if stored then
    page[#page + 1] = stored
    bytesLeft = bytesLeft - #stored
  end
end
if ARGV[4] ~= '' then
  tell(fence, '\0' .. ARGV[4])
end
return page
