// Recovery from whatever a disk may give back: a small valid log with damage at places the input picks,
// batches with right checksums around any payload, or any bytes at all. The log is known, so recovery can be
// held to it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/crc32c.h"
#include "core/base/hash.h"
#include "core/base/limits.h"
#include "core/wal/format.h"
#include "core/wal/recovery.h"

namespace {

using namespace patronus;
using wal::Recovered;
using wal::Verdict;

constexpr size_t kSegmentBytes = 1536;
constexpr size_t kBatchesMax = 12;
constexpr size_t kEditsMax = 24;

void require(bool holds) {
  if (!holds) __builtin_trap();
}

// Gives zeros when the input is used up, so that every input means something.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : left_(reinterpret_cast<const char*>(data), size) {}

  uint8_t byte() {
    const std::string_view one = bytes(1);
    return one.empty() ? uint8_t{0} : static_cast<uint8_t>(one[0]);
  }
  size_t number() {
    const size_t low = byte();
    return low | static_cast<size_t>(byte()) << 8;
  }
  std::string_view bytes(size_t wanted) {
    const std::string_view taken = left_.substr(0, wanted);
    left_.remove_prefix(taken.size());
    return taken;
  }
  bool empty() const { return left_.empty(); }

 private:
  std::string_view left_;
};

// What was promised when a batch's sync was done.
struct State {
  HardState hard;
  std::vector<Entry> entries;
  wal::Position position;
};
struct Batch {
  size_t segment = 0;  // counted from 0
  size_t offset = 0;
  size_t end = 0;     // with the padding, which must be there but may hold anything
  std::string bytes;  // without it
};
struct Disk {
  std::vector<std::string> segments;
  size_t removed = 0;  // from the front, as when the log is cut

  uint64_t number(size_t at) const { return removed + at + 1; }
};
struct Log {
  Disk disk;
  std::vector<Batch> batches;
  std::vector<State> states;  // states[k] holds after k batches
};

void write_at(Disk& disk, const wal::Write& write, Incarnation incarnation) {
  const size_t at = write.segment - 1 - disk.removed;
  if (at >= disk.segments.size()) disk.segments.resize(at + 1);
  std::string& segment = disk.segments[at];
  if (write.new_segment) segment = wal::segment_header(incarnation, *write.new_segment);
  segment.resize(std::max(segment.size(), kSegmentBytes), '\0');
  segment.replace(write.offset, write.bytes.size(), write.bytes);
}

void append_batch(Log& log, wal::Encoder& encoder, Incarnation incarnation, const Persist& persist) {
  State state = log.states.back();
  if (persist.hard) state.hard = *persist.hard;
  for (const Entry& entry : persist.entries) {
    state.entries.resize(entry.index.value - 1);
    state.entries.push_back(entry);
  }
  const wal::Write write = encoder.encode({&persist, 1});
  state.position = encoder.position();
  write_at(log.disk, write, incarnation);
  // The first batch of a segment repeats the hard state.
  const Persist repeated{PersistId{}, log.states.back().hard, {}};
  const size_t used = wal::kBatchHeaderBytes + wal::batch_bytes(persist) +
                      (write.new_segment ? wal::batch_bytes(repeated) : 0);
  require(used <= write.bytes.size() && write.bytes.size() < used + wal::kAlignment);
  log.batches.push_back(
      {write.segment - 1, write.offset, write.offset + write.bytes.size(), write.bytes.substr(0, used)});
  log.states.push_back(std::move(state));
}

// Appends and overwrites as a follower would do them, with terms that never fall.
Persist next_persist(const State& state, size_t number, Input& in) {
  const uint8_t choice = in.byte();
  Persist persist;
  persist.id = PersistId{number + 1};
  HardState hard = state.hard;
  if (number == 0 || choice % 3 == 0) {
    hard.term = hard.term.next();
    hard.voted_for = choice % 2 == 0 ? "node-a" : "";
    hard.cluster_id.words = {7, 9};
    ++hard.boot;
    persist.hard = hard;
  }
  const size_t back = choice % 5 == 0 ? choice / 16 : 0;
  const size_t kept = state.entries.size() - std::min(back, state.entries.size());
  for (size_t i = 0; i < choice % 4U; ++i) {
    Entry entry;
    entry.index = Index{kept + i + 1};
    entry.term = hard.term;
    entry.stamp = {static_cast<int64_t>(number), static_cast<int64_t>(i)};
    entry.payload = Blob(std::string(in.byte() % 100U, static_cast<char>('a' + number)));
    persist.entries.push_back(std::move(entry));
  }
  if (!persist.hard && persist.entries.empty()) persist.hard = hard;
  return persist;
}

Log make_log(Incarnation incarnation, Input& in) {
  Log log;
  log.states.push_back({HardState{}, {}, wal::first_position(incarnation)});
  log.disk.segments.push_back(wal::segment_header(incarnation, log.states[0].position));
  log.disk.segments[0].resize(kSegmentBytes, '\0');
  wal::Encoder encoder(incarnation, log.states[0].position, kSegmentBytes, HardState{});
  const uint8_t choice = in.byte();
  for (size_t i = 0; i < choice % (kBatchesMax + 1); ++i) {
    append_batch(log, encoder, incarnation, next_persist(log.states.back(), i, in));
  }
  // A segment that was made ready and not used yet.
  if (choice >= 0x80) {
    wal::Position next = encoder.position();
    next.segment = log.disk.segments.size() + 1;
    next.offset = limits::kWalSegmentHeaderBytes;
    log.disk.segments.push_back(wal::segment_header(incarnation, next));
    log.disk.segments.back().resize(kSegmentBytes, '\0');
  }
  return log;
}

Recovered recover(const Disk& disk) {
  std::vector<wal::SegmentBytes> views;
  for (const std::string& segment : disk.segments) views.push_back({disk.number(views.size()), segment});
  return wal::recover(views);
}

// Whatever it was made from, what recovery vouches for is a log that a node can start with.
void check_sound(const Recovered& found, size_t input_bytes) {
  if (found.verdict == Verdict::kCorrupt) {
    require(!found.reason.empty() && found.entries.empty());
    return;
  }
  require((found.verdict == Verdict::kTorn) == !found.reason.empty());
  if (found.verdict == Verdict::kEmpty) {
    require(found.entries.empty() && found.hard == HardState{});
    return;
  }
  require(static_cast<bool>(found.incarnation));
  size_t bytes = 0;
  Term term;
  for (size_t i = 0; i < found.entries.size(); ++i) {
    const Entry& entry = found.entries[i];
    require(entry.index.value == found.entries[0].index.value + i && entry.term >= term &&
            entry.term <= found.hard.term);
    term = entry.term;
    bytes += entry.encoded_bytes();
  }
  require(bytes <= input_bytes);
}

// Does what must be done before anything is written after a recovery, writes, and recovers again.
void check_goes_on(Disk disk, const Recovered& found) {
  const size_t last = found.position.segment - 1 - disk.removed;
  require(last < disk.segments.size() && found.position.offset <= disk.segments[last].size());
  if (found.verdict == Verdict::kTorn) {
    disk.segments.resize(last + 1);
    std::string& segment = disk.segments[last];
    std::fill(segment.begin() + static_cast<std::ptrdiff_t>(found.position.offset), segment.end(), '\0');
    require(recover(disk).verdict == Verdict::kWhole);
  }
  Persist persist;
  persist.id = PersistId{1};
  persist.hard = found.hard;
  if (persist.hard->term.value == std::numeric_limits<uint64_t>::max()) return;
  persist.hard->term = persist.hard->term.next();
  Entry entry;
  entry.index = found.entries.empty() ? Index{1} : found.entries.back().index.next();
  entry.term = persist.hard->term;
  entry.payload = Blob("after");
  persist.entries.push_back(entry);
  const size_t segment_bytes = std::max(kSegmentBytes, found.position.offset);
  wal::Encoder encoder(found.incarnation, found.position, segment_bytes, found.hard);
  write_at(disk, encoder.encode({&persist, 1}), found.incarnation);
  const Recovered again = recover(disk);
  require(again.verdict == Verdict::kWhole);
  require(again.hard == *persist.hard && again.position == encoder.position());
  std::vector<Entry> entries = found.entries;
  entries.push_back(entry);
  require(again.entries == entries);
}

// One way in which a disk lies. True if it may have put a valid batch where none was written.
bool edit(Disk& disk, Input& in) {
  const uint8_t what = in.byte();
  std::string& segment = disk.segments[what / 8U % disk.segments.size()];
  const size_t at = in.number() % (segment.size() + 1);
  const size_t size = std::min<size_t>(in.byte(), segment.size() - at);
  switch (what % 6) {
    case 0:
      for (size_t i = 0; i < size; ++i) segment[at + i] = '\0';
      return false;
    case 1:
      for (size_t i = 0; i < std::min<size_t>(size, 4); ++i) segment[at + i] ^= static_cast<char>(in.byte());
      return false;
    case 2:
      segment.resize(at);
      return false;
    case 3:
      disk.segments.pop_back();
      return false;
    case 4: {  // a block that went to the wrong place
      const std::string& source = disk.segments[in.byte() % disk.segments.size()];
      const std::string block = source.substr(in.number() % (source.size() + 1), size);
      segment.replace(at, block.size(), block);
      return true;
    }
    default:  // a block that was never written: everything from here to the next sector's end is old
      std::fill_n(segment.begin() + static_cast<std::ptrdiff_t>(at),
                  std::min(size_t{512} - at % 512, segment.size() - at), '\0');
      return false;
  }
}

bool is_intact(const Disk& disk, const Batch& batch) {
  if (batch.segment < disk.removed || batch.segment - disk.removed >= disk.segments.size()) return false;
  const std::string_view segment = disk.segments[batch.segment - disk.removed];
  return batch.end <= segment.size() && segment.substr(batch.offset).starts_with(batch.bytes);
}

bool header_is_intact(const Disk& disk, size_t segment, Incarnation incarnation) {
  if (segment >= disk.segments.size()) return false;
  const auto header = wal::read_segment_header(disk.segments[segment]);
  return header && header->incarnation == incarnation && header->segment == disk.number(segment);
}

void check_damaged_log(Input& in) {
  const Incarnation incarnation{0x1234};
  const Log log = make_log(incarnation, in);
  Disk disk = log.disk;
  // The log was cut: some segments are gone, and the one that comes first holds a batch at least.
  const size_t used = log.batches.empty() ? 1 : log.batches.back().segment + 1;
  disk.removed = in.byte() % used;
  disk.segments.erase(disk.segments.begin(),
                      disk.segments.begin() + static_cast<std::ptrdiff_t>(disk.removed));
  size_t first = 0;
  while (first < log.batches.size() && log.batches[first].segment < disk.removed) ++first;
  bool planted = false;
  for (size_t i = 0; i < kEditsMax && !in.empty() && !disk.segments.empty(); ++i) planted |= edit(disk, in);
  const Recovered found = recover(disk);
  check_sound(found, disk.segments.size() * kSegmentBytes);

  size_t kept = first;
  while (kept < log.batches.size() && is_intact(disk, log.batches[kept]) &&
         header_is_intact(disk, log.batches[kept].segment - disk.removed, incarnation)) {
    ++kept;
  }
  bool later_is_intact = false;
  for (size_t i = kept; i < log.batches.size(); ++i) later_is_intact |= is_intact(disk, log.batches[i]);
  bool headers_intact = true;
  for (size_t i = 0; i < disk.segments.size(); ++i) headers_intact &= header_is_intact(disk, i, incarnation);

  // A later batch that is still there proves that the damaged one was synced, and somebody may have been
  // told.
  if (later_is_intact) require(found.verdict == Verdict::kCorrupt);
  // A crash can do no worse than this, and it must never stop a node.
  // Of a log that was cut the first batch is older than the cut.
  const bool begins = disk.removed == 0 || kept > first;
  if (!later_is_intact && headers_intact && !planted && begins && !disk.segments.empty()) {
    require(found.verdict == Verdict::kWhole || found.verdict == Verdict::kTorn);
  }
  if (found.verdict == Verdict::kEmpty) require(kept == first);
  if (found.verdict != Verdict::kWhole && found.verdict != Verdict::kTorn) return;
  const State& promised = log.states[kept];
  require(found.incarnation == incarnation && found.position == promised.position);
  require(found.hard == promised.hard);
  // What is there of a log that was cut is its end.
  require(found.entries.size() == promised.entries.size() ||
          (disk.removed > 0 && found.entries.size() < promised.entries.size()));
  require(std::equal(found.entries.rbegin(), found.entries.rend(), promised.entries.rbegin()));
  check_goes_on(std::move(disk), found);
}

// The format once more, for payloads that the encoder would never write.
std::string sealed_batch(Incarnation incarnation, const wal::Position& position, std::string_view payload) {
  std::string seed;
  Writer(seed).u64(incarnation.value);
  std::string bytes;
  Writer out(bytes);
  out.u32(0x48435442);
  out.u32(static_cast<uint32_t>(payload.size()));
  out.u64(position.sequence);
  out.u64(position.chain);
  out.u32(crc32c(payload));
  out.u32(crc32c(bytes, crc32c(seed)));
  out.raw(payload);
  return bytes;
}

void check_sealed_payloads(Input& in) {
  const Incarnation incarnation{in.byte() + uint64_t{1}};
  wal::Position position = wal::first_position(incarnation);
  Disk disk;
  disk.segments.push_back(wal::segment_header(incarnation, position));
  std::string& segment = disk.segments[0];
  size_t batches = 0;
  while (!in.empty()) {
    const std::string bytes = sealed_batch(incarnation, position, in.bytes(in.number() % 2048));
    ++position.sequence;
    position.chain = hash64(bytes, position.chain);
    segment += bytes;
    segment.resize((segment.size() + wal::kAlignment - 1) / wal::kAlignment * wal::kAlignment, '\0');
    ++batches;
  }
  position.offset = segment.size();
  const Recovered found = recover(disk);
  check_sound(found, segment.size());
  // The bytes are all as they were written, so only their meaning can be wrong.
  require(found.verdict == Verdict::kWhole || found.verdict == Verdict::kCorrupt);
  if (found.verdict == Verdict::kCorrupt) return;
  require(found.position == position && found.position.sequence == batches + 1);
  check_goes_on(std::move(disk), found);
}

void check_raw(Input& in) {
  std::vector<std::string> bytes;
  std::vector<wal::SegmentBytes> views;
  size_t total = 0;
  const uint64_t first = 1 + in.byte() % 3U;
  while (!in.empty() && bytes.size() < 8) {
    const uint8_t choice = in.byte();
    std::string segment = choice % 2 == 0
                              ? std::string()
                              : wal::segment_header(Incarnation{1}, {first + bytes.size(), 512, 1, 0});
    segment += in.bytes(in.number());
    total += segment.size();
    bytes.push_back(std::move(segment));
  }
  for (const std::string& segment : bytes) views.push_back({first + views.size(), segment});
  check_sound(wal::recover(views), total);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input in(data, size);
  switch (in.byte() % 4) {
    case 0:
      check_raw(in);
      break;
    case 1:
      check_sealed_payloads(in);
      break;
    default:
      check_damaged_log(in);
      break;
  }
  return 0;
}
