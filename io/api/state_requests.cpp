#include "io/api/state_requests.h"

#include <algorithm>
#include <charconv>

#include "core/base/hash.h"
#include "core/base/limits.h"
#include "io/api/batch_request.h"
#include "io/api/member_routes.h"
#include "io/api/operator_routes.h"
#include "io/json/base64.h"

namespace patronus::api {
namespace {

using Outcome = std::variant<Understood, Problem>;

Problem bad_request(std::string_view code, std::string detail) {
  return {400, code, std::move(detail), false, false, {}};
}
Problem invalid(std::string_view code, std::string detail) {
  return {422, code, std::move(detail), false, false, {}};
}

std::optional<uint64_t> number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

Outcome understand_get(const http::Request& request) {
  Problem problem;
  ClientRead read;
  read.query = GetQuery{request.segments[3], request.segments[4]};
  Asked asked{Route::kStateKey, request.method, false, false, request.segments[4], {}, {}};
  if (!only_parameters(request, {"consistency", "min_revision", "meta"}, problem)) return problem;
  if (!read_conditions(request, read, problem)) return problem;
  const std::optional<bool> meta = flag(request, "meta", problem);
  if (!meta) return problem;
  asked.meta = *meta;
  if (const std::string* none = request.header("if-none-match")) asked.if_none_match = *none;
  return Understood{std::move(read), std::move(asked)};
}

Outcome understand_put(const http::Request& request, const Caller& caller) {
  Problem problem;
  if (!only_parameters(request, {"redirect"}, problem)) return problem;
  ClientWrite write;
  PutOp put{request.segments[3], request.segments[4], Blob(request.body), "application/octet-stream",
            std::nullopt};
  if (const std::string* type = request.header("content-type")) put.content_type = *type;
  if (put.content_type.size() > limits::kContentTypeBytesMax) {
    return invalid("invalid_content_type", "a content type has at most " +
                                               std::to_string(limits::kContentTypeBytesMax) + " characters");
  }
  if (put.value.size() > limits::kValueBytesMax) {
    return Problem{413,
                   "value_too_large",
                   "a value has at most " + std::to_string(limits::kValueBytesMax) + " bytes, this one " +
                       std::to_string(put.value.size()),
                   false,
                   false,
                   {}};
  }
  if (!write_conditions(request, put.expected, problem) ||
      !idempotency(request, caller.user, write.idempotency, problem)) {
    return problem;
  }
  write.op = std::move(put);
  write.authority = Authority{caller.session, caller.user, UserRole::kOperator};
  return Understood{std::move(write),
                    Asked{Route::kStateKey, request.method, false, false, request.segments[4], {}, {}}};
}

Outcome understand_delete(const http::Request& request, const Caller& caller) {
  Problem problem;
  if (!only_parameters(request, {"redirect"}, problem)) return problem;
  ClientWrite write;
  DeleteOp op{request.segments[3], request.segments[4], std::nullopt};
  if (!write_conditions(request, op.expected, problem) ||
      !idempotency(request, caller.user, write.idempotency, problem)) {
    return problem;
  }
  write.op = std::move(op);
  write.authority = Authority{caller.session, caller.user, UserRole::kOperator};
  return Understood{std::move(write),
                    Asked{Route::kStateKey, request.method, false, false, request.segments[4], {}, {}}};
}

Outcome understand_list(const http::Request& request) {
  Problem problem;
  ClientRead read;
  if (!only_parameters(request, {"consistency", "min_revision", "prefix", "limit", "cursor", "keys_only"},
                       problem) ||
      !read_conditions(request, read, problem)) {
    return problem;
  }
  ListQuery query{request.segments[3], "", "", limits::kListItemsDefault, false};
  if (const std::string* prefix = request.param("prefix")) query.prefix = *prefix;
  if (!is_page(request, problem)) return problem;
  query.limit = page_limit(request).value_or(limits::kListItemsDefault);
  if (const std::string* cursor = request.param("cursor")) {
    const std::optional<std::string> key = json::base64_decode(*cursor);
    if (!key || key_fault(*key))
      return bad_request("bad_parameter", "cursor is not one that a list returned");
    query.after_key = *key;
  }
  const std::optional<bool> keys_only = flag(request, "keys_only", problem);
  if (!keys_only) return problem;
  query.keys_only = *keys_only;
  read.query = std::move(query);
  Asked asked{Route::kStateList, request.method, false, *keys_only, {}, {}, {}};
  return Understood{std::move(read), std::move(asked)};
}

Outcome understand_batch(const http::Request& request, const Caller& caller) {
  Problem problem;
  if (!only_parameters(request, {"redirect"}, problem)) return problem;
  const std::string* type = request.header("content-type");
  if (type == nullptr || !(type->starts_with("application/json"))) {
    return Problem{415, "unsupported_media_type", "a batch is sent as application/json", false, false, {}};
  }
  ClientWrite write;
  Asked asked{Route::kStateBatch, request.method, false, false, {}, {}, {}};
  std::variant<BatchOp, Problem> batch = read_batch(request.segments[3], request.body, asked.compares);
  if (auto* wrong = std::get_if<Problem>(&batch)) return std::move(*wrong);
  if (!idempotency(request, caller.user, write.idempotency, problem)) return problem;
  write.op = std::move(std::get<BatchOp>(batch));
  write.authority = Authority{caller.session, caller.user, UserRole::kOperator};
  return Understood{std::move(write), std::move(asked)};
}

Outcome understand_history(const http::Request& request) {
  Problem problem;
  ClientRead read;
  read.query = HistoryQuery{};
  read.consistency = Consistency::kStale;
  if (!only_parameters(request, {"consistency", "min_revision"}, problem) ||
      !read_conditions(request, read, problem)) {
    return problem;
  }
  return Understood{std::move(read), Asked{Route::kClusterHistory, request.method, false, false, {}, {}, {}}};
}

}  // namespace

bool read_conditions(const http::Request& request, ClientRead& read, Problem& problem) {
  if (const std::string* text = request.param("consistency")) {
    if (*text != "linearizable" && *text != "stale") {
      problem = bad_request("bad_parameter", "consistency is linearizable or stale, not '" + *text + "'");
      return false;
    }
    read.consistency = *text == "stale" ? Consistency::kStale : Consistency::kLinearizable;
  }
  if (const std::string* text = request.param("min_revision")) {
    const std::optional<uint64_t> revision = number(*text);
    if (!revision) {
      problem = bad_request("bad_parameter", "min_revision is a revision number, not '" + *text + "'");
      return false;
    }
    read.min_revision = Index{*revision};
  }
  return true;
}

std::optional<size_t> page_limit(const http::Request& request) {
  const std::string* text = request.param("limit");
  if (text == nullptr) return limits::kListItemsDefault;
  const std::optional<uint64_t> limit = number(*text);
  if (!limit || *limit == 0 || *limit > limits::kListItemsMax) return std::nullopt;
  return static_cast<size_t>(*limit);
}

bool is_page(const http::Request& request, Problem& problem) {
  if (page_limit(request)) return true;
  problem = bad_request("bad_parameter", "limit is 1 to " + std::to_string(limits::kListItemsMax) +
                                             ", not '" + *request.param("limit") + "'");
  return false;
}

bool idempotency(const http::Request& request, const std::string& user, std::optional<IdempotencyKey>& out,
                 Problem& problem) {
  const std::string* key = request.header("idempotency-key");
  if (key == nullptr) return true;
  const bool printable = std::all_of(key->begin(), key->end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (key->empty() || key->size() > limits::kIdempotencyKeyBytesMax || !printable) {
    problem = bad_request("bad_header", "Idempotency-Key has 1 to " +
                                            std::to_string(limits::kIdempotencyKeyBytesMax) +
                                            " visible ASCII characters");
    return false;
  }
  // Whatever makes it another request makes another hash, and so a refusal instead of a wrong answer.
  uint64_t hash = hash64(request.method_name);
  hash = hash64(request.target, hash);
  hash = hash64(request.body, hash);
  for (const std::string_view name : {"content-type", "if-match", "if-none-match"}) {
    const std::string* value = request.header(name);
    hash = hash64(value == nullptr ? std::string_view() : std::string_view(*value),
                  hash + (value == nullptr ? 0 : 1));
  }
  out = IdempotencyKey{user, *key, hash};
  return true;
}

bool write_conditions(const http::Request& request, Expected& expected, Problem& problem) {
  const std::string* match = request.header("if-match");
  const std::string* none = request.header("if-none-match");
  if (match != nullptr && none != nullptr) {
    problem = bad_request("bad_header", "If-Match and If-None-Match exclude each other");
    return false;
  }
  if (match != nullptr) {
    std::string_view text = *match;
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
    const std::optional<uint64_t> revision = number(text);
    if (!revision || *revision == 0) {
      problem =
          bad_request("bad_header", "If-Match takes one mod_revision such as \"17\", not '" + *match + "'");
      return false;
    }
    expected = Index{*revision};
  }
  if (none != nullptr) {
    if (*none != "*") {
      problem =
          bad_request("bad_header", "If-None-Match of a write takes * only: the key must not exist yet");
      return false;
    }
    expected = Index{0};
  }
  return true;
}

std::optional<bool> flag(const http::Request& request, std::string_view name, Problem& problem) {
  const std::string* text = request.param(name);
  if (text == nullptr || *text == "0" || *text == "false") return false;
  if (*text == "1" || *text == "true" || text->empty()) return true;
  problem = bad_request("bad_parameter", std::string(name) + " is 1 or 0, not '" + *text + "'");
  return std::nullopt;
}

bool only_parameters(const http::Request& request, std::initializer_list<std::string_view> known,
                     Problem& problem) {
  for (size_t i = 0; i < request.query.size(); ++i) {
    const std::string& name = request.query[i].name;
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      std::string list;
      for (const std::string_view one : known) list += (list.empty() ? "" : ", ") + std::string(one);
      problem = bad_request("unknown_parameter",
                            "unknown parameter '" + name + "'; " +
                                (list.empty() ? "there are none here" : "known here: " + list));
      return false;
    }
    for (size_t j = 0; j < i; ++j) {
      if (request.query[j].name != name) continue;
      problem = bad_request("bad_parameter", "parameter '" + name + "' is given twice");
      return false;
    }
  }
  return true;
}

Outcome understand(Route route, const http::Request& request, const Caller& caller) {
  if (route == Route::kClusterHistory) return understand_history(request);
  if (route == Route::kClusterNodes) return understand_add_node(request, caller);
  if (route == Route::kClusterNode) return understand_remove_node(request, caller);
  if (route == Route::kReinit) return understand_reinit(request, caller);
  if (route == Route::kForceElection) return understand_force_election(request, caller);
  if (const std::optional<std::string> fault = namespace_fault(request.segments[3])) {
    const bool system = request.segments[3].starts_with('_');
    return Problem{
        system ? 403 : 422, system ? "system_namespace" : "invalid_namespace", *fault, false, false, {}};
  }
  if (route == Route::kStateKey) {
    if (const std::optional<std::string> fault = key_fault(request.segments[4]))
      return invalid("invalid_key", *fault);
  }
  switch (route) {
    case Route::kStateList:
      return understand_list(request);
    case Route::kStateBatch:
      return understand_batch(request, caller);
    default:
      break;
  }
  switch (request.method) {
    case http::Method::kPut:
      return understand_put(request, caller);
    case http::Method::kDelete:
      return understand_delete(request, caller);
    default:
      return understand_get(request);
  }
}

}  // namespace patronus::api
