#!lua flags=allow-oom
-- Answers a page of a subscription's history and its newest position. Writes where there is no history yet (a position
-- that is told must mean something later), where a new generation begins, where publications have expired, and where
-- the meta would be forgotten within half a day.
--
-- KEYS[1] meta of the history
-- KEYS[2] stream of the history
-- ARGV[1] epoch to continue from; empty: from the end of the stream
-- ARGV[2] offset to continue from, exclusive
-- ARGV[3] most publications
-- ARGV[4] 1: towards the oldest
-- ARGV[5] bytes of payloads at which a page ends
-- Returns {newest offset, generations, lost, {offset, payload, offset, payload, …}}: generations as in the meta, lost
-- is '', 'trimmed' or 'epoch'.

-- include history

if dropExpired() or isNewGeneration then
  writeMeta(math.max(untilMs, nowMs))
elseif redis.call('PTTL', KEYS[1]) < metaExtraMs / 2 then
  -- Somebody is interested: it is remembered for a day again.
  redis.call('PEXPIREAT', KEYS[1], math.max(untilMs, nowMs) + metaExtraMs)
end

local first = oldest and digits(oldest) or '-'
local isReverse = ARGV[4] == '1'
local from = isReverse and '+' or first
if ARGV[1] ~= '' then
  local since = tonumber(ARGV[2]) or -1
  -- Good up to where the generation after its own began; the present one up to the newest.
  local last = nil
  local isFound = false
  for name, start in string.gmatch(generations, '(%x+) (%d+)') do
    if isFound then
      last = tonumber(start) - 1
      break
    end
    isFound = name == ARGV[1]
  end
  if not isFound or since < 0 or since > (last or offset) then
    return { offset, generations, 'epoch', {} }
  end
  if not isReverse and since + 1 < (oldest or offset + 1 - redis.call('XLEN', KEYS[2])) then
    return { offset, generations, 'trimmed', {} }
  end
  if isReverse and since == 0 then
    return { offset, generations, '', {} }
  end
  -- Redis knows no exclusive end at 0-0; an id without its second part is the last of those that begin so.
  from = isReverse and digits(since - 1) or '(' .. digits(since)
end

local page = {}
local limit = tonumber(ARGV[3])
local bytesLeft = tonumber(ARGV[5])
local largest = 1
while limit > 0 and bytesLeft > 0 do
  -- Few at a time: what is too much for the page is copied in vain, and larger ones may follow small ones. (Eight take
  -- hardly longer, each, than hundreds.)
  local count = math.min(8, limit, math.floor(bytesLeft / largest) + 1)
  local entries
  if isReverse then
    entries = redis.call('XREVRANGE', KEYS[2], from, first, 'COUNT', count)
  else
    entries = redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', count)
  end
  for _, entry in ipairs(entries) do
    if bytesLeft > 0 then
      page[#page + 1] = tonumber(string.match(entry[1], '^%d+'))
      page[#page + 1] = entry[2][2]
      bytesLeft = bytesLeft - #entry[2][2]
      largest = math.max(largest, #entry[2][2])
    end
    from = '(' .. entry[1]
  end
  if #entries < count then
    break
  end
  limit = limit - count
end
return { offset, generations, '', page }
