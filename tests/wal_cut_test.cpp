// A log whose first segments are gone, and the image that stands for them: what is left is enough, or it is
// said what is missing.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/crc32c.h"
#include "core/base/limits.h"
#include "core/base/random.h"
#include "core/wal/format.h"
#include "core/wal/judgement.h"
#include "core/wal/recovery.h"
#include "core/wal/segment_index.h"
#include "tests/mutant_guard.h"

namespace patronus::wal::wal_cut_test {
namespace {

constexpr Incarnation kDirectory{0x77};
constexpr size_t kSmallSegment = 2048;

// A log that a node writes, with the tail replaced now and then, and what of it is committed for good.
class Life {
 public:
  explicit Life(uint64_t seed) : random_(seed) {}

  void write() {
    Persist p;
    p.id = PersistId{++writes_};
    if (!hard_.term || pick(5) == 0) {
      hard_.term = hard_.term.next();
      hard_.voted_for = pick(2) == 0 ? "a" : "";
      hard_.cluster_id = {{7, 8}};
      ++hard_.boot;
      if (pick(2) == 0)
        hard_.lives = {hard_.boot, true, {pick(100)}, {{Incarnation{3}, hard_.boot, pick(100)}}};
      p.hard = hard_;
    }
    const uint64_t end = entries_.size() + 1;
    const uint64_t first = p.hard && end > committed_ + 1 ? committed_ + 1 + pick(end - committed_) : end;
    for (uint64_t i = 0; i < pick(4); ++i) {
      entries_.resize(first + i - 1);
      entries_.push_back(
          {Index{first + i}, hard_.term, EntryKind::kCommand, {1, 2}, Blob(std::string(pick(300), 'v'))});
      p.entries.push_back(entries_.back());
    }
    if (!p.hard && p.entries.empty()) p.hard = hard_;
    const Write write = encoder_.encode({&p, 1});
    if (write.new_segment) disk_[write.segment] = segment_header(kDirectory, *write.new_segment);
    std::string& segment = disk_[write.segment];
    segment.resize(std::max(segment.size(), kSmallSegment), '\0');
    segment.replace(write.offset, write.bytes.size(), write.bytes);
    index_.written(write.segment, write.new_segment.has_value(), write.last_entry);
    committed_ += pick(entries_.size() - committed_ + 1);
  }
  // A checkpoint of something committed, and what that lets go; a crash may come after any removal.
  void cut() {
    if (committed_ == 0) return;
    const uint64_t at = std::max<uint64_t>(image_.index.value, 1 + pick(committed_));
    image_ = {Index{at}, entries_[at - 1].term, {}, {}, {}};
    const std::optional<uint64_t> first = index_.release(Index{at});
    while (first && disk_.begin()->first < *first) {
      check();
      disk_.erase(disk_.begin());
    }
  }
  Recovered recovered() const {
    std::vector<SegmentBytes> views;
    for (const auto& [number, bytes] : disk_) views.push_back({number, bytes});
    return recover(views);
  }
  void check() const {
    const Recovered found = recovered();
    RC_ASSERT(found.verdict == Verdict::kWhole);
    RC_ASSERT(found.hard == hard_);
    RC_ASSERT(found.position == encoder_.position());
    RC_ASSERT(found.segments.size() == disk_.size());
    const uint64_t first = found.entries.empty() ? entries_.size() + 1 : found.entries.front().index.value;
    RC_ASSERT(first <= image_.index.value + 1);
    const bool same = std::equal(found.entries.begin(), found.entries.end(),
                                 entries_.begin() + static_cast<std::ptrdiff_t>(first - 1), entries_.end());
    RC_ASSERT(same);
    RC_ASSERT(judge_boot(found, {kDirectory, image_, false}).verdict == BootVerdict::kFits);
    // A segment list that recovery makes lets the same ones go.
    SegmentIndex again(found.segments);
    SegmentIndex here = index_;
    if (again.first() == here.first()) RC_ASSERT(again.release(image_.index) == here.release(image_.index));
  }
  uint64_t pick(uint64_t bound) { return random_.below(bound); }
  std::map<uint64_t, std::string>& disk() { return disk_; }
  const Base& image() const { return image_; }
  size_t entries() const { return entries_.size(); }

 private:
  Random random_;
  HardState hard_;
  std::vector<Entry> entries_;
  uint64_t committed_ = 0;
  uint64_t writes_ = 0;
  Base image_;
  Encoder encoder_{kDirectory, first_position(kDirectory), kSmallSegment, HardState{}};
  SegmentIndex index_{{{1, Index{}, true}}};
  std::map<uint64_t, std::string> disk_{{1, segment_header(kDirectory, first_position(kDirectory))}};
};

RC_GTEST_PROP(WalCut, WhatIsLeftIsEnough, (uint64_t seed)) {
  Life life(seed);
  for (int i = 0; i < 80; ++i) {
    life.write();
    if (life.pick(6) == 0) life.cut();
    life.check();
  }
  RC_TAG(life.disk().begin()->first > 1 ? "cut" : "not cut");
}

// One segment too many: no image makes up for it unless it reaches far enough.
RC_GTEST_PROP(WalCut, AGapBehindTheImageIsSeen, (uint64_t seed)) {
  Life life(seed);
  while (life.disk().size() < 4) life.write();
  life.cut();
  while (life.disk().size() > 2) {
    life.disk().erase(life.disk().begin());
    const Recovered found = life.recovered();
    RC_ASSERT(found.verdict == Verdict::kWhole);
    const bool reaches = found.entries.empty() || found.entries.front().index <= life.image().index.next();
    const BootVerdict verdict = judge_boot(found, {kDirectory, life.image(), false}).verdict;
    RC_ASSERT(reaches || verdict == BootVerdict::kGap);
  }
}

// The first segment that is left must be whole: a tear there is no tear, for it was synced before those
// before it were removed.
TEST(WalCut, AFirstSegmentWithoutItsFirstBatchIsCorruption) {
  Life life(3);
  while (life.disk().size() < 3) life.write();
  std::map<uint64_t, std::string>& disk = life.disk();
  disk.erase(1);
  disk.erase(3);
  ASSERT_EQ(life.recovered().verdict, Verdict::kWhole);
  disk[2][limits::kWalSegmentHeaderBytes] ^= 1;
  EXPECT_EQ(life.recovered().verdict, Verdict::kCorrupt);
  disk[2].resize(limits::kWalSegmentHeaderBytes);
  EXPECT_EQ(life.recovered().verdict, Verdict::kCorrupt);
  disk[2][0] ^= 1;
  EXPECT_EQ(life.recovered().verdict, Verdict::kCorrupt) << "and it is not taken for an unused directory";
}

// A segment as the version before wrote it: no start in its header, no hard state in its first batch.
std::string format_1(const std::string& segment, uint64_t number) {
  std::string header;
  Writer out(header);
  out.raw(std::string_view(segment).substr(0, 8));
  out.u32(1);
  out.u64(kDirectory.value);
  out.u64(number);
  out.u32(crc32c(header));
  header.resize(limits::kWalSegmentHeaderBytes, '\0');
  return header + segment.substr(limits::kWalSegmentHeaderBytes);
}

TEST(WalCut, SegmentsOfFormat1AreReadButOnlyFromTheFirst) {
  Life life(5);
  while (life.disk().size() < 4) life.write();
  const Recovered before = life.recovered();
  std::map<uint64_t, std::string>& disk = life.disk();
  disk[1] = format_1(disk[1], 1);
  disk[2] = format_1(disk[2], 2);
  const Recovered found = life.recovered();
  EXPECT_EQ(found.verdict, Verdict::kWhole);
  EXPECT_TRUE(found.entries == before.entries);
  // Both go only together, for the second can't be the first.
  SegmentIndex index(found.segments);
  EXPECT_EQ(index.release(found.segments[0].last_entry), std::nullopt);
  const Index both = std::max(found.segments[0].last_entry, found.segments[1].last_entry);
  EXPECT_EQ(index.release(both), std::optional<uint64_t>(3));
  disk.erase(1);
  EXPECT_EQ(life.recovered().verdict, Verdict::kCorrupt);
  disk.erase(2);
  EXPECT_EQ(life.recovered().verdict, Verdict::kWhole);
}

Recovered recovered_with(uint64_t first, uint64_t last, Term term) {
  Recovered recovered;
  recovered.verdict = Verdict::kWhole;
  recovered.incarnation = kDirectory;
  recovered.hard.term = term;
  recovered.segments = {{first == 1 ? 1U : 4U, Index{last}, true}};
  for (uint64_t i = first; i <= last; ++i)
    recovered.entries.push_back({Index{i}, term, EntryKind::kCommand, {}, {}});
  return recovered;
}

// Begins the log of a data directory anew behind an image of this index, with power failing after `steps` of
// the writes and removals that it takes.
Recovered begun_anew(std::map<uint64_t, std::string>& disk, const Recovered& before, const Base& image,
                     size_t steps = SIZE_MAX) {
  const Write first = begin_log_anew(before, image, kSmallSegment);
  if (steps-- > 0) {
    disk[first.segment] = segment_header(kDirectory, *first.new_segment) + first.bytes;
    while (steps-- > 0 && disk.begin()->first < first.segment) disk.erase(disk.begin());
  }
  std::vector<SegmentBytes> views;
  for (const auto& [number, bytes] : disk) views.push_back({number, bytes});
  return recover(views);
}

// Whatever the log was, and wherever power fails: in the end it goes on after the image, with the same
// promises.
RC_GTEST_PROP(InstalledImage, TheLogThatItLeftBehindBeginsAnew, (uint64_t seed)) {
  Life life(seed);
  const auto writes = 1 + life.pick(40);
  for (uint64_t i = 0; i < writes; ++i) life.write();
  if (life.pick(2) == 0) life.cut();
  const Recovered before = life.recovered();
  const uint64_t last = before.entries.empty() ? life.entries() : before.entries.back().index.value;
  // Of a history that the log does not know: further, or of another term at the same place.
  const bool further = life.pick(2) == 0;
  const Index index{further ? last + 1 + life.pick(9) : std::max<uint64_t>(last, 1)};
  const Base image{index, Term{before.hard.term.value + (further ? life.pick(2) : 1)}, {}, {}, {}};
  const ImageOrigin origin{kDirectory, image, true};
  if (judge_boot(before, {kDirectory, image, false}).verdict == BootVerdict::kFits) return;
  Recovered now = before;
  for (size_t tries = 0; judge_boot(now, origin).verdict == BootVerdict::kLogLeftBehind; ++tries)
    now = begun_anew(life.disk(), now, image, tries < 4 ? life.pick(4) : SIZE_MAX);
  RC_ASSERT(judge_boot(now, origin).verdict == BootVerdict::kFits);
  RC_ASSERT(judge_boot(now, {kDirectory, image, false}).verdict == BootVerdict::kFits);
  RC_ASSERT(now.verdict == Verdict::kWhole);
  RC_ASSERT(now.hard.term == std::max(before.hard.term, image.term));
  RC_ASSERT(now.hard.boot == before.hard.boot);
  if (now.hard.term == before.hard.term) RC_ASSERT(now.hard == before.hard);
  if (!now.entries.empty()) return;
  // It takes what comes after the image.
  Encoder encoder(kDirectory, now.position, kSmallSegment, now.hard);
  Persist persist{PersistId{1}, std::nullopt, {{index.next(), now.hard.term, EntryKind::kCommand, {}, {}}}};
  const Write write = encoder.encode({&persist, 1});
  std::string& segment = life.disk()[write.segment];
  if (write.new_segment) segment = segment_header(kDirectory, *write.new_segment);
  segment.resize(write.offset);
  segment += write.bytes;
  const Recovered grown = life.recovered();
  RC_ASSERT(grown.entries.size() == 1U);
  RC_ASSERT(judge_boot(grown, {kDirectory, image, false}).verdict == BootVerdict::kFits);
}

bool forgets_its_vote() {
  Recovered before = recovered_with(1, 3, Term{7});
  before.hard.cluster_id.words = {1, 2};
  before.hard.voted_for = "b";
  before.position = {1, 600, 9, 99};
  const Write first = begin_log_anew(before, Base{Index{50}, Term{7}, {}, {}, {}}, kSmallSegment);
  const std::string segment = segment_header(kDirectory, *first.new_segment) + first.bytes;
  const SegmentBytes only{first.segment, segment};
  return recover({&only, 1}).hard.voted_for != "b";
}
// Scenario 8 goes on: whom a node gave its vote is known after it has taken another's state, too.
TEST(InstalledImage, TheVoteIsKept) {
  EXPECT_FALSE(forgets_its_vote());
  const test::MutantGuard guard(Mutant::kForgetPromises);
  EXPECT_TRUE(forgets_its_vote());
}

TEST(InstalledImage, ALogThatKnowsItGoesOn) {
  const ImageOrigin origin{kDirectory, Base{Index{5}, Term{2}, {}, {}, {}}, true};
  EXPECT_EQ(judge_boot(recovered_with(3, 9, Term{2}), origin).verdict, BootVerdict::kFits);
  EXPECT_EQ(judge_boot(recovered_with(3, 4, Term{2}), origin).verdict, BootVerdict::kLogLeftBehind);
  EXPECT_EQ(judge_boot(recovered_with(3, 9, Term{1}), origin).verdict, BootVerdict::kLogLeftBehind);
  EXPECT_EQ(judge_boot(Recovered{}, origin).verdict, BootVerdict::kImageAhead)
      << "with the log went the votes";
  ImageOrigin other = origin;
  other.incarnation = Incarnation{4711};
  EXPECT_EQ(judge_boot(recovered_with(3, 4, Term{2}), other).verdict, BootVerdict::kImageOfAnother);
}

TEST(Judgement, SaysWhatIsWrong) {
  const auto verdict = [](const Recovered& recovered, uint64_t index, uint64_t term,
                          Incarnation incarnation = kDirectory) {
    const Judgement judgement =
        judge_boot(recovered, {incarnation, Base{Index{index}, Term{term}, {}, {}, {}}, false});
    EXPECT_EQ(judgement.reason.empty(), judgement.verdict == BootVerdict::kFits);
    return judgement.verdict;
  };
  EXPECT_EQ(verdict(Recovered{}, 0, 0), BootVerdict::kFits);
  EXPECT_EQ(verdict(Recovered{}, 5, 1), BootVerdict::kImageAhead);
  EXPECT_EQ(verdict(recovered_with(1, 9, Term{2}), 0, 0), BootVerdict::kFits);
  EXPECT_EQ(verdict(recovered_with(3, 9, Term{2}), 0, 0), BootVerdict::kGap);
  EXPECT_EQ(verdict(recovered_with(3, 2, Term{2}), 0, 0), BootVerdict::kGap) << "cut, nothing left";
  EXPECT_EQ(verdict(recovered_with(3, 2, Term{2}), 2, 2), BootVerdict::kFits);
  EXPECT_EQ(verdict(recovered_with(1, 0, Term{2}), 2, 2), BootVerdict::kImageAhead) << "never had any";
  EXPECT_EQ(verdict(recovered_with(3, 9, Term{2}), 2, 1), BootVerdict::kFits);
  EXPECT_EQ(verdict(recovered_with(3, 9, Term{2}), 1, 1), BootVerdict::kGap);
  EXPECT_EQ(verdict(recovered_with(3, 9, Term{2}), 9, 2), BootVerdict::kFits);
  EXPECT_EQ(verdict(recovered_with(3, 9, Term{2}), 10, 2), BootVerdict::kImageAhead);
  EXPECT_EQ(verdict(recovered_with(3, 9, Term{2}), 5, 3), BootVerdict::kImageAhead) << "a term never reached";
  EXPECT_EQ(verdict(recovered_with(3, 9, Term{2}), 5, 1), BootVerdict::kContradicts);
  EXPECT_EQ(verdict(recovered_with(3, 9, Term{2}), 5, 2, Incarnation{9}), BootVerdict::kImageOfAnother);
}

}  // namespace
}  // namespace patronus::wal::wal_cut_test
