-- Makes sites, each with a name of its own: one thread, so that a count is enough. Arguments: a word for this run; and, to
-- change sites in turn instead, a file with their ids, a line each.
local count = 0
local word = ''
local ids = {}
function init(args)
  word = args[1]
  wrk.method = 'POST'
  wrk.headers['Content-Type'] = 'application/json'
  if args[2] then
    wrk.method = 'PUT'
    for id in io.lines(args[2]) do ids[#ids + 1] = id end
  end
end
function request()
  count = count + 1
  local path = #ids > 0 and wrk.path .. '/' .. ids[1 + count % #ids] or nil
  return wrk.format(nil, path, nil, string.format(
    '{"name":"%s %d","endpoints":[{"address":"192.0.2.1:%d","interface_type":"fiber","cost_per_gb":0.5},{"address":"198.51.100.1:%d","interface_type":"lte","cost_per_gb":4}]}',
    word, count, 1 + count % 60000, 1 + count % 60000))
end
-- What wrk counted, as one line of JSON after its own report. Defines no hook per request, so it costs none.
function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %.6f, "bytes": %d, "p50_us": %.0f, "p99_us": %.0f, "max_us": %.0f, "status_errors": %d, "socket_errors": %d}\n',
    summary.requests, summary.duration / 1e6, summary.bytes, latency:percentile(50), latency:percentile(99),
    latency.max, errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
