#include "io/auth/jwt.h"

#include <array>
#include <limits>

#include "core/base/limits.h"
#include "io/json/base64.h"
#include "io/json/fields.h"
#include "io/json/json.h"
#include "io/json/writer.h"

namespace patronus::auth {
namespace {

constexpr int64_t kMsPerSecond = 1000;

using Parts = std::array<std::string_view, 3>;  // header, payload, signature, still encoded

std::optional<Parts> split(std::string_view text) {
  Parts parts;
  const size_t first = text.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const size_t second = text.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  // A third dot ends up in the signature, which is then no base64url.
  parts = {text.substr(0, first), text.substr(first + 1, second - first - 1), text.substr(second + 1)};
  for (const std::string_view part : parts) {
    if (part.empty()) return std::nullopt;
  }
  return parts;
}

// The JSON in an encoded part, or the reason why there is none.
std::variant<picojson::value, std::string> read_part(std::string_view part, const std::string& what,
                                                     const json::ParseLimits& limits) {
  const std::optional<std::string> bytes = json::base64url_decode(part);
  if (!bytes) return "the token's " + what + " is not base64url without padding";
  auto parsed = json::parse(*bytes, limits);
  if (const auto* error = std::get_if<json::Error>(&parsed)) {
    return "the token's " + what + " is not JSON as it should be: " + error->reason;
  }
  return std::get<picojson::value>(std::move(parsed));
}

std::optional<std::string> complaint(const json::Fields& fields, const std::string& what) {
  if (fields.errors().empty()) return std::nullopt;
  const json::FieldError& error = fields.errors().front();
  return "the token's " + what + ": " + (error.field.empty() ? "it" : error.field) + " " + error.reason;
}

// Returns the reason why the header won't do, or sets `kid`.
std::optional<std::string> read_header(std::string_view part, std::string& kid) {
  const auto parsed = read_part(part, "header", {limits::kTokenBytesMax, 1, 8});
  if (const auto* reason = std::get_if<std::string>(&parsed)) return *reason;
  json::Fields header(std::get<picojson::value>(parsed));
  const std::string alg = header.required_string("alg");
  kid = header.required_string("kid", {1, limits::kTokenKeyIdBytesMax});
  const std::optional<std::string> typ = header.optional_string("typ");
  const bool has_typ = header.has("typ");  // null is not the same as absent here
  if (!header.finish()) return complaint(header, "header");
  if (alg != "EdDSA") return "the token's alg must be EdDSA";
  if (has_typ && typ != "JWT") return "the token's typ must be JWT where it has one";
  return std::nullopt;
}

std::optional<std::string> read_claims(std::string_view part, Claims& claims) {
  const auto parsed = read_part(part, "payload", {limits::kTokenBytesMax, 4, 64});
  if (const auto* reason = std::get_if<std::string>(&parsed)) return *reason;
  json::Fields payload(std::get<picojson::value>(parsed));
  const json::StringLimits text{1, limits::kTokenClaimBytesMax};
  constexpr int64_t kSecondsMax = std::numeric_limits<int64_t>::max() / kMsPerSecond;
  claims.iss = payload.required_string("iss", text);
  claims.sub = payload.required_string("sub", text);
  claims.sid = payload.required_string("sid", text);
  claims.iat = payload.required_int("iat", 0, kSecondsMax);
  claims.exp = payload.required_int("exp", 0, kSecondsMax);
  claims.role = payload.required_string("role", text);
  claims.rev = payload.required_int("rev", 0, static_cast<int64_t>(limits::kCounterMax));
  return complaint(payload, "payload");
}

}  // namespace

std::string sign_token(const Claims& claims, std::string_view kid, std::string_view private_key,
                       Crypto& crypto) {
  std::string header;
  json::Writer(header).begin_object().field("alg", "EdDSA").field("typ", "JWT").field("kid", kid).end();
  std::string payload;
  json::Writer out(payload);
  out.begin_object().field("iss", claims.iss).field("sub", claims.sub).field("sid", claims.sid);
  out.field("iat", claims.iat)
      .field("exp", claims.exp)
      .field("role", claims.role)
      .field("rev", claims.rev)
      .end();
  std::string token = json::base64url_encode(header) + "." + json::base64url_encode(payload);
  const std::string signature = crypto.sign(private_key, token);
  if (signature.empty()) return {};
  token += "." + json::base64url_encode(signature);
  return token;
}

std::variant<ParsedToken, std::string> parse_token(std::string_view text) {
  if (text.size() > limits::kTokenBytesMax) {
    return "the token is longer than " + std::to_string(limits::kTokenBytesMax) + " bytes";
  }
  const std::optional<Parts> parts = split(text);
  if (!parts) return "the token must have three parts with dots between them";
  const auto& [header, payload, signature] = *parts;
  ParsedToken token;
  if (auto reason = read_header(header, token.kid)) return *std::move(reason);
  if (auto reason = read_claims(payload, token.claims)) return *std::move(reason);
  auto bytes = json::base64url_decode(signature);
  if (!bytes) return "the token's signature is not base64url without padding";
  if (bytes->size() != kSignatureBytes) {
    return "the token's signature must have " + std::to_string(kSignatureBytes) + " bytes";
  }
  token.signature = *std::move(bytes);
  token.signing_input = text.substr(0, text.size() - signature.size() - 1);
  return token;
}

bool verify_token(const ParsedToken& token, std::string_view public_key, Crypto& crypto) {
  return crypto.verify(public_key, token.signing_input, token.signature);
}

bool has_expired(const Claims& claims, WallTime now) { return now.unix_ms / kMsPerSecond >= claims.exp; }

std::string jwks(const std::vector<VerificationKey>& keys) {
  std::string text;
  json::Writer out(text);
  out.begin_object().begin_array("keys");
  for (const VerificationKey& key : keys) {
    out.begin_object().field("kty", "OKP").field("crv", "Ed25519").field("use", "sig").field("alg", "EdDSA");
    out.field("kid", key.kid).field("x", json::base64url_encode(key.public_key)).end();
  }
  out.finish();
  return text;
}

}  // namespace patronus::auth
