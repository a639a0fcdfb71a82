// Passwords as they are stored: argon2id (RFC 9106) in the PHC string format,
// $argon2id$v=19$m=<KiB>,t=<passes>,p=<lanes>$<salt>$<tag>, both in base64 without padding.
//
// Each call takes tens of milliseconds and 19 MiB: never on the loop's thread (password_workers.h). Thread
// safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "io/auth/password_job.h"

namespace patronus::auth {

struct PasswordCost {
  uint32_t memory_kib = 19 * 1024;  // OWASP's recommendation of 2024: m=19 MiB, t=2, p=1
  uint32_t passes = 2;
  uint32_t lanes = 1;

  friend bool operator==(const PasswordCost&, const PasswordCost&) = default;
};

// A stored form taken apart.
struct StoredPassword {
  PasswordCost cost;
  std::string salt;  // 8 to 64 bytes
  std::string tag;   // 16 to 64 bytes
};

// Nothing for anything but the canonical spelling of an argon2id hash of version 19 whose cost is within
// limits::kPassword…Max, so that no stored form, whoever made it, can ask for gigabytes or minutes.
[[nodiscard]] std::optional<StoredPassword> parse_stored_password(std::string_view stored);
[[nodiscard]] std::string stored_text(const StoredPassword& password);

// The stored form of `password`, its bytes as given, with a fresh salt of 16 bytes. Nothing for want of
// memory, and for a password longer than any that may be chosen.
[[nodiscard]] std::optional<std::string> hash_password(std::string_view password);

// Whether `stored` was made of `password`. A stored form that can't be parsed is kDiffers, after the time
// that dummy_hash() takes; so is a password longer than any that may be chosen.
[[nodiscard]] PasswordOutcome verify_password(std::string_view password, std::string_view stored);

// The tag that `cost` and `salt` give, of tag_bytes; nothing for want of memory. Lanes are computed one after
// the other: the pool of workers decides how many threads there are.
[[nodiscard]] std::optional<std::string> password_tag(std::string_view password, std::string_view salt,
                                                      const PasswordCost& cost, size_t tag_bytes);

// A stored form of today's cost that no known password fits. Verified for an unknown user, it makes that
// failure take as long as a wrong password does.
[[nodiscard]] const std::string& dummy_hash();

}  // namespace patronus::auth
