// What the probes of the node that is asked have measured of a path, and the key that a site's responder
// needs.
#pragma once

#include <optional>

#include "core/state/tables.h"
#include "io/api/problem.h"
#include "io/auth/crypto.h"
#include "io/protocol/http/message.h"
#include "io/sdwan/samples.h"

namespace patronus::api {

// The parameter `minutes` of the request: how far back samples go, from 1 to kSampleMinutesMax. Nothing is
// wrong with it, or this is.
[[nodiscard]] std::optional<Problem> sample_minutes_fault(const http::Request& request);

// GET /paths/{id}/metrics: {path,samples:[…]}, the oldest first; 404 if there is no such path. `samples` is
// null where nobody probes.
[[nodiscard]] http::Response path_metrics_response(const http::Request& request, const Tables& tables,
                                                   const sdwan::Samples* samples, WallTime now,
                                                   const Origin& origin);

// GET /sites/{id}/probe-key: as sdwan::probe_key_answer() says it; 404 if there is no such site.
[[nodiscard]] http::Response probe_key_response(const http::Request& request, const Tables& tables,
                                                auth::Crypto& crypto, const Origin& origin);

}  // namespace patronus::api
