-- Makes sites, each with a name of its own: one thread, so that a count is enough. Arguments: a word for this run.
local count = 0
local word = ''
function init(args)
  word = args[1]
  wrk.method = 'POST'
  wrk.headers['Content-Type'] = 'application/json'
end
function request()
  count = count + 1
  return wrk.format(nil, nil, nil, string.format(
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
