// The datagrams by which nodes measure sites' lines: no sockets, no clock. Of each kind all have one size,
// little-endian:
//
//   magic 4 | version 1 | kind 1 | length of the site's id 1 | 0 | site's id 32, then zeros | nonce 16 |
//   sequence 8 | stamp 8 | what the kind has more | code 16
//
//   probe        88 bytes, node to a site's responder; or that node's, sent on by another site's
//   answer       88 bytes, back: what the probe said
//   path probe  305 bytes, node to the first site: length of an address 1 | address 128, then zeros |
//               a probe of the second site, whose responder is there, and which alone is sent on to it
//   path answer 181 bytes, back: outcome 1 | microseconds 4 | the second site's answer, or zeros
//
// The code is the first half of HMAC-SHA256 under the site's key over a label of the kind and all that is
// before it: a probe can't be sent back as an answer, nor an answer of one site be taken for another's.
// Whoever sends probes gives each a nonce that can't be foretold, and takes one answer for it. An answer is
// never longer than what it answers, so nobody is flooded with the help of a responder. The first site can't
// speak for the second, and no site has another's key.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/limits.h"
#include "io/auth/hmac.h"

namespace patronus::probe {

inline constexpr size_t kNonceBytes = 16;
inline constexpr size_t kCodeBytes = 16;
inline constexpr size_t kKeyBytes = 32;
inline constexpr size_t kHeadBytes = 8 + limits::kTableIdBytesMax + kNonceBytes + 16;
inline constexpr size_t kProbeBytes = kHeadBytes + kCodeBytes;
inline constexpr size_t kPathProbeBytes =
    kHeadBytes + 1 + limits::kEndpointAddressBytesMax + kProbeBytes + kCodeBytes;
inline constexpr size_t kPathAnswerBytes = kHeadBytes + 5 + kProbeBytes + kCodeBytes;
static_assert(kPathAnswerBytes <= kPathProbeBytes, "no amplification");
static_assert(kProbeBytes == 88 && kPathProbeBytes == 305 && kPathAnswerBytes == 181);

enum class Kind : uint8_t { kProbe = 1, kAnswer = 2, kPathProbe = 3, kPathAnswer = 4 };

using Nonce = std::array<char, kNonceBytes>;

// What every datagram begins with. An answer's is its probe's but for the kind.
struct Head {
  Kind kind = Kind::kProbe;
  std::string site;  // whose key it is under
  Nonce nonce{};
  uint64_t sequence = 0;
  uint64_t stamp = 0;  // the sender's; means nothing to others

  friend bool operator==(const Head&, const Head&) = default;
};

struct PathProbe {
  std::string address;  // where the second site is
  std::string probe;    // what goes there
};

enum class PathOutcome : uint8_t {
  kAnswered = 1,
  kTimedOut = 2,   // no answer within kForwardTimeout
  kNoAddress = 3,  // the second site's address leads nowhere
  kNoRoom = 4,     // too many are on their way: nothing was measured
};
struct PathAnswer {
  PathOutcome outcome = PathOutcome::kTimedOut;
  uint32_t rtt_us = 0;  // by the first site's clock; 0 unless answered
  std::string answer;   // the second site's, unchecked; empty unless answered
};

// Nothing unless the datagram is, by its layout and size, one of the four. Says nothing of who made it.
[[nodiscard]] std::optional<Head> read_head(std::string_view datagram);

// The code is right for its kind and this key. Of a datagram that read_head() has read.
[[nodiscard]] bool is_authentic(std::string_view datagram, std::string_view key, auth::HmacSha256& hmac);

// What a datagram of that kind has more, once it is known to be authentic; nothing if it is not sound.
[[nodiscard]] std::optional<PathProbe> read_path_probe(std::string_view datagram);
[[nodiscard]] std::optional<PathAnswer> read_path_answer(std::string_view datagram);

// `head.kind` is set by these. An address or answer that is too long is a mistake of the caller.
[[nodiscard]] std::string make_probe(Head head, std::string_view key, auth::HmacSha256& hmac);
[[nodiscard]] std::string make_answer(Head head, std::string_view key, auth::HmacSha256& hmac);
[[nodiscard]] std::string make_path_probe(Head head, const PathProbe& path, std::string_view key,
                                          auth::HmacSha256& hmac);
[[nodiscard]] std::string make_path_answer(Head head, const PathAnswer& answer, std::string_view key,
                                           auth::HmacSha256& hmac);

}  // namespace patronus::probe
