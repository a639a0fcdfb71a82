#include "io/protocol/probe.h"

#include <algorithm>
#include <utility>

#include "core/base/assert.h"
#include "core/base/bytes.h"
#include "io/auth/secret.h"

namespace patronus::probe {
namespace {

constexpr std::string_view kMagic = "PtrP";
constexpr uint8_t kVersion = 1;

size_t bytes_of(Kind kind) {
  switch (kind) {
    case Kind::kProbe:
    case Kind::kAnswer:
      return kProbeBytes;
    case Kind::kPathProbe:
      return kPathProbeBytes;
    case Kind::kPathAnswer:
      return kPathAnswerBytes;
  }
  return 0;
}

std::string_view label_of(Kind kind) {
  switch (kind) {
    case Kind::kProbe:
      return "patronus probe 1 from node to site";
    case Kind::kAnswer:
      return "patronus probe 1 from site to node";
    case Kind::kPathProbe:
      return "patronus probe 1 of a path, from node to site";
    case Kind::kPathAnswer:
      return "patronus probe 1 of a path, from site to node";
  }
  return "";
}

// Text in a place of fixed size, zeros after it: one encoding for each text.
void put_padded(Writer& out, std::string_view text, size_t size) {
  PATRONUS_ASSERT(text.size() <= size, "what goes into a datagram was checked");
  out.raw(text);
  out.raw(std::string(size - text.size(), '\0'));
}

std::optional<std::string> take_padded(Reader& in, size_t length, size_t size) {
  const std::string_view whole = in.raw(size);
  if (!in.ok() || length == 0 || length > size) return std::nullopt;
  const std::string_view padding = whole.substr(length);
  if (std::any_of(padding.begin(), padding.end(), [](char c) { return c != '\0'; })) return std::nullopt;
  return std::string(whole.substr(0, length));
}

std::string head_bytes(const Head& head) {
  std::string bytes;
  bytes.reserve(bytes_of(head.kind));
  Writer out(bytes);
  out.raw(kMagic);
  out.u8(kVersion);
  out.u8(static_cast<uint8_t>(head.kind));
  out.u8(static_cast<uint8_t>(head.site.size()));
  out.u8(0);
  put_padded(out, head.site, limits::kTableIdBytesMax);
  out.raw({head.nonce.data(), head.nonce.size()});
  out.u64(head.sequence);
  out.u64(head.stamp);
  return bytes;
}

std::string sealed(std::string&& bytes, Kind kind, std::string_view key, auth::HmacSha256& hmac) {
  PATRONUS_ASSERT(bytes.size() + kCodeBytes == bytes_of(kind), "all datagrams of a kind have one size");
  const auto code = hmac.code(key, label_of(kind), bytes);
  bytes.append(code.data(), kCodeBytes);
  return std::move(bytes);
}

}  // namespace

std::optional<Head> read_head(std::string_view datagram) {
  Reader in(datagram);
  if (in.raw(kMagic.size()) != kMagic || in.u8() != kVersion) return std::nullopt;
  const uint8_t kind = in.u8();
  if (kind < 1 || kind > 4) return std::nullopt;
  Head head;
  head.kind = static_cast<Kind>(kind);
  const uint8_t length = in.u8();
  if (in.u8() != 0) return std::nullopt;
  std::optional<std::string> site = take_padded(in, length, limits::kTableIdBytesMax);
  const std::string_view nonce = in.raw(kNonceBytes);
  head.sequence = in.u64();
  head.stamp = in.u64();
  if (!in.ok() || !site || datagram.size() != bytes_of(head.kind)) return std::nullopt;
  head.site = std::move(*site);
  std::copy(nonce.begin(), nonce.end(), head.nonce.begin());
  return head;
}

bool is_authentic(std::string_view datagram, std::string_view key, auth::HmacSha256& hmac) {
  constexpr size_t kKindAt = 5;
  if (datagram.size() < kProbeBytes) return false;
  const auto kind = static_cast<Kind>(datagram[kKindAt]);
  const size_t said = datagram.size() - kCodeBytes;
  const auto code = hmac.code(key, label_of(kind), datagram.substr(0, said));
  return auth::equal_secret({code.data(), kCodeBytes}, datagram.substr(said));
}

std::optional<PathProbe> read_path_probe(std::string_view datagram) {
  if (datagram.size() != kPathProbeBytes) return std::nullopt;
  Reader in(datagram.substr(kHeadBytes));
  const uint8_t length = in.u8();
  std::optional<std::string> address = take_padded(in, length, limits::kEndpointAddressBytesMax);
  PathProbe path;
  path.probe = std::string(in.raw(kProbeBytes));
  if (!in.ok() || !address) return std::nullopt;
  path.address = std::move(*address);
  const std::optional<Head> inner = read_head(path.probe);
  if (!inner || inner->kind != Kind::kProbe) return std::nullopt;
  return path;
}

std::optional<PathAnswer> read_path_answer(std::string_view datagram) {
  if (datagram.size() != kPathAnswerBytes) return std::nullopt;
  Reader in(datagram.substr(kHeadBytes));
  const uint8_t outcome = in.u8();
  if (outcome < 1 || outcome > 4) return std::nullopt;
  PathAnswer answer;
  answer.outcome = static_cast<PathOutcome>(outcome);
  answer.rtt_us = in.u32();
  const std::string_view inner = in.raw(kProbeBytes);
  if (answer.outcome != PathOutcome::kAnswered) {
    const bool is_blank = std::all_of(inner.begin(), inner.end(), [](char c) { return c == '\0'; });
    return answer.rtt_us == 0 && is_blank ? std::optional(answer) : std::nullopt;
  }
  answer.answer = std::string(inner);
  return answer;
}

std::string make_probe(Head head, std::string_view key, auth::HmacSha256& hmac) {
  head.kind = Kind::kProbe;
  return sealed(head_bytes(head), head.kind, key, hmac);
}

std::string make_answer(Head head, std::string_view key, auth::HmacSha256& hmac) {
  head.kind = Kind::kAnswer;
  return sealed(head_bytes(head), head.kind, key, hmac);
}

std::string make_path_probe(Head head, const PathProbe& path, std::string_view key, auth::HmacSha256& hmac) {
  head.kind = Kind::kPathProbe;
  std::string bytes = head_bytes(head);
  Writer out(bytes);
  out.u8(static_cast<uint8_t>(path.address.size()));
  put_padded(out, path.address, limits::kEndpointAddressBytesMax);
  out.raw(path.probe);
  return sealed(std::move(bytes), head.kind, key, hmac);
}

std::string make_path_answer(Head head, const PathAnswer& answer, std::string_view key,
                             auth::HmacSha256& hmac) {
  head.kind = Kind::kPathAnswer;
  std::string bytes = head_bytes(head);
  Writer out(bytes);
  out.u8(static_cast<uint8_t>(answer.outcome));
  out.u32(answer.rtt_us);
  put_padded(out, answer.answer, kProbeBytes);
  return sealed(std::move(bytes), head.kind, key, hmac);
}

}  // namespace patronus::probe
