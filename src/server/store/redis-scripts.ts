/**
 * The Lua scripts of the Redis store. Redis runs one at a time, whole: that is what makes a transition atomic, and the only
 * clock in it is Redis' own, so replicas whose clocks differ still agree.
 *
 * All keys begin with one hash tag, `{<prefix>}:`, and so lie in one slot. A *name* is `<kind>:<id>`.
 *
 *   r:<name>      hash: v the record as it came, h SHA-256 of its canonical form, g c s its owners; expires with the record
 *   all           sorted set of all names, in the order of their bytes
 *   g:<value>     the same for one grant; c: for one client, s: for one subject
 *   due           sorted set by expiry (ms since the epoch) of what the sets above hold for a record that will expire
 *   n:<key>       a counter
 *
 * A record is gone at exactly its expiry: Redis lets a key live until the clock is *past* its time, hence one less. The
 * sets may hold names of the dead for a while, so whoever reads a set asks the record. Each writing script sweeps a few.
 */
const COMMON = `
local prefix = ARGV[1]
local ALL, DUE = prefix .. 'all', prefix .. 'due'
local OWNERS = { 'g', 'c', 's' }
local function keyOf(name) return prefix .. 'r:' .. name end
local function setOf(owner, value) return prefix .. OWNERS[owner] .. ':' .. value end
local function ownersOf(name) return redis.call('HMGET', keyOf(name), 'g', 'c', 's') end
local function dueOf(name, owners)
  return cmsgpack.pack({ name, owners[1], owners[2], owners[3] })
end
local function exists(name) return redis.call('EXISTS', keyOf(name)) == 1 end
`;

/**
 * A transition. ARGV: prefix, then eight for each operation: verb, name, text, digest, ttl, and three owners, each empty or
 * "=" and its value. Returns nothing when a check failed, otherwise one answer for each operation.
 */
export const TRANSITION = `${COMMON}
local STRIDE, SWEPT = 8, 20
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function forget(name)
  local existed = exists(name)
  local owners = ownersOf(name)
  redis.call('ZREM', DUE, dueOf(name, owners))
  redis.call('ZREM', ALL, name)
  for owner = 1, 3 do
    if owners[owner] then redis.call('ZREM', setOf(owner, owners[owner]), name) end
  end
  redis.call('DEL', keyOf(name))
  return existed
end

local function remember(name, text, digest, owners, expiresAt)
  redis.call('HSET', keyOf(name), 'v', text, 'h', digest)
  redis.call('ZADD', ALL, 0, name)
  for owner = 1, 3 do
    if owners[owner] then
      redis.call('HSET', keyOf(name), OWNERS[owner], owners[owner])
      redis.call('ZADD', setOf(owner, owners[owner]), 0, name)
    end
  end
  if expiresAt then
    redis.call('ZADD', DUE, expiresAt, dueOf(name, owners))
    redis.call('PEXPIREAT', keyOf(name), expiresAt - 1)
  end
end

-- nil: has none, or there is no record
local function expiryOf(name)
  local left = redis.call('PTTL', keyOf(name))
  if left < 0 then return nil end
  return tonumber(redis.call('ZSCORE', DUE, dueOf(name, ownersOf(name)))) or now + left + 1
end

local function deleteGrant(name, grant)
  local count = 0
  for _, member in ipairs(redis.call('ZRANGE', setOf(1, grant), 0, -1)) do
    if ownersOf(member)[1] == grant and forget(member) then count = count + 1 end
  end
  if forget(name) then count = count + 1 end
  redis.call('DEL', setOf(1, grant))
  return count
end

-- A second late: this clock and the one that ends keys may differ by a moment.
local function sweep()
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', DUE, '-inf', now - 1000, 'LIMIT', 0, SWEPT)) do
    local due = cmsgpack.unpack(member)
    local owners = ownersOf(due[1])
    redis.call('ZREM', DUE, member)
    if not exists(due[1]) then redis.call('ZREM', ALL, due[1]) end
    for owner = 1, 3 do
      local value = due[owner + 1]
      -- The same id may have been put again since.
      if value and value ~= owners[owner] then redis.call('ZREM', setOf(owner, value), due[1]) end
    end
  end
end

local grows = false
for at = 2, #ARGV, STRIDE do
  local verb, name, digest = ARGV[at], ARGV[at + 1], ARGV[at + 3]
  if verb == 'check' and (redis.call('HGET', keyOf(name), 'h') or '') ~= digest then return false end
  if verb == 'checkExists' and not exists(name) then return false end
  if verb == 'put' then grows = true end
end

-- Changes nothing, but a Redis without memory refuses it: at the first write of a script it still can. Without it only
-- what deletes gets through, and that must: somebody is taking a right away.
if grows then redis.call('ZADD', DUE, 'XX', 0, '') end

local answers = {}
for at = 2, #ARGV, STRIDE do
  local verb, name, text, digest, ttl = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local answer = ''
  if verb == 'put' then
    local expiresAt
    if ttl == 'keep' then expiresAt = expiryOf(name)
    elseif ttl ~= '' then expiresAt = now + tonumber(ttl) end
    local owners = {}
    for owner = 1, 3 do
      local value = ARGV[at + 4 + owner]
      owners[owner] = value ~= '' and string.sub(value, 2)
    end
    forget(name)
    if not expiresAt or expiresAt > now then remember(name, text, digest, owners, expiresAt) end
  elseif verb == 'take' then
    answer = redis.call('HGET', keyOf(name), 'v') or ''
    forget(name)
  elseif verb == 'delete' then
    forget(name)
  elseif verb == 'deleteGrant' then
    answer = deleteGrant(name, text)
  end
  answers[#answers + 1] = answer
end
sweep()
return answers
`;

/**
 * A page. ARGV: prefix, set, kind, name to begin behind or nothing, limit, three wanted owners as above. Returns whether there
 * is more, then name and text in turn.
 */
export const PAGE = `${COMMON}
local set, kind, limit = prefix .. ARGV[2], ARGV[3], tonumber(ARGV[5])
local from = ARGV[4] == '' and '[' .. kind .. ':' or '(' .. ARGV[4]
local found = { 0 }
while true do
  local names = redis.call('ZRANGEBYLEX', set, from, '(' .. kind .. ';', 'LIMIT', 0, limit + 1)
  for _, name in ipairs(names) do
    local fields = redis.call('HMGET', keyOf(name), 'v', 'g', 'c', 's')
    local fits = fields[1]
    for owner = 1, 3 do
      local wanted = ARGV[5 + owner]
      if wanted ~= '' and wanted ~= '=' .. (fields[owner + 1] or '') then fits = false end
      if wanted ~= '' and not fields[owner + 1] then fits = false end
    end
    if fits then
      if #found > limit * 2 then
        found[1] = 1
        return found
      end
      found[#found + 1] = name
      found[#found + 1] = fields[1]
    end
  end
  if #names <= limit then return found end
  from = '(' .. names[#names]
end
`;

/** ARGV: prefix, key, milliseconds. Returns the count. */
export const INCREMENT = `
local key = ARGV[1] .. 'n:' .. ARGV[2]
local count = redis.call('INCR', key)
if count == 1 then redis.call('PEXPIRE', key, ARGV[3]) end
return count
`;
