#include "io/patronusctl/cluster.h"

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <system_error>

#include "core/base/limits.h"
#include "io/config/address.h"
#include "io/config/duration.h"
#include "io/json/json.h"
#include "io/patronusctl/exit_codes.h"

namespace patronus::ctl {
namespace {

constexpr std::string_view kDefaultEndpoint = "https://127.0.0.1:8443";
constexpr int64_t kRefreshEarlySeconds = 10;

// "https://host:port", or "host:port", which means HTTPS. What is sent must not be readable on the way.
std::optional<std::string> endpoint_fault(std::string& endpoint) {
  while (endpoint.ends_with('/')) endpoint.pop_back();
  if (endpoint.find("://") == std::string::npos) endpoint = "https://" + endpoint;
  const bool plain = endpoint.starts_with("http://");
  const std::string rest = endpoint.substr(endpoint.find("://") + 3);
  std::optional<Address> address = parse_address(rest);
  if (!address) address = parse_address(rest + ":443");
  if (!address || (!plain && !endpoint.starts_with("https://")))
    return "--endpoint '" + endpoint + "' is not an endpoint; use https://host:port";
  if (plain && !address->is_loopback())
    return "--endpoint '" + endpoint + "' would show the token to anyone on the way; use https://";
  return std::nullopt;
}

}  // namespace

std::string refresh_cookie_of(const HttpReply& reply) {
  constexpr std::string_view kName = "patronus_refresh=";
  for (const auto& [name, value] : reply.headers) {
    if (name != "set-cookie" || !value.starts_with(kName)) continue;
    const std::string rest = value.substr(kName.size());
    return rest.substr(0, rest.find(';'));
  }
  return {};
}

Cluster::Cluster(const Connection& connection)
    : endpoints_(connection.endpoints),
      ca_(connection.ca),
      token_(connection.token),
      token_is_given_(!connection.token.empty()),
      format_(connection.format),
      session_(load_session()) {
  if (endpoints_.empty() && session_) endpoints_ = session_->endpoints;
  if (endpoints_.empty()) endpoints_.emplace_back(kDefaultEndpoint);
  for (std::string& endpoint : endpoints_) {
    if (!fault_) fault_ = endpoint_fault(endpoint);
  }
  if (ca_.empty() && session_) ca_ = session_->ca;
  // It is kept with the session, which is used in other directories too.
  std::error_code ignored;
  if (!ca_.empty()) ca_ = std::filesystem::absolute(ca_, ignored).string();
  if (session_ && !is_of(*session_)) session_.reset();
  if (token_.empty() && session_) token_ = session_->access_token;
  const std::optional<Duration> timeout = parse_duration(connection.timeout);
  const bool in_range =
      timeout && *timeout >= std::chrono::milliseconds(1) && *timeout <= limits::kCtlTimeoutMax;
  if (!in_range && !fault_)
    fault_ = "--timeout '" + connection.timeout + "' is not a duration of 1ms to 10m; use for example 10s";
  http_.emplace(ca_, in_range ? *timeout : std::chrono::seconds(10));
}

bool Cluster::is_of(const StoredSession& session) const {
  const auto& known = session.endpoints;
  const bool all_known = std::all_of(endpoints_.begin(), endpoints_.end(), [&](const std::string& one) {
    return std::find(known.begin(), known.end(), one) != known.end();
  });
  const bool all_proven = !ca_.empty() && ca_ == session.ca &&
                          std::all_of(endpoints_.begin(), endpoints_.end(),
                                      [](const std::string& one) { return one.starts_with("https://"); });
  return all_known || all_proven;
}

HttpReply Cluster::ask_at(const std::string& endpoint, const Question& question) {
  HttpRequest request;
  request.method = question.method;
  request.url = endpoint + question.path;
  request.headers = question.headers;
  request.headers.emplace_back("User-Agent: patronusctl");
  if (question.with_token && !token_.empty()) request.headers.push_back("Authorization: Bearer " + token_);
  if (question.body) {
    request.headers.push_back("Content-Type: " + question.content_type);
    request.body = *question.body;
  }
  request.has_body = question.body.has_value() || question.method == "POST";
  HttpReply reply = http_->ask(request);
  if (reply.status == 0) reply.error = endpoint + " does not answer: " + reply.error;
  return reply;
}

HttpReply Cluster::ask_all(const std::vector<std::string>& endpoints, const Question& question) {
  const bool repeats = question.method == "GET" || question.is_safe_to_repeat;
  HttpReply last;
  std::string errors;
  for (const std::string& endpoint : endpoints) {
    HttpReply reply = ask_at(endpoint, question);
    if (reply.status == 0) {
      errors += (errors.empty() ? "" : "; ") + reply.error;
      const bool may_have_been_done = reply.was_sent && !repeats;
      if (last.status == 0) last = std::move(reply);
      last.error = errors;
      if (may_have_been_done) {
        last.error += "; the request may have been carried out, so no other endpoint was asked";
        return last;
      }
      continue;
    }
    const picojson::value problem = json_of(reply);
    const bool elsewhere = reply.status == 503 && problem.contains("retryable") &&
                           (repeats || text_of(problem, "maybe_applied") == "false");
    if (!elsewhere) return reply;
    last = std::move(reply);
  }
  return last;
}

// With a token that has expired, or was refused, the session is refreshed and the question asked once more.
HttpReply Cluster::ask_as_user(const std::vector<std::string>& endpoints, const Question& question) {
  const bool renews = question.with_token && !token_is_given_ && session_;
  if (renews && session_->expires_at - kRefreshEarlySeconds < std::time(nullptr)) (void)refresh();
  HttpReply reply = ask_all(endpoints, question);
  if (renews && reply.status == 401 && refresh()) reply = ask_all(endpoints, question);
  return reply;
}

HttpReply Cluster::ask(const Question& question) { return ask_as_user(endpoints_, question); }

HttpReply Cluster::ask_node(const std::string& address, const Question& question) {
  const bool plain = endpoints_.front().starts_with("http://");
  std::string endpoint = (plain ? "http://" : "https://") + address;
  if (const auto fault = endpoint_fault(endpoint)) {
    HttpReply reply;
    reply.error = *fault;
    return reply;
  }
  return ask_as_user({endpoint}, question);
}

bool Cluster::refresh() {
  Question question;
  question.method = "POST";
  question.path = "/api/v1/auth/refresh";
  question.headers = {"Cookie: patronus_refresh=" + session_->refresh_token};
  question.with_token = false;
  question.is_safe_to_repeat = true;  // the same cookie gives the same successor
  const HttpReply reply = ask_all(endpoints_, question);
  const picojson::value body = json_of(reply);
  const std::string cookie = refresh_cookie_of(reply);
  const picojson::value& life = body.get("expires_in");
  if (reply.status != 200 || !life.is<int64_t>() || cookie.empty()) return false;
  session_->access_token = text_of(body, "access_token");
  session_->refresh_token = cookie;
  session_->expires_at = std::time(nullptr) + life.get<int64_t>();
  token_ = session_->access_token;
  if (const auto fault = store_session(*session_)) print_warning(*fault);
  return true;
}

picojson::value json_of(const HttpReply& reply) {
  std::variant<picojson::value, json::Error> parsed =
      json::parse(reply.body, {.bytes_max = limits::kCtlAnswerBytesMax});
  auto* value = std::get_if<picojson::value>(&parsed);
  if (value != nullptr && value->is<picojson::object>()) return std::move(*value);
  return picojson::value(picojson::object());
}

std::string text_of(const picojson::value& object, const std::string& member) {
  if (!object.is<picojson::object>() || !object.contains(member)) return "-";
  const picojson::value& value = object.get(member);
  return value.is<picojson::null>() ? "-" : value.to_str();
}

bool is_true(const picojson::value& object, const std::string& member) {
  return text_of(object, member) == "true";
}

int explain(const HttpReply& reply) {
  if (reply.status == 0) {
    print_error(reply.error);
    return kError;
  }
  const picojson::value problem = json_of(reply);
  const std::string code = text_of(problem, "code");
  std::string line = problem.contains("detail") ? text_of(problem, "detail")
                                                : "the node answers " + std::to_string(reply.status);
  if (reply.status == 401) line += "; patronusctl login --email ADDRESS begins a session";
  if (const picojson::value& errors = problem.get("errors"); errors.is<picojson::array>()) {
    for (const picojson::value& one : errors.get<picojson::array>())
      line += "; " + text_of(one, "field") + " " + text_of(one, "reason");
  }
  print_error(line);
  const bool no_quorum = code == "no_leader" || code == "no_quorum" || code == "cannot_vouch" ||
                         code == "commit_unknown" || code == "not_taken_over";
  if (no_quorum) return kNoQuorum;
  if (reply.status == 401 || reply.status == 403) return kNotAllowed;
  if (reply.status == 409 || reply.status == 412) return kConflict;
  return kError;
}

void print_json(const HttpReply& reply) { print_line(reply.body); }

std::string escaped(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    const auto byte = static_cast<unsigned char>(c);
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    }
  }
  return out;
}

}  // namespace patronus::ctl
