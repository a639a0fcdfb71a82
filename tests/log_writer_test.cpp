// The log on real files: what was reported written is read back, one process has the directory, a tear is cut
// and damage refused; and the watchdog that ends a process which hangs.
#include <gtest/gtest.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/base/limits.h"
#include "core/wal/format.h"
#include "io/storage/log_directory.h"
#include "io/storage/log_writer.h"
#include "io/uv/watchdog.h"

namespace patronus::log_writer_test {
namespace {

using namespace std::chrono_literals;

constexpr Incarnation kFresh{77};
// Only a hang is this slow.
constexpr auto kPatience = 120s;

// What the loop is in production: woken by the writer's thread, it takes the result.
class Waker {
 public:
  void notify() {
    // Notified under the lock, so that whoever was woken may at once destroy this.
    const std::lock_guard lock(mutex_);
    ++notified_;
    wakeup_.notify_all();
  }
  // The result of the write under way.
  LogWriter::Done wait(LogWriter& writer) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(wakeup_.wait_for(lock, kPatience, [this] { return notified_ > taken_; }))
        << "the writer hangs";
    ++taken_;
    lock.unlock();
    return writer.take_done().value_or(LogWriter::Done{{}, "notified without a result"});
  }
  int notified() {
    const std::lock_guard lock(mutex_);
    return notified_;
  }
  // Until something that the writer tells of is so.
  template <typename Condition>
  void wait_for(Condition condition) {
    const auto give_up = std::chrono::steady_clock::now() + kPatience;
    while (!condition() && std::chrono::steady_clock::now() < give_up) {
      std::unique_lock lock(mutex_);
      wakeup_.wait_for(lock, 10ms);
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable wakeup_;
  int notified_ = 0;
  int taken_ = 0;
};

class LogDirectoryTest : public ::testing::Test {
 protected:
  LogDirectoryTest() {
    std::string pattern = ::testing::TempDir() + "patronus-log-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    path_ = root_;
  }
  ~LogDirectoryTest() override { std::filesystem::remove_all(root_); }

  LogDirectory open() const {
    auto opened = open_log_directory(path_, kFresh);
    if (const auto* error = std::get_if<std::string>(&opened)) {
      ADD_FAILURE() << *error;
      return {};
    }
    return std::get<LogDirectory>(std::move(opened));
  }
  std::string refusal() const {
    auto opened = open_log_directory(path_, kFresh);
    const auto* error = std::get_if<std::string>(&opened);
    return error == nullptr ? "" : *error;
  }

  // The next write of a log whose entries have payloads of this size.
  Persist persist(size_t entries, size_t bytes_each) {
    Persist p;
    p.id = next_id_ = next_id_.next();
    p.hard = HardState{Term{1}, "a", {{7, 8}}, next_id_.value};
    for (size_t i = 0; i < entries; ++i) {
      const std::string value(bytes_each, static_cast<char>('a' + entries_.size() % 26));
      entries_.push_back({Index{entries_.size() + 1}, Term{1}, EntryKind::kCommand, {1, 2}, Blob(value)});
      p.entries.push_back(entries_.back());
    }
    return p;
  }
  // Writes these one after the other and returns where the log then goes on.
  wal::Position write(const LogDirectory& directory, const std::vector<Persist>& persists) {
    wal::Encoder encoder(directory.recovered.incarnation, directory.recovered.position,
                         limits::kWalSegmentBytes, directory.recovered.hard);
    Waker waker;
    LogWriter writer(path_, directory.recovered.incarnation, directory.recovered.position, 1,
                     [&] { waker.notify(); });
    for (const Persist& p : persists) {
      EXPECT_FALSE(writer.take_done()) << "nothing was submitted";
      writer.submit(encoder.encode({&p, 1}));
      const LogWriter::Done done = waker.wait(writer);
      EXPECT_EQ(done.error, "");
      EXPECT_GE(done.took, Duration{0});
    }
    return encoder.position();
  }
  void change(uint64_t segment, uint64_t offset, const std::string& bytes) const {
    std::fstream file(segment_path(path_, segment), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset));
    file << bytes;
    ASSERT_TRUE(file.flush());
  }
  std::string content(uint64_t segment) const {
    std::ifstream file(segment_path(path_, segment), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  std::string root_;
  std::string path_;
  std::vector<Entry> entries_;
  PersistId next_id_;
};

TEST_F(LogDirectoryTest, ANewDirectoryIsMadeAndNamed) {
  path_ += "/deep/er";
  {
    const LogDirectory directory = open();
    EXPECT_EQ(directory.recovered.verdict, wal::Verdict::kEmpty);
    EXPECT_EQ(directory.recovered.incarnation, kFresh);
    EXPECT_EQ(directory.recovered.position, wal::first_position(kFresh));
    EXPECT_EQ(std::filesystem::file_size(segment_path(path_, 1)), limits::kWalSegmentBytes);
  }
  // A directory keeps the name it was given first.
  auto again = open_log_directory(path_, Incarnation{88});
  ASSERT_TRUE(std::holds_alternative<LogDirectory>(again));
  EXPECT_EQ(std::get<LogDirectory>(again).recovered.incarnation, kFresh);
}

TEST_F(LogDirectoryTest, WhatIsReportedWrittenIsReadBackOverSeveralSegments) {
  wal::Position end;
  {
    const LogDirectory directory = open();
    // Each batch is almost as large as allowed, so two fit into a segment.
    std::vector<Persist> persists;
    for (int i = 0; i < 6; ++i) persists.push_back(persist(4, 7 * limits::kMiB / 4));
    end = write(directory, persists);
  }
  EXPECT_GE(end.segment, 3U);
  const LogDirectory directory = open();
  EXPECT_EQ(directory.recovered.verdict, wal::Verdict::kWhole);
  EXPECT_EQ(directory.recovered.hard.boot, 6U);
  EXPECT_TRUE(directory.recovered.entries == entries_) << directory.recovered.entries.size() << " entries";
  EXPECT_EQ(directory.recovered.position, end);
}

// A restart goes on in the middle of a segment.
TEST_F(LogDirectoryTest, ALogIsGoneOnWith) {
  write(open(), {persist(1, 100), persist(2, 1000)});
  write(open(), {persist(1, 100)});
  const LogDirectory directory = open();
  EXPECT_EQ(directory.recovered.verdict, wal::Verdict::kWhole);
  EXPECT_TRUE(directory.recovered.entries == entries_);
}

// Two processes that write one log would each break the other's.
TEST_F(LogDirectoryTest, TheSecondOneIsTurnedAway) {
  {
    const LogDirectory directory = open();
    EXPECT_EQ(refusal(), "PATRONUS_DATA_DIR='" + path_ +
                             "' is in use by another process; give each node a directory of its own");
  }
  EXPECT_EQ(refusal(), "") << "the first is gone";
}

TEST_F(LogDirectoryTest, APlaceWhereNothingCanBeMadeIsSaid) {
  std::ofstream(path_ + "/file") << "x";
  path_ += "/file/log";
  EXPECT_NE(refusal().find("PATRONUS_DATA_DIR"), std::string::npos);
}

TEST_F(LogDirectoryTest, ATornTailIsCutAndZeroed) {
  const wal::Position end = write(open(), {persist(1, 100)});
  // A batch of which the end did not reach the disk.
  wal::Encoder encoder(kFresh, end, limits::kWalSegmentBytes, HardState{});
  std::vector<Entry> before = entries_;
  const Persist lost = persist(3, 2000);
  const wal::Write torn = encoder.encode({&lost, 1});
  change(torn.segment, torn.offset, torn.bytes.substr(0, torn.bytes.size() - 700));
  {
    const LogDirectory directory = open();
    EXPECT_EQ(directory.recovered.verdict, wal::Verdict::kTorn);
    EXPECT_TRUE(directory.recovered.entries == before);
    EXPECT_EQ(directory.recovered.position, end);
    const std::string bytes = content(end.segment);
    EXPECT_EQ(bytes.size(), limits::kWalSegmentBytes);
    EXPECT_TRUE(std::all_of(bytes.begin() + static_cast<std::ptrdiff_t>(end.offset), bytes.end(),
                            [](char c) { return c == '\0'; }));
  }
  EXPECT_EQ(open().recovered.verdict, wal::Verdict::kWhole) << "the tear is gone for good";
}

// The torn batch was the first of a new segment: that segment goes, and is made again when it is needed.
TEST_F(LogDirectoryTest, ATornBatchInANewSegmentTakesTheSegmentWithIt) {
  const wal::Position end = write(open(), {persist(1, 100)});
  std::string segment = wal::segment_header(kFresh, wal::Position{2, 512, 1, 0}) + std::string(100, 'x');
  segment.resize(limits::kWalSegmentBytes, '\0');
  std::ofstream(segment_path(path_, 2), std::ios::binary) << segment;
  {
    const LogDirectory directory = open();
    EXPECT_EQ(directory.recovered.verdict, wal::Verdict::kTorn);
    EXPECT_EQ(directory.recovered.position, end);
    EXPECT_FALSE(std::filesystem::exists(segment_path(path_, 2)));
    write(directory, {persist(4, 2'000'000), persist(4, 2'000'000), persist(4, 2'000'000)});
  }
  EXPECT_TRUE(open().recovered.entries == entries_);
}

// Synced and damaged: the operator is told where, and nothing is changed.
TEST_F(LogDirectoryTest, DamageIsRefusedWithItsPlace) {
  write(open(), {persist(1, 100), persist(1, 100)});
  change(1, limits::kWalSegmentHeaderBytes + 60, "damage");
  const std::string before = content(1);
  const std::string line = refusal();
  EXPECT_NE(line.find(path_ + " is damaged"), std::string::npos) << line;
  EXPECT_NE(line.find("segment 1, byte 512"), std::string::npos) << line;
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_TRUE(content(1) == before);
  EXPECT_NE(refusal(), "") << "and not mended by looking";
}

TEST_F(LogDirectoryTest, OtherFilesAreLeftAlone) {
  write(open(), {persist(1, 100)});
  for (const char* name : {"/notes", "/wal-zzzzzzzzzzzzzzzz.seg", "/next.tmp"})
    std::ofstream(path_ + name) << "mine";
  EXPECT_EQ(open().recovered.verdict, wal::Verdict::kWhole);
  EXPECT_TRUE(std::filesystem::exists(path_ + "/notes"));
}

TEST_F(LogDirectoryTest, AFailedWriteIsReportedWithItsPath) {
  const LogDirectory directory = open();
  std::filesystem::remove(segment_path(path_, 1));
  wal::Encoder encoder(kFresh, directory.recovered.position, limits::kWalSegmentBytes, HardState{});
  Waker waker;
  LogWriter writer(path_, kFresh, directory.recovered.position, 1, [&] { waker.notify(); });
  const Persist p = persist(1, 10);
  writer.submit(encoder.encode({&p, 1}));
  EXPECT_NE(waker.wait(writer).error.find(segment_path(path_, 1)), std::string::npos);
}

// What was submitted is finished even if nobody waits for it: the destructor is how a node leaves.
TEST_F(LogDirectoryTest, TheLastWriteIsFinishedOnTheWayOut) {
  {
    const LogDirectory directory = open();
    wal::Encoder encoder(kFresh, directory.recovered.position, limits::kWalSegmentBytes, HardState{});
    LogWriter writer(path_, kFresh, directory.recovered.position, 1, [] {});
    const Persist p = persist(2, 1000);
    writer.submit(encoder.encode({&p, 1}));
  }
  EXPECT_TRUE(open().recovered.entries == entries_);
}

// Segments go one by one, the first one first, and what is left is a log that begins where its first one
// does.
TEST_F(LogDirectoryTest, CutSegmentsAreRemovedAndTheRestIsALog) {
  {
    const LogDirectory directory = open();
    std::vector<Persist> persists;
    for (int i = 0; i < 12; ++i) persists.push_back(persist(3, 2'000'000));
    ASSERT_GE(write(directory, persists).segment, 4U);
  }
  const wal::Recovered whole = open().recovered;
  ASSERT_EQ(whole.verdict, wal::Verdict::kWhole);
  {
    const LogDirectory directory = open();
    LogWriter writer(path_, kFresh, directory.recovered.position, 1, [] {});
    writer.cut(3);
    const auto give_up = std::chrono::steady_clock::now() + kPatience;
    while (std::filesystem::exists(segment_path(path_, 2)) && std::chrono::steady_clock::now() < give_up)
      std::this_thread::sleep_for(1ms);
  }
  EXPECT_FALSE(std::filesystem::exists(segment_path(path_, 1)));
  EXPECT_FALSE(std::filesystem::exists(segment_path(path_, 2)));
  EXPECT_TRUE(std::filesystem::exists(segment_path(path_, 3)));
  const wal::Recovered cut = open().recovered;
  EXPECT_EQ(cut.verdict, wal::Verdict::kWhole);
  EXPECT_EQ(cut.hard, whole.hard);
  EXPECT_EQ(cut.position, whole.position);
  ASSERT_FALSE(cut.entries.empty());
  const auto kept = static_cast<std::ptrdiff_t>(cut.entries.front().index.value - 1);
  EXPECT_GT(kept, 0);
  EXPECT_TRUE(
      std::equal(cut.entries.begin(), cut.entries.end(), whole.entries.begin() + kept, whole.entries.end()));
}

// Scenario 42, on a real disk without room: the writer says so while the last segment is still to be written
// to, what needs another one waits, and goes on where it stood once there is room.
TEST_F(LogDirectoryTest, AFullDiskIsToldEarlyAndWaitedOut) {
  if (::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=34m") != 0)
    GTEST_SKIP() << "needs root for a small disk";
  {
    const LogDirectory directory = open();
    const std::string filler = path_ + "/filler";
    std::ofstream(filler, std::ios::binary) << std::string(6 * limits::kMiB, 'f');
    wal::Encoder encoder(kFresh, directory.recovered.position, limits::kWalSegmentBytes, HardState{});
    Waker waker;
    LogWriter writer(path_, kFresh, directory.recovered.position, 1, [&] { waker.notify(); }, 10ms);
    std::optional<LogWriter::Room> room;
    const auto wait_for_room = [&](bool full) {
      waker.wait_for([&] {
        if (auto news = writer.take_room()) room = news;
        return room && room->full == full;
      });
    };
    wait_for_room(true);
    EXPECT_NE(room->reason.find("the log's next segment needs 24"), std::string::npos) << room->reason;
    for (int i = 0; i < 2; ++i) {
      const Persist p = persist(4, 7 * limits::kMiB / 4);
      writer.submit(encoder.encode({&p, 1}));
      std::optional<LogWriter::Done> done;
      waker.wait_for([&] { return (done = writer.take_done()).has_value(); });
      EXPECT_EQ(done->error, "");
    }
    const Persist third = persist(4, 7 * limits::kMiB / 4);
    writer.submit(encoder.encode({&third, 1}));
    EXPECT_FALSE(std::filesystem::exists(segment_path(path_, 2)));
    EXPECT_FALSE(writer.take_done());
    std::filesystem::remove(filler);
    std::optional<LogWriter::Done> done;
    waker.wait_for([&] { return (done = writer.take_done()).has_value(); });
    EXPECT_EQ(done->error, "");
  }
  EXPECT_TRUE(open().recovered.entries == entries_);
  EXPECT_EQ(::umount2(path_.c_str(), MNT_DETACH), 0);
}

// From here on every fdatasync of this process fails, as on a disk that has gone; whatever it says later,
// what was written before may be lost, since the kernel forgets which pages it could not write (scenario 19).
bool break_syncs() {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_fdatasync, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EIO),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{std::size(code), code};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

TEST_F(LogDirectoryTest, AFailedSyncIsTheEnd) {
  const LogDirectory directory = open();
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    wal::Encoder encoder(kFresh, directory.recovered.position, limits::kWalSegmentBytes, HardState{});
    Waker waker;
    auto writer =
        std::make_unique<LogWriter>(path_, kFresh, directory.recovered.position, 1, [&] { waker.notify(); });
    const Persist first = persist(1, 100);
    writer->submit(encoder.encode({&first, 1}));
    if (!waker.wait(*writer).error.empty()) ::_exit(1);
    if (!break_syncs()) ::_exit(2);
    const Persist second = persist(1, 100);
    writer->submit(encoder.encode({&second, 1}));
    if (waker.wait(*writer).error.find("can't sync") == std::string::npos) ::_exit(3);
    // Nothing is written after it, and nothing is said to be: its thread has ended by the time this returns.
    const Persist third = persist(1, 100);
    writer->submit(encoder.encode({&third, 1}));
    writer.reset();
    ::_exit(waker.notified() == 2 ? 0 : 4);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 2) GTEST_SKIP() << "no seccomp filters here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

// A process that is to end does not wait for room.
TEST_F(LogDirectoryTest, AWriterThatWaitsForRoomCanBeStopped) {
  if (::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=18m") != 0)
    GTEST_SKIP() << "needs root for a small disk";
  {
    const LogDirectory directory = open();
    wal::Encoder encoder(kFresh, directory.recovered.position, limits::kWalSegmentBytes, HardState{});
    LogWriter writer(path_, kFresh, directory.recovered.position, 1, [] {}, 1h);
    wal::Write beyond;
    for (int i = 0; i < 3; ++i) {
      const Persist p = persist(4, 7 * limits::kMiB / 4);
      beyond = encoder.encode({&p, 1});
    }
    ASSERT_TRUE(beyond.new_segment);
    writer.submit(std::move(beyond));
  }
  EXPECT_EQ(::umount2(path_.c_str(), MNT_DETACH), 0);
}

TEST_F(LogDirectoryTest, AWriterThatDidNothingLeavesNothing) {
  for (int i = 0; i < 20; ++i) {
    LogWriter writer(path_, kFresh, wal::first_position(kFresh), 1, [] {});
  }
  EXPECT_FALSE(std::filesystem::exists(segment_path(path_, 1)));
}

// Barks, counted, for whoever waits for one.
class Barks {
 public:
  void bark() {
    const std::lock_guard lock(mutex_);
    ++count_;
    wakeup_.notify_all();
  }
  bool wait() {
    std::unique_lock lock(mutex_);
    return wakeup_.wait_for(lock, kPatience, [this] { return count_ > 0; });
  }
  int count() {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable wakeup_;
  int count_ = 0;
};

TEST(Watchdog, BarksWhenItIsNotPatted) {
  Barks barks;
  uv::Watchdog dog(50ms, [&] { barks.bark(); });
  EXPECT_TRUE(barks.wait());
}

// A second dog that nobody pats tells that the time was long enough, however slow this machine is.
TEST(Watchdog, IsQuietAsLongAsItIsPatted) {
  Barks quiet;
  Barks loud;
  {
    uv::Watchdog patted(1s, [&] { quiet.bark(); });
    uv::Watchdog silent(1200ms, [&] { loud.bark(); });
    while (loud.count() == 0) {
      patted.pat();
      std::this_thread::yield();
    }
    EXPECT_EQ(quiet.count(), 0);
  }
}

TEST(Watchdog, BarksOnceThePattingStops) {
  Barks barks;
  uv::Watchdog dog(50ms, [&] { barks.bark(); });
  for (int i = 0; i < 100; ++i) dog.pat();
  EXPECT_TRUE(barks.wait());
}

// A dog with a long patience must not keep the process from ending.
TEST(Watchdog, GoesAtOnceWhenItIsToldTo) {
  Barks barks;
  const auto began = std::chrono::steady_clock::now();
  {
    uv::Watchdog dog(1h, [&] { barks.bark(); });
  }
  EXPECT_LT(std::chrono::steady_clock::now() - began, kPatience);
  EXPECT_EQ(barks.count(), 0);
}

}  // namespace
}  // namespace patronus::log_writer_test
