// Access tokens: JSON Web Tokens (RFC 7519) as compact JWS (RFC 7515) signed with EdDSA on Ed25519 (RFC
// 8037), and nothing else. Other algorithms, "none" among them, are refused by their name before any key is
// looked up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/time.h"
#include "io/auth/crypto.h"

namespace patronus::auth {

struct Claims {
  std::string iss;   // the cluster that issued it
  std::string sub;   // the user's id
  std::string sid;   // the session's id
  int64_t iat = 0;   // seconds since the Unix epoch
  int64_t exp = 0;   // likewise; from then on it is no longer good
  std::string role;  // when it was issued: for clients to show, never to decide by
  int64_t rev = 0;   // the revision of the state that knows the session: whoever has less can't judge

  friend bool operator==(const Claims&, const Claims&) = default;
};

struct ParsedToken {
  std::string kid;  // names the key it says it was signed with
  Claims claims;
  std::string signing_input;
  std::string signature;  // kSignatureBytes
};

// The token, signed. Strings in `claims` have 1 to limits::kTokenClaimBytesMax bytes of UTF-8, `kid` 1 to
// limits::kTokenKeyIdBytesMax, or parse_token() refuses the result. Empty when `private_key` is no key.
[[nodiscard]] std::string sign_token(const Claims& claims, std::string_view kid, std::string_view private_key,
                                     Crypto& crypto);

// Takes a token apart without believing it: who is to trust its claims calls verify_token() first. Otherwise
// the reason, in words for whoever sent it. Refused: more than limits::kTokenBytesMax bytes, anything but
// three non-empty parts in strict base64url, JSON that isn't strict, a header with members besides alg
// (EdDSA), kid and typ (JWT), so crit too; claims that are missing or of another type. Unknown claims are
// ignored (RFC 7519 section 4), so that a node of an older version takes a newer one's tokens.
[[nodiscard]] std::variant<ParsedToken, std::string> parse_token(std::string_view text);

[[nodiscard]] bool verify_token(const ParsedToken& token, std::string_view public_key, Crypto& crypto);

// Without leeway. That a token was issued in the future is nobody's concern: clocks of nodes differ, what is
// signed is the cluster's, and its session decides.
[[nodiscard]] bool has_expired(const Claims& claims, WallTime now);

struct VerificationKey {
  std::string kid;
  std::string public_key;  // kSigningKeyBytes
};

// The keys as a JWK set (RFC 7517 section 5, RFC 8037 section 2), for /.well-known/jwks.json.
[[nodiscard]] std::string jwks(const std::vector<VerificationKey>& keys);

}  // namespace patronus::auth
