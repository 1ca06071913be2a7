-- What a new owner does first with a shard's stream: sees to its group, takes over what was handed to others and never
-- acknowledged, and removes those others. What too many owners did not live to acknowledge goes to the dead letters.
--
-- KEYS[1]  the stream
-- KEYS[2]  the stream of dead letters
-- ARGV     our name, how many deliveries are borne, how many dead letters are kept
-- Returns  the ids that are ours to see to
local stream, me, most = KEYS[1], ARGV[1], tonumber(ARGV[2])
local made = redis.pcall('XGROUP', 'CREATE', stream, 'owners', '0', 'MKSTREAM')
if type(made) == 'table' and made.err and not string.find(made.err, 'BUSYGROUP') then
    return made
end
local cursor = '0-0'
repeat
    cursor = redis.call('XAUTOCLAIM', stream, 'owners', me, 0, cursor, 'COUNT', 100)[1]
until cursor == '0-0'
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', stream, 'owners')) do
    if consumer[2] ~= me then
        redis.call('XGROUP', 'DELCONSUMER', stream, 'owners', consumer[2])
    end
end
local ids = {}
for _, entry in ipairs(redis.call('XPENDING', stream, 'owners', '-', '+', 1000, me)) do
    local id, deliveries = entry[1], entry[4]
    if deliveries > most then
        redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', 'stream', stream, 'id', id, 'deliveries', deliveries)
        redis.call('XACK', stream, 'owners', id)
        redis.call('XDEL', stream, id)
    else
        ids[#ids + 1] = id
    end
end
return ids
