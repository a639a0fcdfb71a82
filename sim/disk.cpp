#include "sim/disk.h"

#include "core/base/assert.h"
#include "core/base/bytes.h"
#include "core/base/limits.h"

namespace patronus::sim {
namespace {

constexpr size_t kSectorBytes = 512;

}  // namespace

void Disk::put(uint64_t segment, uint64_t offset, std::string_view bytes) {
  std::string& content = segments_[segment];
  if (content.empty()) content = wal::segment_header(incarnation_, segment);
  // Past its written part a segment is zeros, which need not be kept.
  if (content.size() < offset + bytes.size()) content.resize(offset + bytes.size(), '\0');
  content.replace(offset, bytes.size(), bytes);
}

void Disk::write(wal::Write write) {
  PATRONUS_ASSERT(!pending_, "the driver has one write under way");
  pending_ = std::move(write);
}

void Disk::synced() {
  PATRONUS_ASSERT(pending_.has_value(), "a sync ends a write");
  put(pending_->segment, pending_->offset, pending_->bytes);
  read_back(*pending_);
  pending_.reset();
}

void Disk::read_back(const wal::Write& write) {
  const std::optional<wal::BatchView> batch = wal::read_batch(write.bytes, 0, incarnation_);
  PATRONUS_ASSERT(batch.has_value(), "a write is one batch");
  Reader in(batch->payload);
  while (in.remaining() > 0) {
    if (static_cast<wal::RecordKind>(in.u8()) == wal::RecordKind::kHardState) {
      const HardState hard = decode_hard_state(in);
      if (!hard.voted_for.empty()) votes_[incarnation_][hard.term] = hard.voted_for;
      continue;
    }
    const Entry entry = decode_entry(in);
    durable_.resize(entry.index.value - 1);
    durable_.push_back(entry.term);
  }
}

size_t Disk::crash(Tape& tape) {
  if (!pending_) return 0;
  const wal::Write write = std::move(*pending_);
  pending_.reset();
  size_t lost = 0;
  bool whole = true;
  // Sectors are those of the disk: the write's first and last one may be partial.
  const uint32_t fate = tape.choose(4);  // all lost, all kept, or each sector by itself
  for (uint64_t at = write.offset; at < write.offset + write.bytes.size();) {
    const uint64_t end =
        std::min<uint64_t>((at / kSectorBytes + 1) * kSectorBytes, write.offset + write.bytes.size());
    const bool kept = fate == 1 || (fate >= 2 && tape.chance(500));
    if (kept) {
      put(write.segment, at, std::string_view(write.bytes).substr(at - write.offset, end - at));
    } else {
      ++lost;
      whole = false;
    }
    at = end;
  }
  if (whole) read_back(write);
  return lost;
}

void Disk::wipe() {
  wiped_[incarnation_] = std::move(durable_);
  segments_.clear();
  pending_.reset();
  durable_.clear();
  incarnation_ = Incarnation{};
}

void Disk::create(Incarnation incarnation) {
  incarnation_ = incarnation;
  segments_[1] = wal::segment_header(incarnation, 1);
}

wal::Recovered Disk::recover() {
  std::vector<wal::SegmentBytes> views;
  for (const auto& [number, bytes] : segments_) views.push_back({number, bytes});
  wal::Recovered recovered = wal::recover(views);
  if (recovered.verdict == wal::Verdict::kTorn) {
    segments_.erase(segments_.upper_bound(recovered.position.segment), segments_.end());
    segments_[recovered.position.segment].resize(recovered.position.offset);
  }
  return recovered;
}

}  // namespace patronus::sim
