#!lua flags=allow-oom
-- Says that these members are still there, and removes those of whom nobody has said it.
--
-- KEYS[1] members, and how many of them each user has
-- KEYS[2] joins: connection ids in the order in which they came
-- KEYS[3] expiries: connection ids by when they expire, in milliseconds since 1970
-- ARGV[1] PUBLISH or SPUBLISH
-- ARGV[2] channel
-- ARGV[3] 1: removes who has expired
-- ARGV[4] owner
-- ARGV[5] how long they are believed from now on, in milliseconds
-- ARGV[6] connection id, and so on: up to some hundred, none where one only watches
-- Returns {members, 1 where more have expired, {ids that are unknown}, {ids that have another owner by now}}.

-- include send
-- include member
-- include expiry

local unknown, taken = {}, {}
local ttlMs = tonumber(ARGV[5])
local expiryMs = nowMs + ttlMs

-- Redis may have let go of one of the keys (eviction). Whoever is in another one is put into it again, to be refreshed or
-- to expire: so each is told to have left some time. Whose stored member is lost is entered again by who refreshes it.
local function restore()
  local function believe(id)
    redis.call('ZADD', KEYS[3], 'NX', expiryMs, id)
  end
  local isWhole = true
  if count() > redis.call('ZCARD', KEYS[3]) then
    isWhole = false
    for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
      if string.sub(field, 1, 1) == 'c' then
        believe(string.sub(field, 2))
      end
    end
  end
  if redis.call('ZCARD', KEYS[2]) ~= redis.call('ZCARD', KEYS[3]) then
    isWhole = false
    for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
      believe(id)
    end
    local number = nextJoin()
    for offset, id in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
      redis.call('ZADD', KEYS[2], 'NX', number + offset, id)
    end
  end
  if not isWhole then
    keep(ttlMs)
  end
end

restore()
for index = 6, #ARGV do
  local id = ARGV[index]
  local stored = memberOf(id)
  if not stored then
    unknown[#unknown + 1] = id
  elseif ownerOf(stored) == ARGV[4] then
    redis.call('ZADD', KEYS[3], expiryMs, id)
  else
    taken[#taken + 1] = id
  end
end
if #ARGV > 5 then
  keep(ttlMs)
end
local isMore = ARGV[3] == '1' and removeExpired()
-- Whose stored member is lost counts as well: the round is to come by again.
return { redis.call('ZCARD', KEYS[3]), isMore and 1 or 0, unknown, taken }
