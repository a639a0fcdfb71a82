// Refresh tokens: <session id>.<generation>.<code>, where the code authenticates the other two under the
// cluster secret. So nothing secret is replicated or backed up, any node can check a token without asking,
// and whoever retries a rotation gets the same next token again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "io/auth/crypto.h"

namespace patronus::auth {

// A fresh id that nobody can guess: 127 random bits as 22 characters of base64url. The first is a letter,
// since people hand ids to programs, which would take one that begins with a dash for an option.
[[nodiscard]] std::string new_id(Crypto& crypto);

// Whether `text` has the form of an id: such ones as were made before may begin with any character.
[[nodiscard]] bool is_id(std::string_view text);

struct RefreshToken {
  std::string sid;
  uint64_t generation = 0;  // counts the rotations of its session

  friend bool operator==(const RefreshToken&, const RefreshToken&) = default;
};

// `token.sid` is of new_id()'s form.
[[nodiscard]] std::string make_refresh_token(const RefreshToken& token, Crypto& crypto);

// Nothing for anything but the one text that make_refresh_token() makes. Whether the session lives, and
// whether this generation is its latest, is for the replicated state to say.
[[nodiscard]] std::optional<RefreshToken> read_refresh_token(std::string_view text, Crypto& crypto);

}  // namespace patronus::auth
