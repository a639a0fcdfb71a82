// The cluster's secret, from its text.
#include <algorithm>
#include <set>

#include "core/base/limits.h"
#include "io/config/reading.h"
#include "io/json/base64.h"

namespace patronus {
namespace {

// Fewer different bytes than random ones ever have: a line of zeros, or a word typed over and over.
constexpr size_t kDifferentBytesMin = 8;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_digit(text[i]);
    const int low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

// RFC 4648 section 5; padding may be left out.
std::optional<std::string> from_base64url(std::string_view text) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  return json::base64url_decode(text);
}

}  // namespace

std::optional<std::string> parse_cluster_secret(std::string_view text) {
  std::optional<std::string> bytes = from_hex(text);
  // Hex digits are base64url digits too: only what is not hex throughout is read as such.
  if (!bytes) bytes = from_base64url(text);
  const bool good = bytes && bytes->size() >= limits::kClusterSecretBytesMin &&
                    bytes->size() <= limits::kClusterSecretBytesMax &&
                    std::set<char>(bytes->begin(), bytes->end()).size() >= kDifferentBytesMin;
  return good ? bytes : std::nullopt;
}

void read_cluster_secret(Reading& in, Config& config) {
  const std::optional<std::string> text = in.given("CLUSTER_SECRET");
  if (!text) {
    in.wrong_secret("CLUSTER_SECRET",
                    "is not set; give all nodes the one that patronusctl tls init made, for example through "
                    "PATRONUS_CLUSTER_SECRET_FILE");
    return;
  }
  std::optional<std::string> bytes = parse_cluster_secret(*text);
  if (!bytes) {
    in.wrong_secret("CLUSTER_SECRET",
                    "is not a secret; use " + std::to_string(limits::kClusterSecretBytesMin) + " to " +
                        std::to_string(limits::kClusterSecretBytesMax) +
                        " random bytes in hex or base64url, as patronusctl tls init makes them");
    return;
  }
  config.cluster_secret = std::move(*bytes);
}

}  // namespace patronus
