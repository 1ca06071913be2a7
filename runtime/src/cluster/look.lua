-- One look at an installation's leases, in one round trip: who is there, which of ours are still ours, which are free.
--
-- KEYS[1]  the set of members
-- ARGV     the keys' prefix, our name, the life of a lease in ms, whether we take part, whether to renew, whether to
--          claim, a token for what is claimed, the number of shards, then for each shard the token we hold it by or ''
-- Returns  the number of members, the fair share, the ms until the first lease of others lapses (or -1), and a letter
--          for each shard: m(ine still), l(ost), n(ew), - (not ours)
local prefix, me, ttl = ARGV[1], ARGV[2], ARGV[3]
local takes_part, renew, claim = ARGV[4] == '1', ARGV[5] == '1', ARGV[6] == '1'
local token, shards = ARGV[7], tonumber(ARGV[8])

-- Membership lapses together with the leases that are renewed with it. Whoever was not known claims at the next look:
-- after a loss of all data the others have said by then that they are there, too.
local key = prefix .. 'member:' .. me
local known = redis.call('EXISTS', key) == 1
if not takes_part then
    redis.call('DEL', key)
    redis.call('SREM', KEYS[1], me)
elseif renew or not known then
    redis.call('SET', key, '', 'PX', ttl)
    redis.call('SADD', KEYS[1], me)
end
local members = 0
for _, member in ipairs(redis.call('SMEMBERS', KEYS[1])) do
    if redis.call('EXISTS', prefix .. 'member:' .. member) == 1 then
        members = members + 1
    else
        redis.call('SREM', KEYS[1], member)
    end
end
local share = 0
if takes_part then
    share = math.ceil(shards / members)
end

local letters, free, held, lapses = {}, {}, 0, -1
for shard = 0, shards - 1 do
    local lease, ours = prefix .. 'lease:' .. shard, ARGV[9 + shard]
    local holder = redis.call('GET', lease)
    letters[shard + 1] = '-'
    if ours ~= '' and holder == ours then
        if renew then
            redis.call('PEXPIRE', lease, ttl)
        end
        held = held + 1
        letters[shard + 1] = 'm'
    elseif ours ~= '' then
        letters[shard + 1] = 'l'
    elseif not holder then
        free[#free + 1] = shard
    elseif string.sub(holder, 1, #me + 1) == me .. ':' then
        -- Claimed by us, but we never heard so, or have given it up since: nobody holds it.
        redis.call('DEL', lease)
    else
        local left = redis.call('PTTL', lease)
        if left >= 0 and (lapses < 0 or left < lapses) then
            lapses = left
        end
    end
end
if takes_part and known and claim then
    for _, shard in ipairs(free) do
        if held >= share then
            break
        end
        redis.call('SET', prefix .. 'lease:' .. shard, token, 'NX', 'PX', ttl)
        held = held + 1
        letters[shard + 1] = 'n'
    end
end
return { members, share, lapses, table.concat(letters) }
