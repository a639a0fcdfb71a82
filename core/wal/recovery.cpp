#include "core/wal/recovery.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/limits.h"
#include "core/base/mutant.h"
#include "core/raft/configuration.h"

namespace patronus::wal {
namespace {

// What the log says of the cluster is known all the same, as far as it was read.
Recovered corrupt(const Recovered& so_far, std::string reason) {
  Recovered result;
  result.hard.cluster_id = so_far.hard.cluster_id;
  result.verdict = Verdict::kCorrupt;
  result.reason = std::move(reason);
  return result;
}

std::string place(uint64_t segment, size_t offset) {
  return "segment " + std::to_string(segment) + ", byte " + std::to_string(offset);
}

bool all_zero(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == '\0'; });
}

// An entry at an index that was written before replaces that one and all after it. False if there is a gap.
bool make_room(Index index, bool from_the_first, std::vector<Entry>& entries) {
  if (entries.empty()) return !from_the_first || index == Index{1};
  if (index > entries.back().index.next()) return false;
  // What it replaces began in a segment that is gone, as all did that stood there.
  if (index < entries.front().index) {
    entries.clear();
    return true;
  }
  entries.resize(index.value - entries.front().index.value);
  return true;
}

// Takes one batch's records. False if they make no sense after what came before, which no crash explains.
bool take_records(std::string_view payload, bool from_the_first, Recovered& out) {
  Reader in(payload);
  while (in.remaining() > 0) {
    const auto kind = static_cast<RecordKind>(in.u8());
    if (kind == RecordKind::kHardState) {
      HardState hard = decode_hard_state(in);
      // Only who goes on alone changes its cluster, and that is a new term (Raft::found_anew).
      const bool changes = out.hard.cluster_id && hard.cluster_id != out.hard.cluster_id;
      const bool goes_back = hard.term < out.hard.term || hard.boot < out.hard.boot ||
                             (changes && (hard.term == out.hard.term || !hard.cluster_id));
      if (!in.ok() || goes_back) return false;
      out.hard = std::move(hard);
    } else if (kind == RecordKind::kLives) {
      out.hard.lives = decode_lives(in);
      if (!in.ok()) return false;
    } else if (kind == RecordKind::kEntry) {
      Entry entry = decode_entry(in);
      if (!in.ok() || !make_room(entry.index, from_the_first, out.entries)) return false;
      const bool falls = !out.entries.empty() && entry.term < out.entries.back().term;
      const bool bad_configuration =
          entry.kind == EntryKind::kConfiguration && !decode_configuration(entry.payload.view());
      if (falls || entry.term > out.hard.term || bad_configuration) return false;
      Index& last = out.segments.back().last_entry;
      last = std::max(last, entry.index);
      out.entries.push_back(std::move(entry));
    } else {
      return false;
    }
  }
  return true;
}

// True if a valid batch stands anywhere at or after the place: then the one missing before it was synced.
bool later_batch_exists(std::span<const SegmentBytes> segments, size_t at, size_t offset,
                        const Recovered& so_far) {
  for (size_t i = at; i < segments.size(); ++i) {
    const size_t begin = i == at ? offset : limits::kWalSegmentHeaderBytes;
    for (size_t o = begin; o + kBatchHeaderBytes <= segments[i].bytes.size(); o += kAlignment) {
      const std::optional<BatchView> batch = read_batch(segments[i].bytes, o, so_far.incarnation);
      if (batch && batch->sequence >= so_far.position.sequence) return true;
    }
  }
  return false;
}

// Walks one segment's batches as far as they are valid and in sequence.
bool walk(const SegmentBytes& segment, bool from_the_first, Recovered& out) {
  size_t offset = limits::kWalSegmentHeaderBytes;
  while (true) {
    const std::optional<BatchView> batch = read_batch(segment.bytes, offset, out.incarnation);
    if (!batch || batch->sequence != out.position.sequence || batch->chain_before != out.position.chain)
      return true;
    if (!take_records(batch->payload, from_the_first, out)) {
      out.reason = "impossible records in a valid batch at " + place(segment.segment, offset);
      return false;
    }
    offset += batch->bytes;
    out.position = {segment.segment, offset, out.position.sequence + 1, batch->chain_after};
  }
}

}  // namespace

Recovered recover(std::span<const SegmentBytes> segments) {
  Recovered out;
  if (segments.empty()) return out;
  for (const SegmentBytes& segment : segments) {
    const std::optional<uint32_t> format = newer_format(segment.bytes);
    if (!format) continue;
    Recovered newer =
        corrupt(out, "segment " + std::to_string(segment.segment) + " is of format " +
                         std::to_string(*format) + ", which this version of patronusd does not know");
    newer.newer_format = true;
    return newer;
  }
  const uint64_t first_number = segments[0].segment;
  const bool from_the_first = first_number == 1;
  const std::optional<SegmentHeader> first = read_segment_header(segments[0].bytes);
  // A segment gets its name once its header is synced, so that no crash explains one without.
  if (!first) return corrupt(out, "the header of segment " + std::to_string(first_number) + " is damaged");
  if (!from_the_first && !first->start) {
    return corrupt(out, "segment " + std::to_string(first_number - 1) + " is missing");
  }
  out.incarnation = first->incarnation;
  out.position = from_the_first ? first_position(first->incarnation) : *first->start;
  const Position begin = out.position;
  size_t stopped_at = 0;
  for (size_t i = 0; i < segments.size(); ++i) {
    const std::optional<SegmentHeader> header = read_segment_header(segments[i].bytes);
    if (!header && i + 1 == segments.size()) break;  // created, never used: nothing in it can be valid
    const uint64_t number = first_number + i;
    if (!header || header->segment != number || segments[i].segment != number ||
        header->incarnation != out.incarnation) {
      return corrupt(out,
                     "segment " + std::to_string(number) + " is missing, damaged or another directory's");
    }
    const Position before = out.position;
    out.segments.push_back({number, Index{}, i == 0 || header->start.has_value()});
    if (!walk(segments[i], from_the_first, out)) return corrupt(out, out.reason);
    if (out.position != before || i == 0) stopped_at = i;
  }
  // Those before it are removed only once its first batch is there, which holds the hard state.
  if (!from_the_first && (out.position == begin || !out.hard.cluster_id)) {
    return corrupt(out,
                   "segment " + std::to_string(first_number) + " does not begin as one that comes first");
  }
  out.segments.resize(stopped_at + 1);
  const SegmentBytes& last = segments[stopped_at];
  const size_t end = std::min<size_t>(out.position.offset, last.bytes.size());
  bool torn = !all_zero(last.bytes.substr(end));
  for (size_t i = stopped_at + 1; i < segments.size(); ++i) {
    torn = torn || !all_zero(segments[i].bytes.substr(
                       std::min(segments[i].bytes.size(), limits::kWalSegmentHeaderBytes)));
  }
  if (torn && later_batch_exists(segments, stopped_at, end, out) && !MUTANT(kCutCorruption)) {
    return corrupt(out, "a batch that was synced is damaged at " + place(last.segment, end));
  }
  out.verdict = torn ? Verdict::kTorn : Verdict::kWhole;
  if (torn) out.reason = "the batch at " + place(last.segment, end) + " was not finished and is cut";
  return out;
}

}  // namespace patronus::wal
