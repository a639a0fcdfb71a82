#include "sim/disk.h"

#include <utility>

#include "core/base/assert.h"
#include "core/base/bytes.h"
#include "core/base/limits.h"

namespace patronus::sim {
namespace {

constexpr size_t kSectorBytes = 512;

}  // namespace

void Disk::put(uint64_t segment, uint64_t offset, std::string_view bytes) {
  std::string& content = content_.segments[segment];
  // Past its written part a segment is zeros, which need not be kept.
  if (content.size() < offset + bytes.size()) content.resize(offset + bytes.size(), '\0');
  content.replace(offset, bytes.size(), bytes);
}

void Disk::write(wal::Write write) {
  PATRONUS_ASSERT(!pending_, "the driver has one write under way");
  pending_ = std::move(write);
  // A segment is made and synced, with its header, before anything is written to it.
  if (pending_->new_segment)
    content_.segments[pending_->segment] = wal::segment_header(incarnation_, *pending_->new_segment);
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
    const auto kind = static_cast<wal::RecordKind>(in.u8());
    if (kind == wal::RecordKind::kLives) {
      content_.lives = decode_lives(in);
      continue;
    }
    if (kind == wal::RecordKind::kHardState) {
      const HardState hard = decode_hard_state(in);
      content_.lives = Lives{};
      if (!hard.voted_for.empty()) votes_[incarnation_][hard.term] = hard.voted_for;
      continue;
    }
    const Entry entry = decode_entry(in);
    content_.durable.resize(entry.index.value - 1);
    content_.durable.push_back(entry.term);
  }
}

bool Disk::remove_one(uint64_t first_kept) {
  if (content_.segments.empty() || content_.segments.begin()->first >= first_kept) return false;
  content_.segments.erase(content_.segments.begin());
  return true;
}

void Disk::take(Checkpoint&& piece) {
  PATRONUS_ASSERT(!commit_, "one checkpoint after the other");
  anew_ = anew_ || piece.anew;
  for (Row& row : piece.rows) gathered_.push_back(std::move(row));
  commit_ = piece.end;
}

void Disk::checkpointed() {
  PATRONUS_ASSERT(commit_.has_value(), "a commit ends a checkpoint");
  if (std::exchange(anew_, false)) {
    content_.image.rows.clear();
    content_.damaged = false;
  }
  for (Row& row : gathered_) {
    if (row.value) {
      content_.image.rows.insert_or_assign(std::move(row.key), row.value->text());
    } else {
      content_.image.rows.erase(row.key);
    }
  }
  content_.image.incarnation = incarnation_;
  content_.image.end = *commit_;
  gathered_.clear();
  commit_.reset();
}

void Disk::install(Image image) {
  PATRONUS_ASSERT(content_.arrived.has_value(), "what is installed has arrived");
  content_.image = std::move(image);
  content_.image.incarnation = incarnation_;
  content_.image.installed = true;
  content_.installed_terms = std::move(content_.arrived->terms);
  content_.arrived.reset();
}

void Disk::begin_anew(const wal::Write& first) {
  PATRONUS_ASSERT(first.new_segment.has_value(), "a log begins anew in a segment of its own");
  content_.segments[first.segment] = wal::segment_header(incarnation_, *first.new_segment);
  put(first.segment, first.offset, first.bytes);
  content_.durable = content_.installed_terms;
}

void Disk::settle() {
  if (!content_.image.installed) return;
  content_.image.installed = false;
  if (content_.durable.size() < content_.installed_terms.size()) content_.durable = content_.installed_terms;
}

size_t Disk::crash(Track& tape) {
  // A commit is there or not, whatever the process was told.
  if (commit_ && tape.chance(500)) checkpointed();
  gathered_.clear();
  anew_ = false;
  commit_.reset();
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
  // Its segment may not have been there yet.
  if (write.new_segment && fate == 0 && tape.chance(500)) content_.segments.erase(write.segment);
  return lost;
}

void Disk::wipe() {
  // What was promised before it was rolled back was promised all the same.
  if (!rolled_back_) wiped_[incarnation_] = std::move(content_.durable);
  content_ = Content{};
  copy_.reset();
  pending_.reset();
  gathered_.clear();
  anew_ = false;
  commit_.reset();
  rolled_back_ = false;
  incarnation_ = Incarnation{};
}

void Disk::copy() { copy_ = content_; }

std::optional<Lives> Disk::copied_lives() const { return copy_ ? std::optional(copy_->lives) : std::nullopt; }

void Disk::roll_back() {
  PATRONUS_ASSERT(copy_ && !pending_ && !commit_, "a machine that is off is restored from its copy");
  wiped_[incarnation_] = std::move(content_.durable);
  content_ = *std::exchange(copy_, std::nullopt);
  rolled_back_ = true;
}

DiskLife Disk::known_life(Incarnation of) const {
  for (const DiskLife& one : content_.lives.others) {
    if (one.incarnation == of) return one;
  }
  return {};
}

void Disk::set_aside(const ClusterId& cluster) {
  wipe();
  content_.note = cluster;
}

void Disk::damage(Track& tape) {
  if (content_.segments.empty()) return;
  content_.damaged = true;
  std::string& first = content_.segments.begin()->second;
  const uint32_t what = tape.choose(6);
  if (what == 0 && !content_.image.rows.empty()) {
    // Any row but the last, so that it is missed.
    content_.image.rows.erase(content_.image.rows.begin());
  } else if (what == 1 && content_.image.end.base.index) {
    content_.image = Image{};
  } else if (what == 2 && content_.segments.size() > 1) {
    // A batch of a segment that another one follows.
    const auto at = limits::kWalSegmentHeaderBytes + tape.choose(64);
    if (at < first.size()) first[at] = static_cast<char>(first[at] ^ 1);
  } else if (what == 4 && content_.segments.size() > 1) {
    // A write that went to the wrong place: it is missing where it belongs, and what was here is gone.
    const std::string& last = content_.segments.rbegin()->second;
    const size_t bytes = std::min({size_t{kSectorBytes}, first.size(), last.size()});
    const size_t at =
        tape.choose(static_cast<uint32_t>((first.size() - bytes) / kSectorBytes + 1)) * kSectorBytes;
    first.replace(at, bytes, last, last.size() - bytes, bytes);
  } else if (what == 5 && content_.segments.size() > 2) {
    // A file's name is lost with the directory's.
    content_.segments.erase(std::next(content_.segments.begin()));
  } else {
    first.replace(0, std::min<size_t>(first.size(), 64), 64, '\0');
  }
}

bool Disk::rot(Track& tape) {
  std::map<std::string, std::string>& rows = content_.image.rows;
  if (rows.empty()) return false;
  const auto row = std::next(rows.begin(), tape.choose(static_cast<uint32_t>(rows.size())));
  if (row->second.empty()) return false;
  char& byte = row->second[tape.choose(static_cast<uint32_t>(row->second.size()))];
  byte = static_cast<char>(byte ^ (1 << tape.choose(8)));
  content_.damaged = true;
  return true;
}

void Disk::create(Incarnation incarnation) {
  // The copy may have been of an empty one, which is then no older data directory but none.
  rolled_back_ = false;
  copy_.reset();
  incarnation_ = incarnation;
  content_.segments[1] = wal::segment_header(incarnation, wal::first_position(incarnation));
}

std::vector<wal::SegmentBytes> Disk::segment_views() const {
  std::vector<wal::SegmentBytes> views;
  views.reserve(content_.segments.size());
  for (const auto& [number, bytes] : content_.segments) views.push_back({number, bytes});
  return views;
}

bool Disk::is_of_a_cluster() const {
  const std::vector<wal::SegmentBytes> views = segment_views();
  return static_cast<bool>(wal::recover(views).hard.cluster_id);
}

wal::Recovered Disk::recover() {
  const std::vector<wal::SegmentBytes> views = segment_views();
  wal::Recovered recovered = wal::recover(views);
  if (recovered.verdict == wal::Verdict::kTorn) {
    content_.segments.erase(content_.segments.upper_bound(recovered.position.segment),
                            content_.segments.end());
    content_.segments[recovered.position.segment].resize(recovered.position.offset);
  }
  return recovered;
}

}  // namespace patronus::sim
