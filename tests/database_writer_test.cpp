// The database's thread: a database that is damaged while a node runs, or while it does not, is set aside and
// made again, and nothing that is another program's is touched.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "core/base/limits.h"
#include "core/projector.h"
#include "database_fixture.h"
#include "io/storage/database_writer.h"
#include "table_life.h"

namespace patronus::database_writer_test {
namespace {

using namespace std::chrono_literals;
using test::DatabaseDirectory;
using test::sql;

constexpr auto kPatience = 60s;

DatabaseLock lock(const std::string& path) {
  std::variant<DatabaseLock, std::string> taken = DatabaseLock::take(path);
  if (const auto* error = std::get_if<std::string>(&taken)) throw std::runtime_error(*error);
  return std::move(std::get<DatabaseLock>(taken));
}
std::string refusal(const std::string& path) {
  const std::variant<DatabaseLock, std::string> taken = DatabaseLock::take(path);
  const auto* error = std::get_if<std::string>(&taken);
  return error == nullptr ? "" : *error;
}
void put_file(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}
std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {(std::istreambuf_iterator<char>(in)), {}};
}
void zeros(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY);
  const std::string bytes(limits::kMiB, '\0');
  ASSERT_EQ(::pwrite(fd, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  ::close(fd);
}

// What a node does with the writer, without the node.
class Keeper {
 public:
  explicit Keeper(const std::string& path, Duration check_interval = 1h)
      : writer_({path, "a", check_interval, 200ms}, lock(path), [] {}) {}

  void live(uint64_t entries) { life_.live(store_, entries); }
  // Works until the condition holds, by what was reported.
  template <typename Condition>
  bool work_until(Condition&& condition) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      work();
      std::this_thread::sleep_for(1ms);
    }
    return true;
  }
  bool is_current() const { return projector_.is_current(store_); }
  const Store& store() const { return store_; }
  DatabaseFigures figures() const { return writer_.figures(); }

  std::vector<std::string> aside;
  std::vector<DatabaseReport> failures;
  size_t sound = 0;

 private:
  void work() {
    const auto time = std::chrono::steady_clock::now().time_since_epoch();
    const Instant now{std::chrono::duration_cast<std::chrono::nanoseconds>(time).count()};
    while (std::optional<DatabaseWriter::Answer> answer = writer_.take_answer()) {
      if (auto* set_aside = std::get_if<DatabaseWriter::SetAside>(&*answer)) {
        aside.push_back(set_aside->text);
      } else if (auto* done = std::get_if<Projected>(&*answer)) {
        projector_.taken(done->opening, now);
      } else {
        const auto& report = std::get<DatabaseReport>(*answer);
        if (report.state == DatabaseState::kOpened) {
          projector_.opened(report.opening, store_);
        } else if (report.state == DatabaseState::kSound) {
          ++sound;
        } else {
          projector_.lost(store_);
          failures.push_back(report);
        }
      }
    }
    Effects effects;
    projector_.step(now, store_, Index{}, effects);
    for (Effect& effect : effects) writer_.submit(std::move(std::get<Project>(effect)));
  }

  test::TableLife life_{11};
  Store store_;
  Projector projector_{16};
  DatabaseWriter writer_;
};

std::string rows_of(const std::string& path) {
  return sql(path, "SELECT hex(key), hex(value) FROM state_rows ORDER BY key");
}
std::string rows_of(const Store& store) {
  const DatabaseDirectory other;
  Database database = test::open_database(other.path());
  test::fill(database, store);
  return rows_of(other.path());
}

TEST(DatabaseWriterTest, FollowsTheState) {
  const DatabaseDirectory directory;
  Keeper keeper(directory.path());
  for (int i = 0; i < 10; ++i) {
    keeper.live(40);
    ASSERT_TRUE(keeper.work_until([&] { return keeper.is_current(); }));
    ASSERT_EQ(rows_of(directory.path()), rows_of(keeper.store()));
  }
  ASSERT_TRUE(keeper.work_until([&] { return keeper.sound > 0; }));
  EXPECT_TRUE(keeper.failures.empty());
  EXPECT_GE(keeper.figures().transactions, 10U);
  EXPECT_GT(keeper.figures().bytes, 0U);
}

TEST(DatabaseWriterTest, SetsADamagedOneAsideAndMakesItAgain) {
  const DatabaseDirectory directory;
  const std::string& path = directory.path();
  const std::string litestream = directory.directory() + "/.dashboard.db-litestream";
  Keeper keeper(path);
  keeper.live(300);
  ASSERT_TRUE(keeper.work_until([&] { return keeper.is_current(); }));
  std::filesystem::create_directory(litestream);
  put_file(litestream + "/generation", "g1");
  zeros(path);
  const auto struck = std::chrono::steady_clock::now();
  ASSERT_TRUE(keeper.work_until([&] { return !keeper.failures.empty(); }));
  EXPECT_LT(std::chrono::steady_clock::now() - struck, limits::kDatabaseCheckPeriod + 1s);
  EXPECT_EQ(keeper.failures[0].state, DatabaseState::kDamaged);
  ASSERT_TRUE(keeper.work_until([&] { return keeper.is_current(); }));
  EXPECT_EQ(rows_of(path), rows_of(keeper.store()));
  ASSERT_EQ(keeper.aside.size(), 1U);
  EXPECT_NE(keeper.aside[0].find("dashboard.db.damaged-1"), std::string::npos) << keeper.aside[0];
  EXPECT_EQ(content_of(path + ".damaged-1").substr(0, 100), std::string(100, '\0'));
  EXPECT_TRUE(std::filesystem::exists(path + ".damaged-1-wal"));
  EXPECT_FALSE(std::filesystem::exists(litestream)) << "a new generation begins";
  EXPECT_EQ(content_of(directory.directory() + "/.dashboard.db.damaged-1-litestream/generation"), "g1");
  EXPECT_EQ(keeper.figures().rebuilt, 1U);
  keeper.live(50);
  ASSERT_TRUE(keeper.work_until([&] { return keeper.is_current(); }));
  EXPECT_EQ(rows_of(path), rows_of(keeper.store()));
}

TEST(DatabaseWriterTest, FindsAFlippedPageOnItsSchedule) {
  const DatabaseDirectory directory;
  Keeper keeper(directory.path(), 1s);
  keeper.live(2'000);
  ASSERT_TRUE(keeper.work_until([&] { return keeper.is_current(); }));
  test::checkpoint(directory.path());
  const auto pages = std::filesystem::file_size(directory.path()) / kPageBytes;
  const int fd = ::open(directory.path().c_str(), O_WRONLY);
  const std::string bytes(kPageBytes, '\xa5');
  ASSERT_GT(::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(pages / 2 * kPageBytes)), 0);
  ::close(fd);
  ASSERT_TRUE(keeper.work_until([&] { return !keeper.aside.empty(); }));
  ASSERT_TRUE(keeper.work_until([&] { return keeper.is_current(); }));
  EXPECT_EQ(rows_of(directory.path()), rows_of(keeper.store()));
}

TEST(DatabaseWriterTest, BeginsWithADamagedOne) {
  const DatabaseDirectory directory;
  for (size_t turn = 0; turn < 6; ++turn) {
    {
      Keeper keeper(directory.path());
      keeper.live(100);
      ASSERT_TRUE(keeper.work_until([&] { return keeper.is_current(); }));
      EXPECT_EQ(rows_of(directory.path()), rows_of(keeper.store()));
      EXPECT_EQ(keeper.aside.size(), turn == 0 ? 0U : 1U);
    }
    zeros(directory.path());
  }
  // The latest are kept, never more, and never fewer.
  EXPECT_FALSE(std::filesystem::exists(directory.path() + ".damaged-1"));
  for (const char* kept : {".damaged-2", ".damaged-3", ".damaged-4", ".damaged-5"})
    EXPECT_TRUE(std::filesystem::exists(directory.path() + kept)) << kept;
}

TEST(DatabaseWriterTest, AWalWithoutItsDatabaseIsNotTakenForTheNextOnes) {
  const DatabaseDirectory directory;
  {
    Keeper keeper(directory.path());
    keeper.live(300);
    ASSERT_TRUE(keeper.work_until([&] { return keeper.is_current(); }));
  }
  std::filesystem::remove(directory.path());
  ASSERT_TRUE(std::filesystem::exists(directory.path() + "-wal"));
  Keeper keeper(directory.path());
  keeper.live(20);
  ASSERT_TRUE(keeper.work_until([&] { return keeper.is_current(); }));
  EXPECT_EQ(rows_of(directory.path()), rows_of(keeper.store()));
  EXPECT_TRUE(std::filesystem::exists(directory.path() + ".damaged-1-wal"));
}

TEST(DatabaseLockTest, WhatIsNotOursIsNotTouched) {
  const DatabaseDirectory directory;
  const std::string& path = directory.path();
  put_file(path,
           "a letter to my aunt, which is longer than the header of a database is, by a word or two, or "
           "maybe three");
  const std::string letter = content_of(path);
  EXPECT_NE(refusal(path).find("PATRONUS_DB_PATH='" + path + "'"), std::string::npos) << refusal(path);
  EXPECT_EQ(content_of(path), letter);
  EXPECT_FALSE(std::filesystem::exists(path + ".lock")) << "or it would pass for ours";
  std::filesystem::remove(path);
  sqlite3* opened = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &opened), SQLITE_OK);
  ASSERT_EQ(
      sqlite3_exec(opened, "PRAGMA application_id = 7; CREATE TABLE mine(x); INSERT INTO mine VALUES(1)",
                   nullptr, nullptr, nullptr),
      SQLITE_OK);
  sqlite3_close(opened);
  EXPECT_NE(refusal(path).find("another program"), std::string::npos) << refusal(path);
  EXPECT_EQ(sql(path, "SELECT x FROM mine"), "1\n");
}

TEST(DatabaseLockTest, AnotherVersionsIsNotTouched) {
  const DatabaseDirectory directory;
  {
    const DatabaseLock taken = lock(directory.path());
  }
  sqlite3* opened = nullptr;
  ASSERT_EQ(sqlite3_open(directory.path().c_str(), &opened), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(opened, "PRAGMA user_version = 2; PRAGMA wal_checkpoint(TRUNCATE)", nullptr, nullptr,
                         nullptr),
            SQLITE_OK);
  sqlite3_close(opened);
  EXPECT_NE(refusal(directory.path()).find("version 2"), std::string::npos) << refusal(directory.path());
  EXPECT_EQ(sql(directory.path(), "PRAGMA user_version"), "2\n");
}

TEST(DatabaseLockTest, OneProcessHasIt) {
  const DatabaseDirectory directory;
  const DatabaseLock mine = lock(directory.path());
  EXPECT_NE(refusal(directory.path()).find("in use by another process"), std::string::npos);
  EXPECT_NE(refusal(directory.directory()).find("is a directory"), std::string::npos);
}

}  // namespace
}  // namespace patronus::database_writer_test
