#include "io/api/recovery_route.h"

#include "core/base/limits.h"
#include "io/api/body.h"
#include "io/api/router.h"
#include "io/api/state_answers.h"
#include "io/auth/recovery_token.h"
#include "io/auth/secret.h"
#include "io/json/writer.h"

namespace patronus::api {
namespace {

struct RecoveryBody {
  std::string cluster_id;
  int64_t last_term = 0;
  int64_t last_index = 0;
};

bool shows(const http::Request& request, const std::string& token) {
  constexpr std::string_view kScheme = "Recovery ";
  const std::string* header = request.header("authorization");
  return header != nullptr && header->starts_with(kScheme) &&
         auth::equal_secret(std::string_view(*header).substr(kScheme.size()), token);
}

std::optional<Problem> refuse_beginning(const http::Request& request, const Node::Remains& remains) {
  std::variant<RecoveryBody, Problem> body = read_body<RecoveryBody>(
      request, limits::kOperatorBodyBytesMax, [](json::Fields& in, RecoveryBody& read) {
        read.cluster_id = in.required_string("cluster_id", {.bytes_max = 32});
        read.last_term = in.required_int("last_term", 0);
        read.last_index = in.required_int("last_index", 0);
      });
  if (auto* wrong = std::get_if<Problem>(&body)) return std::move(*wrong);
  if (!remains.is_lost) {
    return conflict("not_lost", "a leader was heard " + std::to_string(in_ms(remains.silence)) +
                                    " ms ago, or this node has not waited long enough for one");
  }
  if (!remains.is_settled)
    return Problem{409, "not_settled", "not all that this node has is on its disk yet", true, false, {}};
  const auto& wanted = std::get<RecoveryBody>(body);
  const bool same = wanted.cluster_id == remains.cluster_id.hex() &&
                    static_cast<uint64_t>(wanted.last_term) == remains.last_term.value &&
                    static_cast<uint64_t>(wanted.last_index) == remains.last_index.value;
  if (!same) return conflict("log_changed", "this node holds something else by now; look again");
  return std::nullopt;
}

}  // namespace

std::optional<Problem> refuse_recovery(const http::Request& request, const NodeId& self,
                                       const Node::Remains& remains, auth::Crypto& crypto) {
  if (!remains.cluster_id)
    return conflict("no_cluster", "this node belongs to no cluster, so there is nothing to go on from");
  const std::string cluster = remains.cluster_id.hex();
  const bool reads = is_read(request.method);
  const std::string token =
      reads ? auth::recovery_token(cluster, crypto)
            : auth::founding_token(cluster, self, remains.last_term.value, remains.last_index.value, crypto);
  if (!shows(request, token)) {
    return Problem{
        401,
        "unauthorized",
        "this needs the token that patronusctl node recover makes of the cluster secret, for just what this "
        "node holds now: Authorization: Recovery <token>",
        false,
        false,
        {}};
  }
  return reads ? std::nullopt : refuse_beginning(request, remains);
}

http::Response recovery_response(const NodeId& self, const Node::Remains& remains, bool begun) {
  std::string body;
  json::Writer out(body);
  out.begin_object().field("node", self).field("cluster_id", remains.cluster_id.hex());
  out.field("last_term", remains.last_term.value).field("last_index", remains.last_index.value);
  out.field("committed_index", remains.committed.value).field("voters", remains.voters);
  out.field("voter", remains.is_voter).field("lost", remains.is_lost);
  out.field("silence_ms", in_ms(remains.silence)).finish();
  return private_json(begun ? 202 : 200, std::move(body));
}

}  // namespace patronus::api
