#include "io/auth/refresh_token.h"

#include <charconv>

#include "io/auth/secret.h"
#include "io/json/base64.h"

namespace patronus::auth {
namespace {

constexpr size_t kIdBytes = 16;
constexpr size_t kIdChars = 22;
constexpr size_t kGenerationCharsMax = 20;

}  // namespace

std::string new_id(Crypto& crypto) {
  std::string bytes = crypto.random(kIdBytes);
  bytes.front() = static_cast<char>(bytes.front() & 0x7f);  // six bits are a character: A to Z, a to f
  return json::base64url_encode(bytes);
}

bool is_id(std::string_view text) {
  return text.size() == kIdChars && json::base64url_decode(text).has_value();
}

std::string make_refresh_token(const RefreshToken& token, Crypto& crypto) {
  const std::string said = token.sid + "." + std::to_string(token.generation);
  return said + "." + json::base64url_encode(crypto.mac("refresh", said));
}

std::optional<RefreshToken> read_refresh_token(std::string_view text, Crypto& crypto) {
  if (text.size() <= kIdChars || text[kIdChars] != '.' || !is_id(text.substr(0, kIdChars)))
    return std::nullopt;
  const std::string_view rest = text.substr(kIdChars + 1, kGenerationCharsMax + 1);
  const std::string_view digits = rest.substr(0, rest.find('.'));
  RefreshToken token{std::string(text.substr(0, kIdChars)), 0};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), token.generation);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  // The whole text is compared, so a generation with leading zeros or a code in another spelling is refused.
  if (!equal_secret(text, make_refresh_token(token, crypto))) return std::nullopt;
  return token;
}

}  // namespace patronus::auth
