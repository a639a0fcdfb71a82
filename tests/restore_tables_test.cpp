// Sites and policies of a running state become those of a snapshot by one entry, whatever happened to them
// since; what was found out about lines that stay, what was revoked, and who did what are not undone.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "core/base/limits.h"
#include "core/state/restore_source.h"
#include "core/state/store.h"
#include "core/state/table_rows.h"
#include "tests/store_copies.h"
#include "tests/table_life.h"

namespace patronus::test::restore_tables_test {
namespace {

// A store that is told commands besides those of its life.
struct Cluster {
  explicit Cluster(uint64_t seed) : life(seed) {}

  WriteResult write(WriteOp op) {
    // In the place of what would have come next, with its stamp and its number.
    Entry entry = life.next(store);
    Command command = decode_command(entry.payload.view()).value();
    command.op = std::move(op);
    entry.payload = Blob(encode_command(command));
    return store.apply(entry).result;
  }
  WriteResult table(TableOp op) { return write(WriteOp{std::move(op)}); }
  WriteResult restore(RestoreOp op) { return write(WriteOp{std::move(op)}); }
  void found() {
    (void)store.apply(life.next(store));
    EXPECT_EQ(table(OpenTablesOp{kTablesSchema}).outcome, Outcome::kOk);
  }
  WriteResult put_site(const std::string& id, const std::string& name, uint32_t generation = 1) {
    return table(PutSiteOp{id, store.tables().site(id) == nullptr, SiteFields{name, {}, generation}, {}});
  }

  TableLife life;
  Store store;
};

struct Taken {
  std::vector<Blob> pieces;
  SnapshotContent content;

  explicit Taken(const std::string& snapshot) {
    RestoreSource source(true, 3);
    EXPECT_EQ(source.feed(snapshot), std::nullopt);
    EXPECT_EQ(source.finish(), std::nullopt);
    while (auto piece = source.take()) pieces.emplace_back(std::move(piece->rows));
    content = source.content();
  }
  void stage_into(Cluster& cluster) const {
    const BeginRestoreOp begin{"r", content.artefact.index, content.artefact.hash, content.cluster,
                               content.rows};
    EXPECT_EQ(cluster.restore(begin).outcome, Outcome::kOk);
    for (size_t i = 0; i < pieces.size(); ++i)
      EXPECT_EQ(cluster.restore(StageRowsOp{"r", i + 1, pieces[i]}).outcome, Outcome::kOk);
  }
  Outcome finish(Cluster& cluster) const {
    return cluster.restore(FinishRestoreOp{"r", content.rows, content.rows_hash, true}).outcome;
  }
  Outcome restore_into(Cluster& cluster) const {
    stage_into(cluster);
    return finish(cluster);
  }
};

template <typename Entities>
void expect_entities(const Entities& before, const Entities& wanted, const Entities& after, Index at) {
  RC_ASSERT(after.size() == wanted.size());
  for (const auto& [id, one] : wanted) {
    const auto& now = after.at(id);
    RC_ASSERT(now.fields == one.fields);
    const auto had = before.find(id);
    if (had != before.end() && had->second.fields == one.fields) {
      RC_ASSERT(now == had->second);
      continue;
    }
    RC_ASSERT(now.mod_revision == at);
    RC_ASSERT(now.version == (had == before.end() ? 1 : had->second.version + 1));
    RC_ASSERT(now.create_revision == (had == before.end() ? at : had->second.create_revision));
  }
}

RC_GTEST_PROP(RestoreTables, MakesThemThoseOfTheSnapshot, (uint64_t seed)) {
  Cluster cluster(seed);
  cluster.life.live(cluster.store, 2 + cluster.life.pick(200));
  const Store wanted = copy_of(cluster.store);
  const Taken taken(snapshot_of(cluster.store));
  RC_ASSERT(taken.content.sites == wanted.tables().sites().size());
  RC_ASSERT(taken.content.policies == wanted.tables().policies().size());
  cluster.life.live(cluster.store, cluster.life.pick(200));
  taken.stage_into(cluster);
  const Store before = copy_of(cluster.store);
  RC_ASSERT(taken.finish(cluster) == Outcome::kOk);

  const Tables& had = before.tables();
  const Tables& now = cluster.store.tables();
  expect_entities(had.sites(), wanted.tables().sites(), now.sites(), cluster.store.applied());
  expect_entities(had.policies(), wanted.tables().policies(), now.policies(), cluster.store.applied());
  RC_ASSERT(now.entity_bytes() == wanted.tables().entity_bytes());
  RC_ASSERT(now.endpoint_count() == wanted.tables().endpoint_count());
  // Which paths there are follows from policies; what is known of one is what was known.
  RC_ASSERT(now.paths().size() == wanted.tables().paths().size());
  for (const auto& [key, state] : now.paths()) {
    RC_ASSERT(wanted.tables().paths().contains(key));
    const auto known = had.paths().find(key);
    RC_ASSERT(state == (known == had.paths().end() ? std::nullopt : known->second));
  }
  for (const auto& [id, site] : now.sites()) {
    RC_ASSERT(now.site_by_name(site.fields.name) == &site);
    for (const SiteEndpoint& endpoint : site.fields.endpoints) {
      const EndpointState* state = now.endpoint(id, endpoint.address);
      const EndpointState* known = had.endpoint(id, endpoint.address);
      RC_ASSERT((state == nullptr) == (known == nullptr));
      if (state != nullptr) RC_ASSERT(*state == *known);
    }
  }
  // Who did what stays.
  RC_ASSERT(now.audit().size() >= had.audit().size());
  for (size_t i = 0; i < had.audit().size(); ++i) RC_ASSERT(now.audit()[i] == had.audit()[i]);
  // The sums are those of a state out of its rows, and it goes on living.
  const Store loaded = copy_of(cluster.store);
  RC_ASSERT(loaded.bytes() == cluster.store.bytes());
  RC_ASSERT(loaded.hash() == cluster.store.hash());
  const uint64_t version = now.version();
  RC_ASSERT(taken.finish(cluster) == Outcome::kOk);
  RC_ASSERT(now.version() == version);
  cluster.life.live(cluster.store, cluster.life.pick(100));
  RC_ASSERT(copy_of(cluster.store).bytes() == cluster.store.bytes());
}

TEST(RestoreTables, NamesThatWereSwappedSwapBack) {
  Cluster cluster(1);
  cluster.found();
  cluster.put_site("s1", "north");
  cluster.put_site("s2", "south");
  const Taken taken(snapshot_of(cluster.store));
  cluster.put_site("s1", "somewhere");
  cluster.put_site("s2", "north");
  cluster.put_site("s1", "south");
  cluster.put_site("s3", "later");
  EXPECT_EQ(taken.restore_into(cluster), Outcome::kOk);
  EXPECT_EQ(cluster.store.tables().site_by_name("north")->id, "s1");
  EXPECT_EQ(cluster.store.tables().site_by_name("south")->id, "s2");
  EXPECT_EQ(cluster.store.tables().site("s3"), nullptr);
  const RestoreCounts& counts = cluster.store.staging().last()->counts;
  EXPECT_EQ(counts.put, 2U);
  EXPECT_EQ(counts.deleted, 1U);
}

TEST(RestoreTables, AProbeKeyThatWasReplacedStaysReplaced) {
  Cluster cluster(1);
  cluster.found();
  cluster.put_site("s1", "north");
  const Taken taken(snapshot_of(cluster.store));
  cluster.put_site("s1", "renamed", 2);
  EXPECT_EQ(taken.restore_into(cluster), Outcome::kOk);
  const Site& site = *cluster.store.tables().site("s1");
  EXPECT_EQ(site.fields.name, "north");
  EXPECT_EQ(site.fields.key_generation, 2U);
}

TEST(RestoreTables, ASnapshotWithoutTablesLeavesThemAsTheyAre) {
  Cluster cluster(1);
  (void)cluster.store.apply(cluster.life.next(cluster.store));
  cluster.write(PutOp{"ns", "key", Blob("value"), "", {}});
  const Taken taken(snapshot_of(cluster.store));
  EXPECT_FALSE(taken.content.has_tables);
  EXPECT_EQ(cluster.table(OpenTablesOp{kTablesSchema}).outcome, Outcome::kOk);
  cluster.put_site("s1", "north");
  EXPECT_EQ(taken.restore_into(cluster), Outcome::kOk);
  EXPECT_NE(cluster.store.tables().site("s1"), nullptr);
  EXPECT_EQ(cluster.store.keys(), 1U);
}

TEST(RestoreTables, AreRefusedWhereTheClusterHasNone) {
  Cluster cluster(1);
  cluster.found();
  cluster.put_site("s1", "north");
  const Taken taken(snapshot_of(cluster.store));
  EXPECT_TRUE(taken.content.has_tables);
  Cluster old(2);
  (void)old.store.apply(old.life.next(old.store));
  old.write(PutOp{"ns", "key", Blob("value"), "", {}});
  EXPECT_EQ(taken.restore_into(old), Outcome::kMismatch);
  EXPECT_EQ(old.store.keys(), 1U);
}

TEST(RestoreTables, WhatDoesNotFitTogetherIsRefused) {
  Cluster cluster(1);
  cluster.found();
  cluster.put_site("s1", "north");
  const auto row_of = [&](const std::string& key) { return cluster.store.tables().row(key)->text(); };
  const std::string site = row_of(table_rows::site_key("s1"));
  const std::string schema = row_of(table_rows::schema_key());
  std::string rows;
  put_staged(rows, {kStagedTables, table_rows::schema_key(), {}, schema});
  put_staged(rows, {kStagedTables, table_rows::site_key("s1"), {}, site});
  put_staged(rows, {kStagedTables, table_rows::site_key("s2"), {}, site});  // of the same name
  StagedSum sum;
  ASSERT_TRUE(sum.add(rows));
  EXPECT_EQ(cluster.restore(BeginRestoreOp{"r", cluster.store.applied(), 7, {}, 3}).outcome, Outcome::kOk);
  EXPECT_EQ(cluster.restore(StageRowsOp{"r", 1, Blob(rows)}).outcome, Outcome::kOk);
  EXPECT_EQ(cluster.restore(FinishRestoreOp{"r", 3, sum.hash, true}).outcome, Outcome::kMismatch);
  EXPECT_EQ(cluster.store.tables().sites().size(), 1U);
  // Other kinds of rows are never staged, nor can a client's key be among them.
  std::string others;
  put_staged(others, {kStagedTables, table_rows::audit_key(Index{1}), {}, "x"});
  EXPECT_FALSE(StagedSum{}.add(others));
}

}  // namespace
}  // namespace patronus::test::restore_tables_test
