-- How long the meta outlives the publications, in milliseconds: a day.
local metaExtraMs = 86400000
-- Most publications that are dropped at once because they have expired: some milliseconds of Redis' time.
local mostDropped = 1000
-- Most generations whose beginnings are remembered.
local mostGenerations = 32

local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)

-- What identifies the history of this server: another one after a restart and after every change of the primary.
-- What an earlier one had accepted may not have come here.
local lineage = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)') or ''

-- Offsets are exact to 2^53; Lua would write large ones in scientific notation.
local function digits(number)
  return string.format('%.0f', number)
end

-- The meta: offset, the newest; generations, as "epoch start epoch start …", the present one last; lineage, of the
-- last append; untilMs, when the last publication expires; dueMs, before which none does.
local meta = redis.call('HMGET', KEYS[1], 'offset', 'generations', 'lineage', 'untilMs', 'dueMs')
local offset = tonumber(meta[1] or '0')
local generations = meta[2] or ''
local untilMs = tonumber(meta[4] or '0')
local dueMs = tonumber(meta[5] or '0')
local isNewGeneration = meta[3] ~= lineage

if not meta[1] then
  -- Without its meta nobody knows where the stream has been.
  redis.call('DEL', KEYS[2])
end
if isNewGeneration then
  -- What the earlier lineage told beyond the present offset is lost, so its offsets will mean something else: positions
  -- of an earlier epoch are good up to here.
  local name = redis.sha1hex(lineage .. time[1] .. '.' .. time[2] .. KEYS[1])
  local added = string.sub(name, 1, 16) .. ' ' .. digits(offset + 1)
  generations = generations == '' and added or generations .. ' ' .. added
  local _, words = string.gsub(generations, '%S+', '')
  if words > 2 * mostGenerations then
    generations = string.gsub(generations, '^%S+ %S+ ', '')
  end
end
local epoch = string.match(generations, '(%x+) %d+$')

-- The first entry from an offset on, and when it expires. What another program has put there lives as long as the rest.
local function entryFrom(number)
  local entry = redis.call('XRANGE', KEYS[2], digits(number), '+', 'COUNT', 1)[1]
  if entry then
    return tonumber(string.match(entry[1], '^%d+')), tonumber(entry[2][4]) or untilMs
  end
end

-- Where more has expired than can be dropped at once: the first that has not.
local oldest = nil

-- Drops what has expired, and answers whether it looked. No publication expires before an older one (`publish.lua` sees to
-- that), so that the first one which has not expired is found in a few steps, however many have.
local function dropExpired()
  if nowMs < dueMs or untilMs == 0 then
    return false
  end
  dueMs = untilMs
  local first = entryFrom(0)
  local low = first
  local high = offset + 1
  local step = 1
  while low and low < high do
    -- Below `low` all has expired, from `high` on nothing has.
    -- As a rule few have expired.
    local middle = math.min(low + step - 1, math.floor((low + high) / 2))
    local found, expiresMs = entryFrom(middle)
    if found and expiresMs <= nowMs then
      low = found + 1
      step = 2 * step
    else
      high = middle
      dueMs = found and expiresMs or dueMs
    end
  end
  if not low or low > offset then
    redis.call('DEL', KEYS[2])
  elseif low - first <= mostDropped then
    redis.call('XTRIM', KEYS[2], 'MINID', '=', digits(low))
  else
    redis.call('XTRIM', KEYS[2], 'MINID', '=', digits(first + mostDropped))
    oldest = low
    -- The next publication or reader goes on.
    dueMs = 0
  end
  return true
end

local function writeMeta(expiresMs)
  redis.call('HSET', KEYS[1], 'offset', offset, 'generations', generations, 'lineage', lineage,
    'untilMs', untilMs, 'dueMs', dueMs)
  redis.call('PEXPIREAT', KEYS[1], expiresMs + metaExtraMs)
end
