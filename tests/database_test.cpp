// The dashboard's database on a real disk: it holds the rows, and readable tables made of them; what is equal
// is not written again; and each kind of damage is found.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "core/base/limits.h"
#include "core/projector.h"
#include "database_fixture.h"
#include "table_life.h"

namespace patronus::database_test {
namespace {

using test::DatabaseDirectory;
using test::fill;
using test::open_database;
using test::sql;

const std::atomic<bool> kGoOn = false;

// Everything in it that is not of this file's own making.
std::string dump(const std::string& path) {
  std::string all = sql(path, "SELECT hex(key), hex(value) FROM state_rows ORDER BY key");
  for (const char* table : {"sites", "endpoints", "policies", "paths", "audit"})
    all += std::string(table) + "\n" + sql(path, "SELECT * FROM " + std::string(table) + " ORDER BY 1, 2");
  return all;
}

TEST(DatabaseTest, HoldsReadableTables) {
  const DatabaseDirectory directory;
  Store store;
  Database database = open_database(directory.path());
  const auto apply = [&](TableOp op) {
    static uint64_t sequence = 0;
    ++sequence;
    const Entry entry{
        store.applied().next(), Term{3}, EntryKind::kCommand, Stamp{5, 1'700'000'000'123},
        Blob(encode_command({{Incarnation{1}, sequence, sequence}, {}, WriteOp{std::move(op)}}))};
    return store.apply(entry).result.outcome;
  };
  test::TableLife life(1);
  life.live(store, 1);
  ASSERT_EQ(apply(OpenTablesOp{kTablesSchema}), Outcome::kOk);
  const SiteFields site{"Vienna", {{"10.0.0.1:7000", "fiber", 1'500'000}, {"10.0.0.2:7000", "lte", 0}}, 2};
  ASSERT_EQ(apply(PutSiteOp{"s1", true, site, {}}), Outcome::kOk);
  ASSERT_EQ(apply(PutSiteOp{"s2", true, {"Graz", {{"10.0.1.1:7000", "fiber", 0}}, 1}, {}}), Outcome::kOk);
  PolicyFields policy{"voice", true, "s1", "s2", PathPreference::kLoss, {}, {}, {}};
  policy.max_latency_us = 45'500;
  policy.max_loss_ppm = 12'500;
  ASSERT_EQ(apply(PutPolicyOp{"p1", true, policy, {}}), Outcome::kOk);
  VerdictsOp verdicts;
  verdicts.endpoints = {{"s1", "10.0.0.2:7000", true, 1'700'000'000'100}};
  verdicts.paths = {
      {{"s1", "10.0.0.1:7000", "s2", "10.0.1.1:7000"}, PathStatus::kDegraded, 12'345, 678, 15'000, 61}};
  ASSERT_EQ(apply(verdicts), Outcome::kOk);
  fill(database, store);
  const std::string& path = directory.path();
  EXPECT_EQ(sql(path, "SELECT id, name, key_generation, created_at, create_revision, version FROM sites"),
            "s1|Vienna|2|2023-11-14T22:13:20.123Z|3|1\ns2|Graz|1|2023-11-14T22:13:20.123Z|4|1\n");
  EXPECT_EQ(sql(path,
                "SELECT site_id, address, position, interface_type, cost_per_gb, reachable, last_seen FROM "
                "endpoints"),
            "s1|10.0.0.1:7000|0|fiber|1.5|NULL|NULL\n"
            "s1|10.0.0.2:7000|1|lte|0.0|1|2023-11-14T22:13:20.100Z\n"
            "s2|10.0.1.1:7000|0|fiber|0.0|NULL|NULL\n");
  EXPECT_EQ(
      sql(path,
          "SELECT id, name, enabled, source_site, destination_site, prefer, max_latency_ms, max_jitter_ms, "
          "max_packet_loss_pct FROM policies"),
      "p1|voice|1|s1|s2|loss|45.5|NULL|1.25\n");
  EXPECT_EQ(sql(path,
                "SELECT source_endpoint, destination_endpoint, status, latency_ms, jitter_ms, "
                "packet_loss_pct, score, "
                "id = '" +
                    path_id(verdicts.paths[0].key) + "' FROM paths"),
            "10.0.0.1:7000|10.0.1.1:7000|degraded|12.345|0.678|1.5|61|1\n");
  EXPECT_EQ(
      sql(path, "SELECT key, value FROM meta WHERE key LIKE 'applied%' OR key IN ('schema', 'node_id')"),
      "applied_index|" + std::to_string(store.applied().value) +
          "\napplied_lease_ms|5\napplied_term|3\napplied_wall_ms|1700000000123\nnode_id|a\nschema|1\n");
  EXPECT_EQ(sql(path, "PRAGMA user_version"), "1\n");
  EXPECT_EQ(sql(path, "PRAGMA journal_mode"), "wal\n");
  EXPECT_FALSE(database.check());
  EXPECT_FALSE(database.check_all(kGoOn));
}

// Random lives, transactions and reopenings on two nodes: the tables are the same however they came about,
// and sound.
RC_GTEST_PROP(DatabaseProperty, TablesFollowTheState, (uint64_t seed)) {
  test::TableLife life(seed);
  const DatabaseDirectory directory;
  const DatabaseDirectory other;
  Store store;
  std::optional<Database> database(open_database(directory.path()));
  Projector projector(1 + life.pick(20));
  Instant now{1'000'000'000};
  uint64_t opening = 1;
  projector.opened(opening, store);
  for (int i = 0; i < 40; ++i) {
    life.live(store, life.pick(25));
    now = now + limits::kProjectionHeartbeat;
    Effects effects;
    projector.step(now, store, Index{}, effects);
    if (effects.empty()) continue;
    const auto& piece = std::get<Project>(effects.front());
    if (life.pick(12) == 0) {
      // The process ends, with what was under way.
      projector.lost(store);
      database.reset();
      database.emplace(open_database(directory.path()));
      projector.opened(++opening, store);
      continue;
    }
    RC_ASSERT(!test::write(*database, piece));
    projector.taken(opening, now);
  }
  while (!projector.is_current(store)) {
    now = now + limits::kProjectionInterval;
    Effects effects;
    projector.step(now, store, Index{}, effects);
    RC_ASSERT(!test::write(*database, std::get<Project>(effects.front())));
    projector.taken(opening, now);
  }
  const auto failed = database->check_all(kGoOn);
  if (failed) RC_FAIL(failed->text);
  Database fresh = open_database(other.path());
  fill(fresh, store);
  const std::string theirs = dump(other.path());
  RC_ASSERT(dump(directory.path()) == theirs);
}

TEST(DatabaseTest, WhatIsEqualIsNotWrittenAgain) {
  const DatabaseDirectory directory;
  test::TableLife life(3);
  Store store;
  life.live(store, 400);
  {
    Database database = open_database(directory.path());
    fill(database, store);
  }
  Database database = open_database(directory.path());
  const int64_t before = database.changes();
  fill(database, store);
  // The temporary keys are counted too.
  EXPECT_EQ(database.changes() - before, static_cast<int64_t>(test::projected_rows(store).size()));
  const std::string wal = directory.path() + "-wal";
  const auto size = std::filesystem::file_size(wal);
  fill(database, store);
  EXPECT_EQ(std::filesystem::file_size(wal), size) << "nothing at all goes to the disk";
  EXPECT_FALSE(database.check_all(kGoOn));
}

TEST(DatabaseTest, RowsThatTheStateDoesNotHaveGo) {
  const DatabaseDirectory directory;
  test::TableLife life(4);
  Store other;
  life.live(other, 300);
  Database database = open_database(directory.path());
  fill(database, other);
  test::TableLife mine(5);
  Store store;
  mine.live(store, 200);
  fill(database, store);
  const DatabaseDirectory fresh;
  Database clean = open_database(fresh.path());
  fill(clean, store);
  EXPECT_EQ(dump(directory.path()), dump(fresh.path()));
}

TEST(DatabaseTest, AnUnfinishedTransactionIsNothing) {
  const DatabaseDirectory directory;
  test::TableLife life(6);
  Store store;
  life.live(store, 200);
  Database database = open_database(directory.path());
  fill(database, store);
  const std::string before = dump(directory.path());
  life.live(store, 50);
  std::vector<Row> rows;
  store.for_each_projected_row(
      [&](std::string_view key, const RowValue& value) { rows.push_back({std::string(key), value}); });
  ASSERT_FALSE(database.begin(true));
  ASSERT_FALSE(database.put(rows));
  EXPECT_EQ(dump(directory.path()), before);
  database.abandon();
  EXPECT_FALSE(database.check_all(kGoOn)) << "it is still what was committed";
  ASSERT_FALSE(database.begin(false)) << "and another may begin";
}

// The kinds of damage, each with whether the cheap check finds it.
struct Damage {
  const char* name;
  std::function<void(const std::string& path)> strike;
  bool is_cheap;
};

void overwrite(const std::string& path, uint64_t offset, const std::string& bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY);
  ASSERT_GE(fd, 0);
  ASSERT_EQ(::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset)),
            static_cast<ssize_t>(bytes.size()));
  ::close(fd);
}
// What no look at pages finds.
void flip_a_value(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string content((std::istreambuf_iterator<char>(in)), {});
  const size_t at = content.find("Site to be found");
  ASSERT_NE(at, std::string::npos);
  overwrite(path, at, "s");
}

const Damage kDamages[] = {
    {"zeros over the first MiB",
     [](const std::string& path) { overwrite(path, 0, std::string(limits::kMiB, '\0')); }, true},
    {"zeros over the header", [](const std::string& path) { overwrite(path, 0, std::string(100, '\0')); },
     true},
    {"truncated",
     [](const std::string& path) {
       (void)::truncate(path.c_str(), static_cast<off_t>(std::filesystem::file_size(path) / 2));
     },
     true},
    {"truncated to nothing", [](const std::string& path) { (void)::truncate(path.c_str(), 0); }, true},
    {"deleted", [](const std::string& path) { std::filesystem::remove(path); }, true},
    {"replaced",
     [](const std::string& path) {
       std::filesystem::copy_file(path, path + ".copy");
       std::filesystem::rename(path + ".copy", path);
     },
     true},
    {"a page in the middle",
     [](const std::string& path) {
       const uint64_t pages = std::filesystem::file_size(path) / kPageBytes;
       overwrite(path, pages / 2 * kPageBytes, std::string(kPageBytes, '\xa5'));
     },
     false},
    {"one letter of a value", flip_a_value, false},
};

class DatabaseDamage : public ::testing::TestWithParam<Damage> {};

TEST_P(DatabaseDamage, IsFound) {
  const DatabaseDirectory directory;
  test::TableLife life(8);
  Store store;
  life.live(store, 300);
  for (uint64_t i = 0; i < 300; ++i) {
    const Entry entry{
        store.applied().next(), Term{1}, EntryKind::kCommand, Stamp{1, 1'800'000'000'000},
        Blob(encode_command(
            {{Incarnation{1}, 10'000 + i, 10'000 + i},
             {},
             TableOp{PutSiteOp{
                 "x" + std::to_string(i), true, {"Site to be found " + std::to_string(i), {}, 1}, {}}}}))};
    (void)store.apply(entry);
  }
  Database database = open_database(directory.path());
  fill(database, store);
  // What is in the WAL alone can't be damaged in the file.
  test::checkpoint(directory.path());
  ASSERT_FALSE(database.check());
  ASSERT_FALSE(database.check_all(kGoOn));
  GetParam().strike(directory.path());
  std::optional<DatabaseError> found;
  for (int i = 0; i < limits::kDatabaseSuspicions && !found; ++i) found = database.check();
  EXPECT_EQ(found.has_value(), GetParam().is_cheap);
  if (!found) found = database.check_all(kGoOn);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->fault, DatabaseFault::kDamaged) << found->text;
  EXPECT_NE(found->text.find(directory.path()), std::string::npos) << found->text;
}

INSTANTIATE_TEST_SUITE_P(All, DatabaseDamage, ::testing::ValuesIn(kDamages), [](const auto& damage) {
  std::string name = damage.param.name;
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
});

// What the design says of it, so that nobody takes the check for more than it needs to be.
TEST(DatabaseTest, SelectOneFindsNoZeros) {
  const DatabaseDirectory directory;
  test::TableLife life(8);
  Store store;
  life.live(store, 100);
  Database database = open_database(directory.path());
  fill(database, store);
  overwrite(directory.path(), 0, std::string(limits::kMiB, '\0'));
  // Where the WAL and what is in memory have the pages, it writes and reads on as if nothing had happened.
  life.live(store, 30);
  fill(database, store);
  EXPECT_EQ(sql(directory.path(), "SELECT 1"), "1\n");
  EXPECT_TRUE(database.check());
}

TEST(DatabaseTest, ACheckEndsWhenItIsTold) {
  const DatabaseDirectory directory;
  test::TableLife life(9);
  Store store;
  life.live(store, 3'000);
  Database database = open_database(directory.path());
  fill(database, store);
  const std::atomic<bool> stop = true;
  const auto stopped = database.check_all(stop);
  ASSERT_TRUE(stopped);
  EXPECT_EQ(stopped->fault, DatabaseFault::kStopped);
}

}  // namespace
}  // namespace patronus::database_test
