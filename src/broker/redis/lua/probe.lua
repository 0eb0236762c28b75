#!lua
-- Proves that this server takes writes of ours, and publishes. On a replica, a server without memory or one that cannot
-- persist, Redis refuses the whole script.
--
-- KEYS[1] key of the probe; expires
-- ARGV[1] PUBLISH or SPUBLISH
-- ARGV[2] channel of the probe; in a cluster in the slot of the key
-- ARGV[3] token, also what is published
-- ARGV[4] how long the key lives, in milliseconds
-- Returns 1.
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
redis.call(ARGV[1], ARGV[2], ARGV[3])
return 1
