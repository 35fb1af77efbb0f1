/** Scripts in Lua, as Redis runs them: each is done whole, with nothing in between. KEYS[1] is the only key. */

/** ARGV: what to hold, milliseconds. Takes a free key and returns nil; else what another holds. */
export const CLAIM = `
local held = redis.call('GET', KEYS[1])
if held then return held end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return false`;

/** ARGV: how what the owner holds begins, what to hold now, milliseconds. 0 when another holds the key. */
export const REPLACE = `
local held = redis.call('GET', KEYS[1])
if held and string.sub(held, 1, #ARGV[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`;

/** ARGV: how what the owner holds begins. */
export const RELEASE = `
local held = redis.call('GET', KEYS[1])
if held and string.sub(held, 1, #ARGV[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1`;

/** ARGV: milliseconds. Counts, and says when the window ends; a counter that lost its end gets a new one. */
export const COUNT = `
local current = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return {current, left}`;
