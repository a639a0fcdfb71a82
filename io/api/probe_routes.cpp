#include "io/api/probe_routes.h"

#include <algorithm>
#include <charconv>

#include "core/base/limits.h"
#include "io/api/state_answers.h"
#include "io/json/writer.h"
#include "io/sdwan/probe_key.h"

namespace patronus::api {
namespace {

constexpr int64_t kMinutesDefault = 10;

std::optional<int64_t> minutes_of(const http::Request& request) {
  const std::string* text = request.param("minutes");
  if (text == nullptr) return kMinutesDefault;
  int64_t minutes = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), minutes);
  if (error != std::errc() || end != text->data() + text->size() || minutes < 1 ||
      minutes > limits::kSampleMinutesMax)
    return std::nullopt;
  return minutes;
}

void put_sample(json::Writer& out, const sdwan::Sample& sample) {
  out.begin_object().field("at", rfc3339(sample.at.unix_ms));
  if (sample.answered) {
    out.field("latency_ms", sample.latency_us / 1e3).field("jitter_ms", sample.jitter_us / 1e3);
  } else {
    out.key("latency_ms").null().key("jitter_ms").null();
  }
  out.field("packet_loss_pct", sample.loss_ppm / 1e4)
      .field("score", static_cast<unsigned>(sample.score))
      .end();
}

}  // namespace

std::optional<Problem> sample_minutes_fault(const http::Request& request) {
  if (minutes_of(request)) return std::nullopt;
  return Problem{400,
                 "bad_parameter",
                 "minutes is a whole number from 1 to " + std::to_string(limits::kSampleMinutesMax) +
                     ", not '" + *request.param("minutes") + "'",
                 false,
                 false,
                 {}};
}

http::Response path_metrics_response(const http::Request& request, const Tables& tables,
                                     const sdwan::Samples* samples, WallTime now, const Origin& origin) {
  const std::string& id = request.segments[3];
  const auto path = std::find_if(tables.paths().begin(), tables.paths().end(),
                                 [&](const auto& one) { return path_id(one.first) == id; });
  if (path == tables.paths().end())
    return problem_response({404, "not_found", "there is no such path", false, false, {}}, origin);
  const int64_t minutes = minutes_of(request).value_or(kMinutesDefault);
  std::string body;
  json::Writer out(body);
  out.begin_object().field("path", id).begin_array("samples");
  if (samples != nullptr) {
    for (const sdwan::Sample& sample : samples->since(path->first, WallTime{now.unix_ms - minutes * 60'000}))
      put_sample(out, sample);
  }
  out.finish();
  return private_json(200, std::move(body));
}

http::Response probe_key_response(const http::Request& request, const Tables& tables, auth::Crypto& crypto,
                                  const Origin& origin) {
  const Site* site = tables.site(request.segments[3]);
  if (site == nullptr)
    return problem_response({404, "not_found", "there is no such site", false, false, {}}, origin);
  return private_json(200, sdwan::probe_key_answer(*site, crypto));
}

}  // namespace patronus::api
