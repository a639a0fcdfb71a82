#include "core/wal/format.h"

#include "core/base/assert.h"
#include "core/base/bytes.h"
#include "core/base/crc32c.h"
#include "core/base/hash.h"
#include "core/base/limits.h"

namespace patronus::wal {
namespace {

constexpr uint64_t kSegmentMagic = 0x314c41574e525450;  // "PTRNWAL1"
constexpr uint32_t kBatchMagic = 0x48435442;            // "BTCH"

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

std::string segment_header(Incarnation incarnation, uint64_t segment) {
  std::string bytes;
  Writer out(bytes);
  out.u64(kSegmentMagic);
  out.u32(kFormat);
  out.u64(incarnation.value);
  out.u64(segment);
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
  const uint64_t segment = in.u64();
  const uint32_t expected = crc32c(bytes.substr(0, in.position()));
  if (magic != kSegmentMagic || format != kFormat || in.u32() != expected || !incarnation)
    return std::nullopt;
  return SegmentHeader{incarnation, segment};
}

size_t batch_bytes(const Persist& persist) {
  size_t bytes = persist.hard ? 1 + 8 + 4 + persist.hard->voted_for.size() + 16 + 8 : 0;
  for (const Entry& entry : persist.entries) bytes += 1 + entry.encoded_bytes();
  return bytes;
}

Write Encoder::encode(std::span<const Persist> persists) {
  PATRONUS_ASSERT(!persists.empty(), "a batch holds something");
  Write write;
  write.bytes.resize(kBatchHeaderBytes);
  Writer out(write.bytes);
  for (const Persist& persist : persists) {
    if (persist.hard) {
      out.u8(static_cast<uint8_t>(RecordKind::kHardState));
      patronus::encode(out, *persist.hard);
    }
    for (const Entry& entry : persist.entries) {
      out.u8(static_cast<uint8_t>(RecordKind::kEntry));
      patronus::encode(out, entry);
    }
    write.through = persist.id;
  }
  const size_t payload_bytes = write.bytes.size() - kBatchHeaderBytes;
  PATRONUS_ASSERT(padded(write.bytes.size()) <= limits::kWalBatchBytesMax, "the driver bounds a batch");

  std::string header;
  Writer head(header);
  head.u32(kBatchMagic);
  head.u32(static_cast<uint32_t>(payload_bytes));
  head.u64(position_.sequence);
  head.u64(position_.chain);
  head.u32(crc32c(std::string_view(write.bytes).substr(kBatchHeaderBytes)));
  head.u32(seeded_crc(incarnation_, header));
  PATRONUS_ASSERT(header.size() == kBatchHeaderBytes, "the header has its fixed size");
  write.bytes.replace(0, kBatchHeaderBytes, header);

  if (position_.offset + padded(write.bytes.size()) > segment_bytes_) {
    PATRONUS_ASSERT(limits::kWalSegmentHeaderBytes + padded(write.bytes.size()) <= segment_bytes_,
                    "a batch fits a segment");
    ++position_.segment;
    position_.offset = limits::kWalSegmentHeaderBytes;
    write.new_segment = true;
  }
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
