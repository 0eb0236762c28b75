local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
-- Most members that are removed at once: some milliseconds of Redis' time.
local mostExpired = 1000

-- Removes members whose brokers have not refreshed them, and says so; answers whether there are more.
local function removeExpired()
  local ids = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', nowMs, 'LIMIT', 0, mostExpired)
  for _, id in ipairs(ids) do
    remove(id, memberOf(id))
  end
  return #ids == mostExpired
end

-- The number of the next one that joins.
local function nextJoin()
  local last = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')
  return (tonumber(last[2]) or 0) + 1
end

-- The keys outlive the members: whoever watches has told of their end by then.
local function keep(ttlMs)
  for _, key in ipairs(KEYS) do
    redis.call('PEXPIRE', key, 4 * ttlMs)
  end
end
