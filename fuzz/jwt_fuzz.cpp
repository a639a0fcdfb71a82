// Any bytes to the parser of access tokens, as they are and as header and payload of a token; and to the
// reader of refresh tokens. What is taken has one spelling, and what it says survives being signed again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "core/base/limits.h"
#include "io/auth/jwt.h"
#include "io/auth/refresh_token.h"
#include "io/json/base64.h"
#include "sim/sim_crypto.h"

namespace {

using namespace patronus::auth;
using patronus::json::base64url_encode;

void require(bool holds) {
  if (!holds) __builtin_trap();
}

void try_token(std::string_view text, Crypto& crypto) {
  const auto parsed = parse_token(text);
  if (const auto* reason = std::get_if<std::string>(&parsed)) {
    require(!reason->empty());
    return;
  }
  const auto& token = std::get<ParsedToken>(parsed);
  require(text.size() <= patronus::limits::kTokenBytesMax);
  require(token.signing_input + "." + base64url_encode(token.signature) == text);
  require(!token.kid.empty() && !token.claims.sub.empty() && token.claims.iat >= 0 && token.claims.exp >= 0);
  const KeyPair key = crypto.make_signing_key();
  require(!verify_token(token, key.public_key, crypto));
  const std::string again = sign_token(token.claims, token.kid, key.private_key, crypto);
  if (again.size() > patronus::limits::kTokenBytesMax)
    return;  // escapes may be longer than what they stood for
  const auto second = std::get<ParsedToken>(parse_token(again));
  require(second.claims == token.claims && second.kid == token.kid);
  require(verify_token(second, key.public_key, crypto));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  patronus::sim::SimCrypto crypto("a cluster secret", 1);
  try_token(text, crypto);

  // A first line is the header, the rest the payload: so the input reaches what is behind the encoding.
  const size_t line = text.find('\n');
  if (line != std::string_view::npos) {
    const std::string signature(kSignatureBytes, 's');
    try_token(base64url_encode(text.substr(0, line)) + "." + base64url_encode(text.substr(line + 1)) + "." +
                  base64url_encode(signature),
              crypto);
  }

  if (const auto token = read_refresh_token(text, crypto))
    require(make_refresh_token(*token, crypto) == text);
  // The same text with the code it would need.
  const size_t dot = text.rfind('.');
  if (dot != std::string_view::npos) {
    const std::string said(text.substr(0, dot));
    const std::string whole = said + "." + base64url_encode(crypto.mac("refresh", said));
    if (const auto token = read_refresh_token(whole, crypto)) {
      require(is_id(token->sid) && token->sid + "." + std::to_string(token->generation) == said);
    }
  }
  return 0;
}
