-- Sends the requests of a file in turn and prints the outcome as one line of
-- JSON.  usage: wrk ... URL -- FILE [PAUSE]
--
-- FILE: one request per line, tab-separated: method, path, token, body; an
-- empty field is left out.  PAUSE: milliseconds between a response and the
-- next request of the same connection; without it there is no pause.

local threads = 0

function setup(thread)
    thread:set("number", threads)
    threads = threads + 1
end


function init(args)
    requests = {}

    for line in io.lines(args[1]) do
        local method, path, token, body =
            line:match("^([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)$")
        local headers = {}

        if token ~= "" then
            headers["Authorization"] = "Bearer " .. token
        end

        if body ~= "" then
            headers["Content-Type"] = "application/json"
        else
            body = nil
        end

        requests[#requests + 1] = wrk.format(method, path, headers, body)
    end

    -- the threads start at different places

    position = math.floor(number * #requests / 2)

    if args[2] then
        pause = tonumber(args[2])
        delay = function() return pause end
    end
end


function request()
    position = position % #requests + 1
    return requests[position]
end


function done(summary, latency, rates)
    local e = summary.errors

    io.write(string.format('{"requests":%d,"microseconds":%d,"bytes":%d,'
        .. '"p50":%d,"p99":%d,"max":%d,"status":%d,"connect":%d,"read":%d,'
        .. '"write":%d,"timeout":%d}\n',
        summary.requests, summary.duration, summary.bytes,
        latency:percentile(50), latency:percentile(99), latency.max,
        e.status, e.connect, e.read, e.write, e.timeout))
end
