//! The scripts that Redis runs. Each is applied as a whole, with no other command in between.

use redis::Script;

/// Sets a node alive. KEYS: nodes. ARGV: node, what describes it, key of its life, lease in ms.
const RENEW: &str = "
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('SET', ARGV[3], '1', 'PX', ARGV[4])
return 1";

/// Returns the nodes that are alive, and forgets the others. KEYS: nodes. ARGV: prefix of lives.
const NODES: &str = "
local alive = {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if redis.call('EXISTS', ARGV[1] .. all[i]) == 1 then
    alive[#alive + 1] = all[i]
    alive[#alive + 1] = all[i + 1]
  else
    redis.call('HDEL', KEYS[1], all[i])
  end
end
return alive";

/// Returns what is known of a room: its key, epoch, owner, what describes that, and the rest of its
/// lease in ms. KEYS: room, nodes. ARGV: prefix of lives.
const FIND: &str = "
local known = redis.call('HMGET', KEYS[1], 'key', 'epoch', 'owner')
if not known[2] then return {} end
local owner = known[3] or ''
local left = -2
if owner ~= '' then left = redis.call('PTTL', ARGV[1] .. owner) end
return {known[1], known[2], owner, redis.call('HGET', KEYS[2], owner) or '', left}";

/// Claims a room. KEYS: room, values, epochs, nodes. ARGV: key, node, replaced epoch, prefix of lives.
/// Returns 1 with what is known of its state, or 0 with its owner. The new epoch is the time in ms, so
/// that it is new even if Redis has lost the room.
const CLAIM: &str = "
local owner = redis.call('HGET', KEYS[1], 'owner')
local epoch = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0')
if owner and owner ~= '' then
  local left = redis.call('PTTL', ARGV[4] .. owner)
  if left > 0 and tonumber(ARGV[3]) ~= epoch then
    return {0, epoch, owner, redis.call('HGET', KEYS[4], owner) or '', left}
  end
end
local complete = redis.call('HGET', KEYS[1], 'complete') or '0'
if epoch > 0 then
  redis.call('HSET', KEYS[3], epoch, complete)
  if redis.call('HLEN', KEYS[3]) > 100 then
    local oldest = epoch
    for _, known in ipairs(redis.call('HKEYS', KEYS[3])) do
      oldest = math.min(oldest, tonumber(known))
    end
    redis.call('HDEL', KEYS[3], oldest)
  end
end
local now = redis.call('TIME')
epoch = math.max(epoch + 1, now[1] * 1000 + math.floor(now[2] / 1000))
redis.call('HSET', KEYS[1], 'key', ARGV[1], 'epoch', epoch, 'owner', ARGV[2], 'complete', complete, 'newest', 0)
for i = 1, 3 do redis.call('PERSIST', KEYS[i]) end
return {1, epoch, complete, redis.call('HGETALL', KEYS[2]), redis.call('HGETALL', KEYS[3])}";

/// Records commits. KEYS: room, values. ARGV: epoch, newest and complete commit, number of values, then
/// names and values, then names that are forgotten. Returns 0 if the epoch is over. A record that comes
/// late, from a connection that was lost, is ignored: the next one has its changes.
const APPEND: &str = "
local known = redis.call('HMGET', KEYS[1], 'epoch', 'owner', 'newest')
if known[1] ~= ARGV[1] or not known[2] or known[2] == '' then return 0 end
if tonumber(known[3] or '0') > tonumber(ARGV[2]) then return 1 end
local last = 4 + 2 * tonumber(ARGV[4])
for i = 5, last, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
for i = last + 1, #ARGV do redis.call('HDEL', KEYS[2], ARGV[i]) end
redis.call('HSET', KEYS[1], 'newest', ARGV[2], 'complete', ARGV[3])
return 1";

/// Gives a room up. KEYS: room, values, epochs. ARGV: epoch, time in ms for which its state is kept.
const RELEASE: &str = "
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'owner', '')
for i = 1, 3 do redis.call('PEXPIRE', KEYS[i], ARGV[2]) end
return 1";

pub(crate) struct Scripts {
    pub(crate) renew: Script,
    pub(crate) nodes: Script,
    pub(crate) find: Script,
    pub(crate) claim: Script,
    pub(crate) append: Script,
    pub(crate) release: Script,
}

impl Default for Scripts {
    fn default() -> Self {
        Scripts {
            renew: Script::new(RENEW),
            nodes: Script::new(NODES),
            find: Script::new(FIND),
            claim: Script::new(CLAIM),
            append: Script::new(APPEND),
            release: Script::new(RELEASE),
        }
    }
}
