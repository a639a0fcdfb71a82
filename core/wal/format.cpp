#include "core/wal/format.h"

#include <algorithm>

#include "core/base/assert.h"
#include "core/base/bytes.h"
#include "core/base/crc32c.h"
#include "core/base/hash.h"
#include "core/base/limits.h"

namespace patronus::wal {
namespace {

constexpr uint64_t kSegmentMagic = 0x314c41574e525450;  // "PTRNWAL1"
constexpr uint32_t kBatchMagic = 0x48435442;            // "BTCH"

bool has_lives(const Persist& persist) { return persist.hard && persist.hard->lives.life > 0; }

size_t padded(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

uint32_t seeded_crc(Incarnation incarnation, std::string_view bytes) {
  std::string seed;
  Writer(seed).u64(incarnation.value);
  return crc32c(bytes, crc32c(seed));
}

}  // namespace

Position first_position(Incarnation incarnation) {
  std::string seed;
  Writer(seed).u64(incarnation.value);
  return {1, limits::kWalSegmentHeaderBytes, 1, hash64(seed)};
}

std::string segment_header(Incarnation incarnation, const Position& start) {
  std::string bytes;
  Writer out(bytes);
  out.u64(kSegmentMagic);
  out.u32(start.format);
  out.u64(incarnation.value);
  out.u64(start.segment);
  out.u64(start.sequence);
  out.u64(start.chain);
  out.u32(crc32c(bytes));
  bytes.resize(limits::kWalSegmentHeaderBytes, '\0');
  return bytes;
}

std::optional<SegmentHeader> read_segment_header(std::string_view bytes) {
  if (bytes.size() < limits::kWalSegmentHeaderBytes) return std::nullopt;
  Reader in(bytes);
  const uint64_t magic = in.u64();
  const uint32_t format = in.u32();
  const Incarnation incarnation{in.u64()};
  SegmentHeader header{incarnation, in.u64(), std::nullopt};
  if (format > 1) {
    Position& start = header.start.emplace();
    start.segment = header.segment;
    start.offset = limits::kWalSegmentHeaderBytes;
    start.sequence = in.u64();
    start.chain = in.u64();
  }
  const uint32_t expected = crc32c(bytes.substr(0, in.position()));
  const bool known = magic == kSegmentMagic && format >= 1 && format <= kFormat;
  if (!known || in.u32() != expected || !incarnation) return std::nullopt;
  return header;
}

std::optional<uint32_t> newer_format(std::string_view bytes) {
  Reader in(bytes);
  const bool is_segment = in.u64() == kSegmentMagic;
  const uint32_t format = in.u32();
  // What is far off is no format but damage.
  if (!is_segment || !in.ok() || format <= kFormat || format > kFormat + 100) return std::nullopt;
  return format;
}

size_t batch_bytes(const Persist& persist) {
  size_t bytes = persist.hard ? 1 + 8 + 4 + persist.hard->voted_for.size() + 16 + 8 : 0;
  if (has_lives(persist)) {
    const Lives& lives = persist.hard->lives;
    bytes += 1 + 8 + 1 + 4 + 8 * lives.processes.size() + 4 + 24 * lives.others.size();
  }
  for (const Entry& entry : persist.entries) bytes += 1 + entry.encoded_bytes();
  return bytes;
}

namespace {

void append_hard(std::string& payload, const HardState& hard) {
  Writer out(payload);
  out.u8(static_cast<uint8_t>(RecordKind::kHardState));
  encode(out, hard);
  if (hard.lives.life == 0) return;
  out.u8(static_cast<uint8_t>(RecordKind::kLives));
  encode(out, hard.lives);
}

// Fills in the header, which stands before the payload.
void seal(std::string& bytes, Incarnation incarnation, const Position& position) {
  std::string header;
  Writer head(header);
  head.u32(kBatchMagic);
  head.u32(static_cast<uint32_t>(bytes.size() - kBatchHeaderBytes));
  head.u64(position.sequence);
  head.u64(position.chain);
  head.u32(crc32c(std::string_view(bytes).substr(kBatchHeaderBytes)));
  head.u32(seeded_crc(incarnation, header));
  PATRONUS_ASSERT(header.size() == kBatchHeaderBytes, "the header has its fixed size");
  bytes.replace(0, kBatchHeaderBytes, header);
}

}  // namespace

Write Encoder::encode(std::span<const Persist> persists) {
  PATRONUS_ASSERT(!persists.empty(), "a batch holds something");
  Write write;
  size_t bytes = kBatchHeaderBytes;
  for (const Persist& persist : persists) bytes += batch_bytes(persist);
  write.bytes.reserve(padded(bytes + kHardRecordBytesMax));
  write.bytes.resize(kBatchHeaderBytes);
  const bool first_lives = hard_.lives.life == 0 &&
                           std::any_of(persists.begin(), persists.end(), has_lives) &&
                           position_.offset > limits::kWalSegmentHeaderBytes;
  if (first_lives || position_.offset + padded(bytes) > segment_bytes_) {
    ++position_.segment;
    position_.offset = limits::kWalSegmentHeaderBytes;
    const bool holds_lives = hard_.lives.life > 0 || std::any_of(persists.begin(), persists.end(), has_lives);
    position_.format = holds_lives ? kFormat : kFormatWithoutLives;
    write.new_segment = position_;
    append_hard(write.bytes, hard_);
  }
  Writer out(write.bytes);
  for (const Persist& persist : persists) {
    if (persist.hard) {
      hard_ = *persist.hard;
      append_hard(write.bytes, hard_);
    }
    for (const Entry& entry : persist.entries) {
      out.u8(static_cast<uint8_t>(RecordKind::kEntry));
      patronus::encode(out, entry);
      write.last_entry = std::max(write.last_entry, entry.index);
    }
    write.through = persist.id;
  }
  PATRONUS_ASSERT(padded(write.bytes.size()) <= limits::kWalBatchBytesMax, "the driver bounds a batch");
  PATRONUS_ASSERT(position_.offset + padded(write.bytes.size()) <= segment_bytes_, "a batch fits a segment");
  seal(write.bytes, incarnation_, position_);
  write.segment = position_.segment;
  write.offset = position_.offset;
  position_.chain = hash64(write.bytes, position_.chain);
  write.bytes.resize(padded(write.bytes.size()), '\0');
  position_.offset += write.bytes.size();
  ++position_.sequence;
  return write;
}

std::optional<BatchView> read_batch(std::string_view segment, size_t offset, Incarnation incarnation) {
  if (offset > segment.size() || segment.size() - offset < kBatchHeaderBytes) return std::nullopt;
  const std::string_view bytes = segment.substr(offset);
  Reader in(bytes);
  if (in.u32() != kBatchMagic) return std::nullopt;
  const uint32_t payload_bytes = in.u32();
  BatchView batch;
  batch.sequence = in.u64();
  batch.chain_before = in.u64();
  const uint32_t payload_crc = in.u32();
  const uint32_t expected = seeded_crc(incarnation, bytes.substr(0, in.position()));
  if (in.u32() != expected) return std::nullopt;
  batch.bytes = padded(kBatchHeaderBytes + payload_bytes);
  if (batch.bytes > bytes.size()) return std::nullopt;
  batch.payload = bytes.substr(kBatchHeaderBytes, payload_bytes);
  if (crc32c(batch.payload) != payload_crc) return std::nullopt;
  batch.chain_after = hash64(bytes.substr(0, kBatchHeaderBytes + payload_bytes), batch.chain_before);
  return batch;
}

}  // namespace patronus::wal
