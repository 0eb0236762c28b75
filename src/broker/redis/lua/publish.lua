#!lua
-- Appends a publication to its subscription's history and publishes it with its position, in one step.
--
-- KEYS[1] meta of the history
-- KEYS[2] stream of the history
-- KEYS[3] what is remembered of the publication's id; where it has none, the meta again
-- ARGV[1] PUBLISH or SPUBLISH
-- ARGV[2] channel
-- ARGV[3] payload, without a position: bare, or an envelope
-- ARGV[4] most publications to keep
-- ARGV[5] how long to keep this one, in milliseconds
-- ARGV[6] how long to remember its id, in milliseconds; 0: it has none
-- ARGV[7] when it was published, in milliseconds since 1970; absent or empty: nobody knows. Not kept.
-- Returns {offset, epoch}. Where the id is remembered nothing happens, and they are those of the first publication with
-- it; {0, ''} if that had no position.

if ARGV[6] ~= '0' then
  local first = redis.call('GET', KEYS[3])
  if first then
    local firstOffset, firstEpoch = string.match(first, '^(%d+) (%x*)$')
    return { tonumber(firstOffset), firstEpoch }
  end
end

-- include send
-- include history

permit('XADD', KEYS[2], '*', 'payload', '')
permit('PEXPIREAT', KEYS[2], 0)
permit('HSET', KEYS[1], 'offset', 0)
if ARGV[6] ~= '0' then
  permit('SET', KEYS[3], '')
end

-- 0xFF, version 1, publication; field 1, the position: offset in eight bytes, epoch; field 128, when it was published.
local position = '\255\1\1\1' .. string.char(8 + #epoch) .. struct.pack('>I8', offset + 1) .. epoch
if ARGV[7] and ARGV[7] ~= '' then
  position = position .. '\128\8' .. struct.pack('>I8', tonumber(ARGV[7]))
end
if string.byte(ARGV[3], 1) == 255 then
  send(position .. string.sub(ARGV[3], 4))
else
  send(position .. '\0' .. ARGV[3])
end

dropExpired()
offset = offset + 1
-- It is kept as long as an older one is.
local expiresMs = nowMs + tonumber(ARGV[5])
if redis.call('XLEN', KEYS[2]) == 0 then
  untilMs, dueMs = expiresMs, expiresMs
else
  untilMs = math.max(untilMs, expiresMs)
end
redis.call('XADD', KEYS[2], 'MAXLEN', '=', ARGV[4], digits(offset) .. '-0', 'payload', ARGV[3], 'expires', untilMs)
redis.call('PEXPIREAT', KEYS[2], untilMs)
writeMeta(untilMs)
if ARGV[6] ~= '0' then
  redis.call('SET', KEYS[3], digits(offset) .. ' ' .. epoch, 'PX', ARGV[6])
end
return { offset, epoch }
