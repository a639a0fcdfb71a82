// From what a crash leaves on disk back to what was promised: nothing acknowledged is lost, nothing damaged
// is taken for a tear.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "core/base/limits.h"
#include "core/base/mutant.h"
#include "core/wal/format.h"
#include "core/wal/recovery.h"

namespace patronus::wal::wal_test {
namespace {

constexpr Incarnation kDirectory{0x1234567890abcdef};
constexpr size_t kSmallSegment = 4096;
constexpr size_t kSector = 512;

// Segments as files would hold them: zeros, a header, and what was written.
class Disk {
 public:
  void create(uint64_t segment) { create(Position{segment, limits::kWalSegmentHeaderBytes, 1, 0}); }
  void create(const Position& start) {
    std::string& bytes = segments_[start.segment];
    bytes = segment_header(kDirectory, start);
    bytes.resize(kSmallSegment, '\0');
  }
  void write(const Write& write) {
    if (write.new_segment) create(*write.new_segment);
    segments_[write.segment].replace(write.offset, write.bytes.size(), write.bytes);
  }
  // A crash in the middle of the write: of each sector it touches either all or nothing is there.
  void write_sectors(const Write& write, const std::vector<bool>& kept) {
    Disk whole = *this;
    whole.write(write);
    if (write.new_segment) create(*write.new_segment);
    for (size_t i = 0; i < kept.size(); ++i) {
      const size_t at = (write.offset / kSector + i) * kSector;
      if (kept[i]) segments_[write.segment].replace(at, kSector, whole.segments_[write.segment], at, kSector);
    }
  }
  static size_t sectors(const Write& write) {
    return (write.offset + write.bytes.size() - 1) / kSector - write.offset / kSector + 1;
  }
  // What open_log_directory does after a tear.
  void cut(const Position& position) {
    segments_.erase(segments_.upper_bound(position.segment), segments_.end());
    std::string& bytes = segments_[position.segment];
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(position.offset), bytes.end(), '\0');
  }
  void remove(uint64_t segment) { segments_.erase(segment); }
  std::string& at(uint64_t segment) { return segments_[segment]; }
  uint64_t last() const { return segments_.rbegin()->first; }

  Recovered recovered() const {
    std::vector<SegmentBytes> views;
    for (const auto& [number, bytes] : segments_) views.push_back({number, bytes});
    return recover(views);
  }

 private:
  std::map<uint64_t, std::string> segments_;
};

// What recovery must give back, kept the plain way.
struct Kept {
  HardState hard;
  std::vector<Entry> entries;

  void take(const Persist& persist) {
    if (persist.hard) hard = *persist.hard;
    for (const Entry& entry : persist.entries) {
      entries.resize(entry.index.value - 1);
      entries.push_back(entry);
    }
  }
  bool is(const Recovered& recovered) const { return recovered.hard == hard && recovered.entries == entries; }
};

// A node's life: lawful persists, now and then one that replaces the tail of the log.
class History {
 public:
  History() { disk.create(1); }

  Persist persist(std::string_view payload = {}) {
    Persist p;
    p.id = next_id_ = next_id_.next();
    HardState hard = kept.hard;
    if (*rc::gen::inRange(0, 3) == 0 || !hard.term) {
      hard.term = Term{hard.term.value + *rc::gen::inRange<uint64_t>(1, 3)};
      hard.voted_for = *rc::gen::element<std::string>("", "a", "b");
      hard.cluster_id = {{7, 8}};
      ++hard.boot;
      hard.lives = {};
      if (*rc::gen::inRange(0, 2) == 0) {
        hard.lives = {hard.boot, *rc::gen::arbitrary<bool>(), {hard.boot, 7}, {}};
        for (uint64_t i = *rc::gen::inRange<uint64_t>(0, 3); i > 0; --i)
          hard.lives.others.push_back({Incarnation{i}, hard.boot + i, 9 * i});
      }
      p.hard = hard;
    }
    // A given payload is that of the only entry.
    const uint64_t count = payload.empty() ? *rc::gen::inRange<uint64_t>(p.hard ? 0 : 1, 4) : 1;
    const bool rewrites = *rc::gen::inRange(0, 4) == 0;
    const uint64_t end = kept.entries.size() + 1;
    const uint64_t first = rewrites ? *rc::gen::inRange<uint64_t>(1, end + 1) : end;
    for (uint64_t i = 0; i < count; ++i) {
      const std::string value =
          payload.empty() ? std::string(*rc::gen::inRange<size_t>(0, 700), 'v') : std::string(payload);
      p.entries.push_back({Index{first + i}, hard.term, EntryKind::kCommand, {1, 2}, Blob(value)});
    }
    return p;
  }
  // Persists of one batch, each lawful after the one before.
  std::vector<Persist> batch() {
    std::vector<Persist> all;
    const Kept before = kept;
    const auto count = *rc::gen::inRange<size_t>(1, 3);
    for (size_t i = 0; i < count && size_of(all) < 1000; ++i) {
      all.push_back(persist());
      kept.take(all.back());
    }
    kept = before;
    return all;
  }
  Write encode(const std::vector<Persist>& persists) { return encoder.encode(persists); }
  Write write(const std::vector<Persist>& persists) {
    const Write done = encode(persists);
    disk.write(done);
    for (const Persist& p : persists) kept.take(p);
    writes.push_back(done);
    return done;
  }
  void write_some(size_t batches) {
    for (size_t i = 0; i < batches; ++i) write(batch());
  }

  Disk disk;
  Kept kept;
  Encoder encoder{kDirectory, first_position(kDirectory), kSmallSegment, HardState{}};
  std::vector<Write> writes;

 private:
  static size_t size_of(const std::vector<Persist>& all) {
    size_t bytes = 0;
    for (const Persist& p : all) bytes += batch_bytes(p);
    return bytes;
  }
  PersistId next_id_;
};

// Without its padding, which no checksum covers and nobody reads.
size_t meant_bytes(const Write& write) {
  Reader in(std::string_view(write.bytes).substr(4));
  return kBatchHeaderBytes + in.u32();
}

RC_GTEST_PROP(Wal, WhatWasWrittenIsRecovered, ()) {
  History history;
  history.write_some(*rc::gen::inRange<size_t>(0, 25));
  const Recovered recovered = history.disk.recovered();
  RC_ASSERT(recovered.verdict == Verdict::kWhole);
  RC_ASSERT(recovered.incarnation == kDirectory);
  RC_ASSERT(history.kept.is(recovered));
  RC_ASSERT(recovered.position == history.encoder.position());
  RC_TAG(history.disk.last() > 1 ? "several segments" : "one segment");
}

TEST(Wal, ABatchSaysThroughWhichPersistItGoes) {
  Encoder encoder(kDirectory, first_position(kDirectory), kSmallSegment, HardState{});
  const Write write = encoder.encode(std::vector<Persist>{{PersistId{3}, {}, {}}, {PersistId{5}, {}, {}}});
  EXPECT_EQ(write.through, PersistId{5});
  EXPECT_EQ(write.bytes.size() % kAlignment, 0U);
}

RC_GTEST_PROP(Wal, BatchBytesIsWhatAPersistTakes, ()) {
  History history;
  const Persist p = history.persist();
  RC_ASSERT(meant_bytes(history.write({p})) == kBatchHeaderBytes + batch_bytes(p));
}

TEST(Wal, BeginsAnewWhereNothingEverWas) { EXPECT_EQ(recover({}).verdict, Verdict::kEmpty); }

// A segment has its name only once its header is on disk: one without has been overwritten.
TEST(Wal, ZerosAreNoEmptyLog) {
  const std::string zeros(kSmallSegment, '\0');
  EXPECT_EQ(recover(std::vector<SegmentBytes>{{1, zeros}}).verdict, Verdict::kCorrupt);
  const std::string started = segment_header(kDirectory, first_position(kDirectory)).substr(0, 10);
  EXPECT_EQ(recover(std::vector<SegmentBytes>{{1, started}}).verdict, Verdict::kCorrupt);
}

// What a later version has written is not damage.
TEST(Wal, ANewerFormatIsSaid) {
  std::string header = segment_header(kDirectory, first_position(kDirectory));
  header[8] = static_cast<char>(kFormat + 1);
  const Recovered found = recover(std::vector<SegmentBytes>{{1, header}});
  EXPECT_EQ(found.verdict, Verdict::kCorrupt);
  EXPECT_TRUE(found.newer_format);
  header[8] = static_cast<char>(kFormat + 101);
  EXPECT_FALSE(recover(std::vector<SegmentBytes>{{1, header}}).newer_format)
      << "that is no number of a format";
}

// Scenario 8: whichever sectors of the last batch reached the disk, in whatever order, all before it is
// there.
RC_GTEST_PROP(Wal, ATornLastBatchLosesNothingBeforeIt, ()) {
  History history;
  history.write_some(*rc::gen::inRange<size_t>(0, 15));
  const Kept before = history.kept;
  const Position position_before = history.encoder.position();
  const std::vector<Persist> last = history.batch();
  const Write write = history.encode(last);
  const std::vector<bool> kept =
      *rc::gen::container<std::vector<bool>>(Disk::sectors(write), rc::gen::arbitrary<bool>());
  history.disk.write_sectors(write, kept);
  Kept after = before;
  for (const Persist& p : last) after.take(p);

  const Recovered recovered = history.disk.recovered();
  RC_ASSERT(recovered.verdict == Verdict::kWhole || recovered.verdict == Verdict::kTorn);
  const bool is_before = before.is(recovered) && recovered.position == position_before;
  const bool is_after = after.is(recovered) && recovered.position == history.encoder.position();
  RC_ASSERT(is_before || is_after);
  if (recovered.verdict == Verdict::kTorn) RC_ASSERT(is_before);
  const bool all = std::all_of(kept.begin(), kept.end(), [](bool k) { return k; });
  const bool none = std::none_of(kept.begin(), kept.end(), [](bool k) { return k; });
  if (all) RC_ASSERT(is_after && recovered.verdict == Verdict::kWhole);
  if (none) RC_ASSERT(is_before && recovered.verdict == Verdict::kWhole);
}

// Every subset of a batch of six sectors, so that none is left to chance.
TEST(Wal, EverySubsetOfSectorsIsWholeOrTorn) {
  Disk disk;
  disk.create(1);
  Encoder encoder(kDirectory, first_position(kDirectory), kSmallSegment, HardState{});
  const HardState hard{Term{1}, "a", {{7, 8}}, 1};
  disk.write(encoder.encode(std::vector<Persist>{{PersistId{1}, hard, {}}}));
  const Entry entry{Index{1}, Term{1}, EntryKind::kCommand, {}, Blob(std::string(2700, 'v'))};
  const Write write = encoder.encode(std::vector<Persist>{{PersistId{2}, {}, {entry}}});
  const size_t sectors = Disk::sectors(write);
  ASSERT_GE(sectors, 6U);
  for (size_t subset = 0; subset < (size_t{1} << sectors); ++subset) {
    std::vector<bool> kept(sectors);
    for (size_t i = 0; i < sectors; ++i) kept[i] = ((subset >> i) & 1) != 0;
    Disk crashed = disk;
    crashed.write_sectors(write, kept);
    const Recovered recovered = crashed.recovered();
    ASSERT_EQ(recovered.hard, hard);
    const bool all = subset + 1 == size_t{1} << sectors;
    ASSERT_EQ(recovered.verdict, all || subset == 0 ? Verdict::kWhole : Verdict::kTorn) << subset;
    ASSERT_EQ(recovered.entries.size(), all ? 1U : 0U) << subset;
  }
}

// An earlier version must not take for damage what it does not know.
TEST(Wal, TheFirstLivesBeginASegment) {
  Encoder encoder(kDirectory, first_position(kDirectory), kSmallSegment, HardState{});
  const auto segment_of = [&](const HardState& hard) {
    return encoder.encode(std::vector<Persist>{{PersistId{1}, hard, {}}}).segment;
  };
  HardState hard{Term{1}, "a", {{7, 8}}, 1};
  EXPECT_EQ(segment_of(hard), 1U);
  hard.lives = {1, false, {9}, {}};
  EXPECT_EQ(segment_of(hard), 2U);
  hard.lives.others = {{Incarnation{3}, 4, 5}};
  EXPECT_EQ(segment_of(hard), 2U);
}

// After a tear is cut the log goes on as if the torn batch had never been.
RC_GTEST_PROP(Wal, GoesOnAfterATear, ()) {
  History history;
  history.write_some(*rc::gen::inRange<size_t>(1, 12));
  const Position position_before = history.encoder.position();
  const std::vector<Persist> last = history.batch();
  const Write torn = history.encode(last);
  std::vector<bool> kept(Disk::sectors(torn), true);
  kept[*rc::gen::inRange<size_t>(0, kept.size())] = false;
  history.disk.write_sectors(torn, kept);
  const Recovered recovered = history.disk.recovered();
  RC_CLASSIFY(recovered.verdict == Verdict::kTorn, "torn");
  history.disk.cut(recovered.position);
  RC_ASSERT(history.disk.recovered().verdict == Verdict::kWhole);

  // If the sector that was lost held nothing but padding, the batch is there.
  if (recovered.position != position_before) {
    for (const Persist& p : last) history.kept.take(p);
  }
  history.encoder = Encoder(recovered.incarnation, recovered.position, kSmallSegment, recovered.hard);
  history.write_some(*rc::gen::inRange<size_t>(1, 6));
  const Recovered again = history.disk.recovered();
  RC_ASSERT(again.verdict == Verdict::kWhole);
  RC_ASSERT(history.kept.is(again));
}

// A segment may be there before the first batch that goes into it.
TEST(Wal, AnEmptyNextSegmentIsNoDamage) {
  for (const bool with_header : {true, false}) {
    Disk disk;
    disk.create(1);
    Encoder encoder(kDirectory, first_position(kDirectory), kSmallSegment, HardState{});
    disk.write(encoder.encode(std::vector<Persist>{{PersistId{1}, HardState{Term{1}, "", {}, 1}, {}}}));
    disk.create(2);
    if (!with_header) disk.at(2).assign(kSmallSegment, '\0');
    const Recovered recovered = disk.recovered();
    EXPECT_EQ(recovered.verdict, Verdict::kWhole);
    EXPECT_EQ(recovered.position, encoder.position());
  }
}

// The mutant of the whole process is put back whatever a test does.
struct Restore {
#ifdef PATRONUS_MUTANTS
  ~Restore() { active_mutant = Mutant::kNone; }
#endif
};

// Damages a batch that is not the last and so was synced.
void damage_an_earlier_batch(History& history) {
  history.write_some(*rc::gen::inRange<size_t>(2, 20));
  const Write& victim = history.writes[*rc::gen::inRange<size_t>(0, history.writes.size() - 1)];
  std::string& bytes = history.disk.at(victim.segment);
  const size_t size = meant_bytes(victim);
  const auto begin = *rc::gen::inRange<size_t>(0, size);
  if (*rc::gen::arbitrary<bool>()) {
    bytes[victim.offset + begin] =
        static_cast<char>(bytes[victim.offset + begin] ^ (1 << *rc::gen::inRange(0, 8)));
    return;
  }
  // At least one byte of the range was not zero, or nothing would be damaged.
  const auto length = *rc::gen::inRange<size_t>(1, size - begin + 1);
  const std::string range = bytes.substr(victim.offset + begin, length);
  RC_PRE(std::any_of(range.begin(), range.end(), [](char c) { return c != '\0'; }));
  bytes.replace(victim.offset + begin, length, std::string(length, '\0'));
}

// Scenario 20: what was synced and is damaged must stop the node, not shorten its log.
RC_GTEST_PROP(Wal, DamageBeforeTheLastBatchIsCorruption, ()) {
  [[maybe_unused]] const Restore restore;
  History history;
  damage_an_earlier_batch(history);
  const Recovered recovered = history.disk.recovered();
  RC_ASSERT(recovered.verdict == Verdict::kCorrupt);
  RC_ASSERT(!recovered.reason.empty());
#ifdef PATRONUS_MUTANTS
  // Without the protection the node would go on with what is before the damage and forget the rest: the
  // assertions above see that.
  active_mutant = Mutant::kCutCorruption;
  const Recovered cut = history.disk.recovered();
  RC_ASSERT(cut.verdict == Verdict::kTorn);
  RC_ASSERT(cut.position.sequence < history.encoder.position().sequence);
#endif
}

#ifdef PATRONUS_MUTANTS
// The same in one plain case: three entries were acknowledged, and the mutant starts with one.
TEST(Wal, TheMutantShortensTheLog) {
  [[maybe_unused]] const Restore restore;
  Disk disk;
  disk.create(1);
  Encoder encoder(kDirectory, first_position(kDirectory), kSmallSegment, HardState{});
  std::vector<Write> writes;
  for (uint64_t i = 1; i <= 3; ++i) {
    const Entry entry{Index{i}, Term{1}, EntryKind::kCommand, {}, Blob("v")};
    writes.push_back(
        encoder.encode(std::vector<Persist>{{PersistId{i}, HardState{Term{1}, "", {}, 1}, {entry}}}));
    disk.write(writes.back());
  }
  disk.at(1)[writes[1].offset + kBatchHeaderBytes] ^= 1;
  EXPECT_EQ(disk.recovered().verdict, Verdict::kCorrupt);
  active_mutant = Mutant::kCutCorruption;
  const Recovered cut = disk.recovered();
  EXPECT_EQ(cut.verdict, Verdict::kTorn);
  EXPECT_EQ(cut.entries.size(), 1U);
}
#endif

RC_GTEST_PROP(Wal, DamageInTheLastBatchIsATear, ()) {
  History history;
  history.write_some(*rc::gen::inRange<size_t>(0, 10));
  const Kept before = history.kept;
  const Write last = history.write(history.batch());
  char& byte = history.disk.at(last.segment)[last.offset + *rc::gen::inRange<size_t>(0, meant_bytes(last))];
  byte = static_cast<char>(byte ^ (1 << *rc::gen::inRange(0, 8)));
  const Recovered recovered = history.disk.recovered();
  RC_ASSERT(recovered.verdict == Verdict::kTorn);
  RC_ASSERT(before.is(recovered));
}

// Enough batches for at least so many segments.
void fill_segments(History& history, uint64_t segments) {
  while (history.disk.last() < segments) history.write(history.batch());
}

RC_GTEST_PROP(Wal, AMissingSegmentIsCorruption, ()) {
  History history;
  fill_segments(history, 4);
  history.disk.remove(*rc::gen::inRange<uint64_t>(2, 4));
  RC_ASSERT(history.disk.recovered().verdict == Verdict::kCorrupt);
}

RC_GTEST_PROP(Wal, ADamagedSegmentHeaderIsCorruption, ()) {
  History history;
  fill_segments(history, 3);
  const auto segment = *rc::gen::inRange<uint64_t>(1, 4);
  const auto at = *rc::gen::inRange<size_t>(0, 32);
  history.disk.at(segment)[at] = static_cast<char>(history.disk.at(segment)[at] ^ 1);
  RC_ASSERT(history.disk.recovered().verdict == Verdict::kCorrupt);
}

TEST(Wal, AnotherDirectorysSegmentIsCorruption) {
  Disk disk;
  disk.create(1);
  disk.create(2);
  disk.create(3);
  const std::string other = segment_header(Incarnation{99}, Position{2, 512, 1, 0});
  disk.at(2).replace(0, other.size(), other);
  EXPECT_EQ(disk.recovered().verdict, Verdict::kCorrupt);
}

// Segments that changed places have valid checksums everywhere.
TEST(Wal, SegmentsInEachOthersPlaceAreCorruption) {
  Disk disk;
  disk.create(1);
  disk.create(2);
  disk.create(3);
  std::swap(disk.at(2), disk.at(3));
  EXPECT_EQ(disk.recovered().verdict, Verdict::kCorrupt);
}

// A hard state or an entry that no history explains, in a batch whose checksums are right.
TEST(Wal, ImpossibleRecordsAreCorruption) {
  const auto verdict_of = [](std::vector<Persist> persists) {
    Disk disk;
    disk.create(1);
    Encoder encoder(kDirectory, first_position(kDirectory), kSmallSegment, HardState{});
    for (const Persist& p : persists) disk.write(encoder.encode({&p, 1}));
    return disk.recovered().verdict;
  };
  const auto entry = [](uint64_t index, uint64_t term) {
    return Entry{Index{index}, Term{term}, EntryKind::kCommand, {}, Blob("v")};
  };
  const HardState second{Term{2}, "", {{7, 8}}, 2};
  EXPECT_EQ(verdict_of({{PersistId{1}, second, {entry(1, 1), entry(2, 2)}}}), Verdict::kWhole);
  EXPECT_EQ(verdict_of({{PersistId{1}, second, {entry(2, 1)}}}), Verdict::kCorrupt) << "a gap";
  EXPECT_EQ(verdict_of({{PersistId{1}, second, {entry(1, 2), entry(2, 1)}}}), Verdict::kCorrupt)
      << "terms fall";
  EXPECT_EQ(verdict_of({{PersistId{1}, second, {entry(1, 3)}}}), Verdict::kCorrupt) << "a term of the future";
  for (const HardState& back : {HardState{Term{1}, "", {{7, 8}}, 2}, HardState{Term{2}, "", {{7, 8}}, 1},
                                HardState{Term{2}, "", {{7, 9}}, 2}}) {
    EXPECT_EQ(verdict_of({{PersistId{1}, second, {}}, {PersistId{2}, back, {}}}), Verdict::kCorrupt);
  }
}

// Scenario 52: a client writes a value that is itself a whole batch, with a later number, and the batch that
// holds it is torn. Were it taken for a batch, the tear would look like corruption and the node never start.
RC_GTEST_PROP(Wal, AClientsValueIsNoBatch, ()) {
  History history;
  history.write_some(*rc::gen::inRange<size_t>(0, 8));
  const Position honest = history.encoder.position();
  Position forged = honest;
  forged.sequence += *rc::gen::inRange<uint64_t>(0, 10);
  const Incarnation guessed{*rc::gen::suchThat(rc::gen::arbitrary<uint64_t>(),
                                               [](uint64_t v) { return v != 0 && v != kDirectory.value; })};
  Encoder forger(guessed, forged, kSmallSegment, HardState{});
  const Entry inner{Index{1}, Term{1}, EntryKind::kCommand, {}, Blob("forged")};
  const std::string batch =
      forger.encode(std::vector<Persist>{{PersistId{1}, HardState{Term{99}, "", {}, 9}, {inner}}}).bytes;
  // At every alignment, so that it stands at a multiple of eight whatever is before it.
  std::string value;
  for (size_t shift = 0; shift < kAlignment; ++shift) value += batch + std::string(1, '\0');

  const Persist p = history.persist(value);
  const Kept before = history.kept;
  const Write write = history.encode({p});
  history.disk.write(write);
  history.disk.at(write.segment)[write.offset] ^= 1;
  const Recovered recovered = history.disk.recovered();
  RC_ASSERT(recovered.verdict == Verdict::kTorn);
  RC_ASSERT(before.is(recovered));
  RC_ASSERT(recovered.position == honest);
}

// The test above is about something: with this directory's incarnation the same value would be a batch.
TEST(Wal, TheIncarnationIsWhatTellsAForgery) {
  Encoder encoder(kDirectory, first_position(kDirectory), kSmallSegment, HardState{});
  const std::string batch =
      encoder.encode(std::vector<Persist>{{PersistId{1}, HardState{Term{1}, "", {}, 1}, {}}}).bytes;
  EXPECT_TRUE(read_batch(batch, 0, kDirectory));
  EXPECT_FALSE(read_batch(batch, 0, Incarnation{kDirectory.value + 1}));
  EXPECT_FALSE(read_batch(batch, batch.size() + 1, kDirectory));
  EXPECT_FALSE(read_batch(batch.substr(0, batch.size() - kAlignment), 0, kDirectory));
}

RC_GTEST_PROP(Wal, SurvivesAnyBytes, ()) {
  const auto bytes = *rc::gen::arbitrary<std::vector<std::string>>();
  std::vector<std::string> files;
  for (size_t i = 0; i < bytes.size(); ++i) {
    const bool with_header = *rc::gen::arbitrary<bool>();
    files.push_back((with_header ? segment_header(kDirectory, Position{i + 1, 512, 1, 0}) : "") + bytes[i]);
  }
  std::vector<SegmentBytes> views;
  for (size_t i = 0; i < files.size(); ++i) views.push_back({i + 1, files[i]});
  (void)recover(views);
}

// Scenario 44: any one piece of garbage anywhere over a good log. Nothing crashes, and whatever is not
// refused is a beginning of what was written.
RC_GTEST_PROP(Wal, GarbageGivesRefusalOrABeginning, ()) {
  History history;
  std::vector<Kept> states{history.kept};
  const auto batches = *rc::gen::inRange<size_t>(1, 15);
  for (size_t i = 0; i < batches; ++i) {
    history.write(history.batch());
    states.push_back(history.kept);
  }
  std::string& bytes = history.disk.at(*rc::gen::inRange<uint64_t>(1, history.disk.last() + 1));
  const std::string garbage = *rc::gen::arbitrary<std::string>();
  const auto at = *rc::gen::inRange<size_t>(0, bytes.size());
  bytes.replace(at, std::min(garbage.size(), bytes.size() - at), garbage, 0, bytes.size() - at);
  const Recovered recovered = history.disk.recovered();
  if (recovered.verdict == Verdict::kCorrupt) return;
  RC_ASSERT(std::any_of(states.begin(), states.end(), [&](const Kept& kept) { return kept.is(recovered); }));
}

// Only who founds another cluster from what is left changes its own, in a new term (Raft::found_anew).
TEST(WalCluster, ChangesWithANewTermOnly) {
  for (const bool new_term : {true, false}) {
    wal::Encoder encoder(Incarnation{5}, wal::first_position(Incarnation{5}), limits::kWalSegmentBytes,
                         HardState{});
    std::string segment = wal::segment_header(Incarnation{5}, wal::first_position(Incarnation{5}));
    const Persist before{PersistId{1}, HardState{Term{3}, "a", {{7, 8}}, 1}, {}};
    const Persist after{PersistId{2}, HardState{Term{new_term ? 4U : 3U}, "", {{9, 9}}, 1}, {}};
    segment += encoder.encode({&before, 1}).bytes;
    segment += encoder.encode({&after, 1}).bytes;
    const wal::SegmentBytes bytes{1, segment};
    const wal::Recovered recovered = wal::recover({&bytes, 1});
    EXPECT_EQ(recovered.verdict, new_term ? wal::Verdict::kWhole : wal::Verdict::kCorrupt);
    EXPECT_EQ(recovered.hard.cluster_id == (ClusterId{{9, 9}}), new_term);
  }
}

}  // namespace
}  // namespace patronus::wal::wal_test
