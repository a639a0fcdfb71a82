// The log's format on disk. Segments of fixed size, filled with zeros before use; each begins with a header
// block and then holds batches one after the other. A batch is written with one write and one fdatasync, and
// the next one is only begun when that sync is done: so only the last batch can be torn.
//
//   segment header (512 bytes): magic, format, incarnation, number, sequence and chain of its first batch,
//   CRC-32C batch header (32 bytes):    magic, payload length, sequence, chain before it, CRCs of payload and
//   header payload:                    records (hard state, lives, entry), padded to 8 bytes
//
// The CRC of a batch header begins with the incarnation, which no client knows: what a client writes into a
// value can't be taken for a batch. The chain is a running hash of all batches, so that none can go missing.
// The first batch of a segment repeats the hard state: with it and the header a segment needs nothing of
// those before it, and they can be removed once their entries are no longer needed. Format 1 had neither;
// such segments are still read, but only from the first one on. Format 2 had no lives: the first ones begin a
// new segment, so that an earlier version sees that it is too old for the log, rather than damage.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/limits.h"
#include "core/base/types.h"
#include "core/effect.h"

namespace patronus::wal {

// The newest; a segment that holds nothing new is of the one before, so that an upgrade can be undone.
inline constexpr uint32_t kFormat = 3;
inline constexpr uint32_t kFormatWithoutLives = 2;
inline constexpr size_t kBatchHeaderBytes = 32;
inline constexpr size_t kAlignment = 8;
// What a hard state takes in a batch, at most.
inline constexpr size_t kHardRecordBytesMax = 1 + 8 + 4 + limits::kNodeIdBytesMax + 16 + 8 + 1 + 8 + 1 + 4 +
                                              8 * limits::kLifeProcessesMax + 4 + 24 * limits::kMembersMax;

// Where the next batch goes.
struct Position {
  uint64_t segment = 1;
  uint64_t offset = 0;
  uint64_t sequence = 1;
  uint64_t chain = 0;
  uint32_t format = kFormatWithoutLives;  // of a segment that begins here; no part of the place

  friend bool operator==(const Position& a, const Position& b) {
    return a.segment == b.segment && a.offset == b.offset && a.sequence == b.sequence && a.chain == b.chain;
  }
};

// Where the first batch of a new data directory goes.
[[nodiscard]] Position first_position(Incarnation incarnation);

// The header block of a segment that begins here, kWalSegmentHeaderBytes long.
[[nodiscard]] std::string segment_header(Incarnation incarnation, const Position& start);
struct SegmentHeader {
  Incarnation incarnation;
  uint64_t segment = 0;
  std::optional<Position> start;  // nothing in format 1, which did not say it
};
// Nothing if the block is not a whole and valid header, of a format that this version knows.
[[nodiscard]] std::optional<SegmentHeader> read_segment_header(std::string_view bytes);

// A header of a format that came after this version's: which.
[[nodiscard]] std::optional<uint32_t> newer_format(std::string_view bytes);

// One write to be done: `bytes` at `offset` of `segment`, then one fdatasync.
struct Write {
  uint64_t segment = 0;
  uint64_t offset = 0;
  // The first write to this segment, which begins so.
  std::optional<Position> new_segment;
  std::string bytes;
  PersistId through;  // the last Persist it holds
  Index last_entry;   // the highest index of an entry in it
};

// Turns what the core wants persisted into writes.
class Encoder {
 public:
  // Segments are closed at `segment_bytes`, which any batch must fit; only the simulator makes them smaller.
  // `hard` is what recovery found.
  Encoder(Incarnation incarnation, Position position, size_t segment_bytes, HardState hard)
      : incarnation_(incarnation),
        position_(position),
        segment_bytes_(segment_bytes),
        hard_(std::move(hard)) {}

  // One batch of all these. Their encoded size, with a hard state more, must be within kWalBatchBytesMax (see
  // batch_bytes).
  [[nodiscard]] Write encode(std::span<const Persist> persists);
  const Position& position() const { return position_; }

 private:
  Incarnation incarnation_;
  Position position_;
  size_t segment_bytes_;
  HardState hard_;  // as of the batches written so far
};

// What a Persist takes in a batch.
[[nodiscard]] size_t batch_bytes(const Persist& persist);

// A batch found at some place of a segment, with its header checked, and its payload if whole.
struct BatchView {
  uint64_t sequence = 0;
  uint64_t chain_before = 0;
  std::string_view payload;
  size_t bytes = 0;  // with header and padding
  uint64_t chain_after = 0;
};
// Nothing if no whole valid batch begins at the offset.
[[nodiscard]] std::optional<BatchView> read_batch(std::string_view segment, size_t offset,
                                                  Incarnation incarnation);

// Lives belong to the hard state that they come after.
enum class RecordKind : uint8_t { kHardState = 1, kEntry = 2, kLives = 3 };

}  // namespace patronus::wal
