// A state out of the dashboard's database and an older state artefact: what the database has is as it was
// then, the rest as it was when the artefact was taken.
#include "io/storage/restore_merge.h"

#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <filesystem>

#include "io/storage/data_directory.h"
#include "io/storage/restore.h"
#include "tests/table_life.h"

namespace patronus::restore_merge_test {
namespace {

StateRows rows_of(const Store& store) {
  StateRows rows;
  store.for_each_row(
      [&](std::string_view key, const RowValue& value) { rows.emplace_back(key, value.text()); });
  return rows;
}

StateContent artefact_of(const Store& store) { return {{store.base(), store.hash()}, rows_of(store)}; }

DatabaseContent database_of(const Store& store) {
  DatabaseContent content{
      store.base().configuration->cluster_id, store.applied(), store.base().term, store.base().stamp, {}};
  for (auto& [key, value] : test::projected_rows(store)) content.rows.emplace_back(key, value);
  return content;
}

Store build(const StateContent& content) {
  StoreLoader loader(content.end.base);
  for (const auto& [key, value] : content.rows) RC_ASSERT(!loader.add(key, value));
  std::variant<Store, std::string> store = std::move(loader).finish(content.end.state_hash);
  RC_ASSERT(std::holds_alternative<Store>(store));
  return std::move(std::get<Store>(store));
}

RC_GTEST_PROP(RestoreMerge, TheDatabasesRowsAndTheOthersOfTheArtefact, (uint64_t seed)) {
  test::TableLife life(seed);
  Store store;
  life.live(store, 2 + life.pick(200));
  StateContent artefact = artefact_of(store);
  const std::optional<Record> key_then =
      store.get("ns", "key1") == nullptr ? std::nullopt : std::optional(*store.get("ns", "key1"));
  const size_t keys_then = store.keys();
  life.live(store, life.pick(200));
  std::variant<StateContent, std::string> merged =
      merge_states(database_of(store), std::move(artefact), "a", Incarnation{9});
  if (const auto* fault = std::get_if<std::string>(&merged)) RC_FAIL(*fault);
  const Store twin = build(std::get<StateContent>(merged));
  RC_ASSERT(twin.applied() == store.applied());
  RC_ASSERT(twin.base().stamp == store.base().stamp);
  RC_ASSERT(twin.tables().hash() == store.tables().hash());
  const bool same = test::projected_rows(twin) == test::projected_rows(store);
  RC_ASSERT(same);
  RC_ASSERT(twin.accounts().session_count() == 0U);
  RC_ASSERT(twin.keys() == keys_then);
  RC_ASSERT((twin.get("ns", "key1") != nullptr) == key_then.has_value());
  if (key_then) RC_ASSERT(twin.get("ns", "key1")->mod_revision == key_then->mod_revision);
  RC_ASSERT(twin.members().wanted() == store.members().wanted());
}

RC_GTEST_PROP(RestoreMerge, WithoutAnArtefactTheDatabaseIsAll, (uint64_t seed)) {
  test::TableLife life(seed);
  Store store;
  life.live(store, 2 + life.pick(200));
  std::variant<StateContent, std::string> merged =
      merge_states(database_of(store), std::nullopt, "a", Incarnation{9});
  if (const auto* fault = std::get_if<std::string>(&merged)) RC_FAIL(*fault);
  const Store twin = build(std::get<StateContent>(merged));
  RC_ASSERT(twin.tables().hash() == store.tables().hash());
  RC_ASSERT(twin.accounts().user_count() == store.accounts().user_count());
  RC_ASSERT(twin.keys() == 0U);
  RC_ASSERT(twin.base().configuration->find("a") != nullptr);
}

class MergingStates : public ::testing::Test {
 protected:
  MergingStates() {
    life.live(store, 100);
    artefact = artefact_of(store);
    life.live(store, 100);
  }
  std::string fault() {
    std::variant<StateContent, std::string> merged = merge_states(
        std::move(database), std::optional<StateContent>(std::move(artefact)), "a", Incarnation{9});
    return std::holds_alternative<std::string>(merged) ? std::get<std::string>(merged) : "";
  }
  test::TableLife life{7};
  Store store;
  StateContent artefact;
  DatabaseContent database;
};

TEST_F(MergingStates, RefusesALaterArtefact) {
  database = database_of(store);
  artefact.end.base.index = store.applied().next();
  EXPECT_NE(fault().find("later entry"), std::string::npos);
}

TEST_F(MergingStates, RefusesAnotherClusters) {
  database = database_of(store);
  database.cluster = ClusterId{{8, 8}};
  EXPECT_NE(fault().find("different clusters"), std::string::npos);
}

TEST_F(MergingStates, RefusesRowsThatAreNotTheDatabases) {
  database = database_of(store);
  database.rows.emplace_back(row_key(RowKind::kSession, std::string_view("s1")), "anything");
  EXPECT_NE(fault().find("does not belong there"), std::string::npos);
}

TEST_F(MergingStates, NeedsAFounderWithoutAnArtefact) {
  std::variant<StateContent, std::string> merged =
      merge_states(database_of(store), std::nullopt, "", Incarnation{9});
  EXPECT_TRUE(std::holds_alternative<std::string>(merged));
}

TEST_F(MergingStates, RefusesDamagedRows) {
  database = database_of(store);
  ASSERT_FALSE(database.rows.empty());
  database.rows.back().second.resize(database.rows.back().second.size() / 2);
  EXPECT_NE(fault(), "");
}

// What is founded is a data directory that a node starts from; and nothing is left of one that could not be
// made.
TEST_F(MergingStates, FoundsADirectory) {
  namespace fs = std::filesystem;
  const fs::path place = fs::path(testing::TempDir()) / "restore-merge";
  fs::remove_all(place);
  RestoreOptions options;
  options.directory = place.string();
  options.incarnation = Incarnation{9};
  options.cluster = ClusterId{{3, 4}};
  const std::variant<SnapshotSummary, std::string> done = restore_database(database_of(store), "a", options);
  ASSERT_TRUE(std::holds_alternative<SnapshotSummary>(done)) << std::get<std::string>(done);
  EXPECT_EQ(std::get<SnapshotSummary>(done).sites, store.tables().sites().size());
  const std::variant<SnapshotSummary, std::string> again = restore_database(database_of(store), "a", options);
  ASSERT_TRUE(std::holds_alternative<std::string>(again));
  EXPECT_NE(std::get<std::string>(again).find("is not empty"), std::string::npos);
  OpenData how;
  how.path = options.directory;
  how.map_bytes = limits::kImageMapBytes;
  how.incarnation = [] { return Incarnation{1}; };
  how.progress = [](uint64_t, uint64_t) {};
  how.say = [](const std::string&) {};
  std::variant<OpenedData, std::string> opened = open_data(how);
  ASSERT_TRUE(std::holds_alternative<OpenedData>(opened)) << std::get<std::string>(opened);
  const auto& data = std::get<OpenedData>(opened);
  EXPECT_EQ(data.founds_anew, options.cluster);
  EXPECT_EQ(data.state.store.applied(), store.applied());
  EXPECT_EQ(data.state.store.tables().hash(), store.tables().hash());
  fs::remove_all(place);
}

}  // namespace
}  // namespace patronus::restore_merge_test
