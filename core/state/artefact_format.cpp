#include "core/state/artefact_format.h"

#include "core/base/assert.h"
#include "core/base/bytes.h"
#include "core/base/crc32c.h"
#include "core/base/hash.h"
#include "core/base/limits.h"

namespace patronus::artefact {
namespace {

constexpr uint64_t kMagic = 0x315452414e525450;  // "PTRNART1"
constexpr uint32_t kFormat = 1;
constexpr size_t kHeadStartBytes = 8 + 4 + 4;
constexpr size_t kHeadBytesMax = 64 * limits::kKiB;
constexpr size_t kBlockHeadBytes = 4 + 4 + 4;
constexpr size_t kEndBytes = 4 + 8 + 8;

std::string encode_end(const CheckpointEnd& end) {
  std::string bytes;
  Writer out(bytes);
  encode(out, end.base);
  out.u64(end.state_hash);
  return bytes;
}

std::optional<CheckpointEnd> decode_end(std::string_view bytes) {
  Reader in(bytes);
  CheckpointEnd end;
  end.base = decode_base(in);
  end.state_hash = in.u64();
  if (!in.done() || !end.base.index || !end.base.configuration) return std::nullopt;
  return end;
}

}  // namespace

Encoder::Encoder(const CheckpointEnd& of, std::string& out) : index_(of.base.index) {
  PATRONUS_ASSERT(of.base.index && of.base.configuration, "a state has a place in a cluster's log");
  std::string head;
  const std::string what = encode_end(of);
  Writer writer(head);
  writer.u64(kMagic);
  writer.u32(kFormat);
  writer.u32(static_cast<uint32_t>(what.size()));
  writer.raw(what);
  writer.u32(crc32c(head));
  put(head, out);
}

void Encoder::put(std::string_view piece, std::string& out) {
  hash_ = hash64(piece, hash_);
  bytes_ += piece.size();
  out += piece;
}

void Encoder::add(std::string_view key, std::string_view value, std::string& out) {
  const size_t more = 8 + key.size() + value.size();
  if (block_rows_ > 0 && block_.size() + more > limits::kArtefactBlockBytes) close_block(out);
  Writer writer(block_);
  writer.bytes(key);
  writer.bytes(value);
  PATRONUS_ASSERT(block_.size() <= limits::kArtefactBlockBytesMax, "a row has its bounds");
  ++block_rows_;
  ++rows_;
}

void Encoder::close_block(std::string& out) {
  std::string piece;
  Writer writer(piece);
  writer.u32(static_cast<uint32_t>(block_.size()));
  writer.u32(block_rows_);
  writer.u32(crc32c(block_));
  writer.raw(block_);
  put(piece, out);
  block_.clear();
  block_rows_ = 0;
}

void Encoder::finish(std::string& out) {
  if (block_rows_ > 0) close_block(out);
  std::string end;
  Writer writer(end);
  writer.u32(0);
  writer.u64(rows_);
  writer.u64(hash_);
  bytes_ += end.size();
  out += end;
}

std::optional<std::string> Decoder::feed(std::string_view bytes) {
  held_ += bytes;
  bool goes_on = true;
  while (goes_on && !fault_) {
    if (ended_) {
      if (!held_.empty()) fault_ = "there is something after its end";
      break;
    }
    goes_on = end_ ? take_block() : take_head();
  }
  return fault_;
}

void Decoder::chain(size_t bytes) {
  hash_ = hash64(std::string_view(held_).substr(0, bytes), hash_);
  bytes_ += bytes;
  held_.erase(0, bytes);
}

bool Decoder::take_head() {
  if (held_.size() < kHeadStartBytes) return false;
  Reader in(held_);
  const uint64_t magic = in.u64();
  const uint32_t format = in.u32();
  const uint32_t length = in.u32();
  if (magic != kMagic) {
    fault_ = "it is not an artefact";
  } else if (format != kFormat) {
    fault_ = "it is of format " + std::to_string(format) + ", which this version of patronusd does not know";
  } else if (length > kHeadBytesMax) {
    fault_ = "its head is damaged";
  }
  if (fault_ || in.remaining() < length + 4) return false;
  const std::string_view what = in.raw(length);
  const uint32_t expected = crc32c(std::string_view(held_).substr(0, in.position()));
  const bool whole = in.u32() == expected;
  if (whole) end_ = decode_end(what);
  if (!end_) {
    fault_ = "its head is damaged";
    return false;
  }
  chain(in.position());
  return true;
}

bool Decoder::take_block() {
  Reader in(held_);
  const uint32_t length = in.u32();
  if (!in.ok()) return false;
  if (length == 0) {
    if (held_.size() < kEndBytes) return false;
    const uint64_t rows = in.u64();
    if (rows != rows_ || in.u64() != hash_) fault_ = "its end does not fit what was read";
    bytes_ += kEndBytes;
    held_.erase(0, kEndBytes);
    ended_ = true;
    return true;
  }
  const uint32_t count = in.u32();
  const uint32_t expected = in.u32();
  if (length > limits::kArtefactBlockBytesMax) {
    fault_ = "a block of it is damaged";
    return false;
  }
  if (!in.ok() || in.remaining() < length) return false;
  const std::string_view rows = in.raw(length);
  if (crc32c(rows) != expected) {
    fault_ = "a block of it is damaged";
    return false;
  }
  fault_ = take_rows(rows, count);
  chain(kBlockHeadBytes + length);
  return true;
}

std::optional<std::string> Decoder::take_rows(std::string_view rows, uint32_t count) {
  Reader in(rows);
  for (uint32_t i = 0; i < count; ++i) {
    const std::string_view key = in.bytes(limits::kRowKeyBytesMax);
    const std::string_view value = in.bytes(limits::kArtefactBlockBytesMax);
    if (!in.ok()) return "a block of it does not hold what it says";
    if (auto reason = row_(key, value)) return reason;
    ++rows_;
  }
  return in.done() ? std::nullopt : std::optional<std::string>("a block of it does not hold what it says");
}

std::optional<std::string> Decoder::finish() const {
  if (fault_) return fault_;
  return ended_ ? std::nullopt : std::optional<std::string>("it is cut short");
}

}  // namespace patronus::artefact
