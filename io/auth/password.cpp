#include "io/auth/password.h"

#include <argon2.h>
#include <openssl/rand.h>

#include <algorithm>
#include <charconv>

#include "core/base/assert.h"
#include "core/base/limits.h"
#include "io/auth/secret.h"
#include "io/json/base64.h"

namespace patronus::auth {
namespace {

constexpr size_t kSaltBytes = 16;
constexpr size_t kHashBytes = 32;
constexpr size_t kSaltBytesMin = 8;
constexpr size_t kSaltBytesMax = 64;
constexpr size_t kTagBytesMin = 16;
constexpr size_t kTagBytesMax = 64;

// Takes `literal` off the front of `text`.
bool skip(std::string_view& text, std::string_view literal) {
  if (!text.starts_with(literal)) return false;
  text.remove_prefix(literal.size());
  return true;
}

// Takes a decimal number without leading zeros off the front of `text`.
bool read_number(std::string_view& text, uint32_t max, uint32_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || text.front() == '0' || number > max) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

// PHC strings leave the padding out, which the strict decoder wants.
std::optional<std::string> decode_unpadded(std::string_view text, size_t bytes_min, size_t bytes_max) {
  if (text.ends_with('=')) return std::nullopt;
  std::string padded(text);
  padded.append((4 - padded.size() % 4) % 4, '=');
  std::optional<std::string> bytes = json::base64_decode(padded);
  if (!bytes || bytes->size() < bytes_min || bytes->size() > bytes_max) return std::nullopt;
  return bytes;
}

std::string encode_unpadded(std::string_view bytes) {
  std::string text = json::base64_encode(bytes);
  while (text.ends_with('=')) text.pop_back();
  return text;
}

std::string draw_salt() {
  std::string salt(kSaltBytes, '\0');
  const int drawn = RAND_bytes(reinterpret_cast<unsigned char*>(salt.data()), static_cast<int>(salt.size()));
  PATRONUS_ASSERT(drawn == 1, "the system gives random bytes");
  return salt;
}

}  // namespace

std::optional<StoredPassword> parse_stored_password(std::string_view stored) {
  if (stored.size() > limits::kPasswordHashBytesMax) return std::nullopt;
  StoredPassword out;
  if (!skip(stored, "$argon2id$v=19$m=") ||
      !read_number(stored, limits::kPasswordMemoryKiBMax, out.cost.memory_kib) || !skip(stored, ",t=") ||
      !read_number(stored, limits::kPasswordPassesMax, out.cost.passes) || !skip(stored, ",p=") ||
      !read_number(stored, limits::kPasswordLanesMax, out.cost.lanes) || !skip(stored, "$")) {
    return std::nullopt;
  }
  // RFC 9106 section 3.1: at least eight blocks for each lane.
  if (out.cost.memory_kib < 8 * out.cost.lanes) return std::nullopt;
  const size_t dollar = stored.find('$');
  if (dollar == std::string_view::npos) return std::nullopt;
  auto salt = decode_unpadded(stored.substr(0, dollar), kSaltBytesMin, kSaltBytesMax);
  auto tag = decode_unpadded(stored.substr(dollar + 1), kTagBytesMin, kTagBytesMax);
  if (!salt || !tag) return std::nullopt;
  out.salt = *std::move(salt);
  out.tag = *std::move(tag);
  return out;
}

std::string stored_text(const StoredPassword& password) {
  return "$argon2id$v=19$m=" + std::to_string(password.cost.memory_kib) +
         ",t=" + std::to_string(password.cost.passes) + ",p=" + std::to_string(password.cost.lanes) + "$" +
         encode_unpadded(password.salt) + "$" + encode_unpadded(password.tag);
}

std::optional<std::string> password_tag(std::string_view password, std::string_view salt,
                                        const PasswordCost& cost, size_t tag_bytes) {
  std::string tag(tag_bytes, '\0');
  std::string password_copy(password);  // the library takes no constants
  std::string salt_copy(salt);
  argon2_context context{};
  context.out = reinterpret_cast<uint8_t*>(tag.data());
  context.outlen = static_cast<uint32_t>(tag.size());
  context.pwd = reinterpret_cast<uint8_t*>(password_copy.data());
  context.pwdlen = static_cast<uint32_t>(password_copy.size());
  context.salt = reinterpret_cast<uint8_t*>(salt_copy.data());
  context.saltlen = static_cast<uint32_t>(salt_copy.size());
  context.t_cost = cost.passes;
  context.m_cost = cost.memory_kib;
  context.lanes = cost.lanes;
  context.threads = 1;
  context.version = ARGON2_VERSION_13;
  context.flags = ARGON2_DEFAULT_FLAGS;
  const int status = argon2id_ctx(&context);
  wipe(password_copy);
  PATRONUS_ASSERT(status == ARGON2_OK || status == ARGON2_MEMORY_ALLOCATION_ERROR,
                  "argon2 is given what it takes");
  if (status != ARGON2_OK) return std::nullopt;
  return tag;
}

std::optional<std::string> hash_password(std::string_view password) {
  if (password.size() > limits::kPasswordBytesMax) return std::nullopt;
  StoredPassword stored{PasswordCost{}, draw_salt(), {}};
  auto tag = password_tag(password, stored.salt, stored.cost, kHashBytes);
  if (!tag) return std::nullopt;
  stored.tag = *std::move(tag);
  return stored_text(stored);
}

PasswordOutcome verify_password(std::string_view password, std::string_view stored) {
  const bool too_long = password.size() > limits::kPasswordBytesMax;
  if (too_long) password = {};
  const std::optional<StoredPassword> given = parse_stored_password(stored);
  const StoredPassword against = given ? *given : parse_stored_password(dummy_hash()).value();
  auto tag = password_tag(password, against.salt, against.cost, against.tag.size());
  if (!tag) return PasswordOutcome::kFailed;
  const bool equal = equal_secret(*tag, against.tag);
  wipe(*tag);
  return equal && given && !too_long ? PasswordOutcome::kDone : PasswordOutcome::kDiffers;
}

const std::string& dummy_hash() {
  // A tag of zeros: finding a password for it is as hard as for any other tag.
  static const std::string text =
      stored_text({PasswordCost{}, std::string(kSaltBytes, '\0'), std::string(kHashBytes, '\0')});
  return text;
}

}  // namespace patronus::auth
