// A running state becomes a snapshot's keys by one entry: whatever comes in between, doubled, too early, of
// another restore, or a restart; or it does not change at all.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "core/base/limits.h"
#include "core/base/random.h"
#include "core/state/restore_source.h"
#include "core/state/store.h"
#include "tests/mutant_guard.h"
#include "tests/store_copies.h"

namespace patronus::test::staging_test {
namespace {

constexpr ClusterId kCluster{{1, 2}};
constexpr int64_t kIdleMs =
    std::chrono::duration_cast<std::chrono::milliseconds>(limits::kRestoreIdle).count();

using Name = std::pair<std::string, std::string>;
using Keys = std::map<Name, Record>;

Keys keys_of(const Store& store) {
  Keys keys;
  for (const char* ns : {"a", "ab", "b", "c"}) {
    ListQuery all{ns, "", "", 1'000'000, false};
    for (const ListItem& item : store.list(all).items) keys[{ns, item.key}] = item.record;
  }
  return keys;
}

// A state that is told commands, at times the test chooses.
class World {
 public:
  World() {
    const Configuration alone{kCluster, {{"a", Incarnation{1}, "a:1", "a:2", Standing::kVoter}}};
    apply(EntryKind::kConfiguration, encode_configuration(alone));
  }
  WriteResult write(WriteOp op, std::optional<Authority> authority = {}) {
    const Command command{{Incarnation{1}, ++sequence_, sequence_}, {}, std::move(op), std::move(authority)};
    return apply(EntryKind::kCommand, encode_command(command));
  }
  WriteResult restore(RestoreOp op, std::optional<Authority> authority = {}) {
    return write(WriteOp{std::move(op)}, std::move(authority));
  }
  WriteResult put(const std::string& ns, const std::string& key, const std::string& value,
                  const std::string& type = "") {
    return write(PutOp{ns, key, Blob(value), type, {}});
  }
  void pass(int64_t ms) {
    now.lease_ms += ms;
    now.wall_ms += ms;
  }
  std::string snapshot() const { return snapshot_of(store); }
  void restart() { store = copy_of(store); }

  Store store;
  Stamp now{1000, 1'700'000'000'000};

 private:
  WriteResult apply(EntryKind kind, std::string payload) {
    return store.apply({store.applied().next(), Term{1}, kind, now, Blob(std::move(payload))}).result;
  }
  uint64_t sequence_ = 0;
};

// A snapshot's pieces, and what a restore of them says.
struct Pieces {
  std::vector<Blob> pieces;
  SnapshotContent content;

  Pieces(const std::string& snapshot, size_t rows_max) {
    RestoreSource source(true, rows_max);
    EXPECT_EQ(source.feed(snapshot), std::nullopt);
    EXPECT_EQ(source.finish(), std::nullopt);
    while (auto piece = source.take()) pieces.emplace_back(std::move(piece->rows));
    content = source.content();
  }
  BeginRestoreOp begin(const std::string& id) const {
    return {id, content.artefact.index, content.artefact.hash, content.cluster, content.rows};
  }
  StageRowsOp stage(const std::string& id, size_t number) const { return {id, number + 1, pieces[number]}; }
  FinishRestoreOp finish(const std::string& id, bool end_sessions = true) const {
    return {id, content.rows, content.rows_hash, end_sessions};
  }
  void stage_all(World& world, const std::string& id) const {
    EXPECT_EQ(world.restore(begin(id)).outcome, Outcome::kOk);
    for (size_t i = 0; i < pieces.size(); ++i) EXPECT_EQ(world.restore(stage(id, i)).outcome, Outcome::kOk);
  }
};

void write_somewhere(World& world, Random& random) {
  static constexpr const char* kSpaces[] = {"a", "ab", "b", "c"};
  const std::string ns = kSpaces[random.below(4)];
  const std::string key = "key" + std::to_string(random.below(12));
  if (random.below(3) == 0) {
    world.write(DeleteOp{ns, key, {}});
  } else {
    world.put(ns, key, std::string(random.below(4), 'v'), random.below(4) == 0 ? "text/plain" : "");
  }
}

// What must be there after a restore, from what was there before and what was in the snapshot.
void expect_restored(const Keys& before, const Keys& wanted, const World& world,
                     const RestoreCounts& counts) {
  const Index at = world.store.staging().last()->revision;
  const Keys after = keys_of(world.store);
  RC_ASSERT(after.size() == wanted.size());
  RestoreCounts expected;
  for (const auto& [name, record] : wanted) {
    const Record& now = after.at(name);
    RC_ASSERT(now.value == record.value);
    RC_ASSERT(now.content_type == record.content_type);
    const auto had = before.find(name);
    const bool is_same = had != before.end() && had->second.value == record.value &&
                         had->second.content_type == record.content_type;
    if (is_same) {
      RC_ASSERT(now == had->second);
      ++expected.unchanged;
      continue;
    }
    ++expected.put;
    RC_ASSERT(now.mod_revision == at);
    RC_ASSERT(now.create_revision == (had == before.end() ? at : had->second.create_revision));
    RC_ASSERT(now.version == (had == before.end() ? 1 : had->second.version + 1));
  }
  for (const auto& [name, record] : before) expected.deleted += wanted.contains(name) ? 0U : 1U;
  expected.sessions_ended = counts.sessions_ended;
  RC_ASSERT(counts == expected);
}

RC_GTEST_PROP(Staging, MakesTheKeysThoseOfTheSnapshot, (uint64_t seed)) {
  Random random(seed);
  World world;
  for (uint64_t i = random.below(60); i > 0; --i) write_somewhere(world, random);
  const Keys wanted = keys_of(world.store);
  const Pieces snapshot(world.snapshot(), 1 + random.below(5));
  RC_ASSERT(snapshot.content.keys == wanted.size());
  for (uint64_t i = random.below(60); i > 0; --i) write_somewhere(world, random);
  RC_ASSERT(world.restore(snapshot.begin("r")).outcome == Outcome::kOk);
  for (size_t next = 0; next < snapshot.pieces.size();) {
    switch (random.below(7)) {
      case 0:
        write_somewhere(world, random);
        break;
      case 1:
        world.restart();
        break;
      case 2: {  // one that came before, or is too early
        const size_t number = random.below(snapshot.pieces.size());
        if (number == next) break;
        RC_ASSERT(world.restore(snapshot.stage("r", number)).outcome ==
                  (number < next ? Outcome::kOk : Outcome::kOutOfOrder));
        break;
      }
      case 3:
        RC_ASSERT(world.restore(snapshot.stage("other", next)).outcome == Outcome::kNotFound);
        RC_ASSERT(world.restore(snapshot.begin("other")).outcome == Outcome::kRestoreUnderWay);
        RC_ASSERT(world.restore(DropStagedOp{"r", true}).outcome == Outcome::kRestoreUnderWay);
        RC_ASSERT(world.restore(snapshot.begin("r")).outcome == Outcome::kOk);
        break;
      case 4:
        RC_ASSERT(world.restore(snapshot.finish("r")).outcome == Outcome::kMismatch);
        break;
      default:
        RC_ASSERT(world.restore(snapshot.stage("r", next++)).outcome == Outcome::kOk);
    }
  }
  const Keys before = keys_of(world.store);
  RC_ASSERT(world.restore(snapshot.finish("r")).outcome == Outcome::kOk);
  expect_restored(before, wanted, world, world.store.staging().last()->counts);
  // What the sums over all keys say is what a state out of its rows says.
  const size_t bytes = world.store.bytes();
  world.restart();
  RC_ASSERT(world.store.bytes() == bytes);
  RC_ASSERT(world.store.keys() == wanted.size());
  // Said again it changes nothing, and what is left of it goes.
  const Keys after = keys_of(world.store);
  RC_ASSERT(world.restore(snapshot.finish("r")).outcome == Outcome::kOk);
  RC_ASSERT(keys_of(world.store) == after);
  RC_ASSERT(world.restore(DropStagedOp{"r", true}).number == 0);
  RC_ASSERT(world.store.staging().bytes() == 0);
  world.restart();
}

class StagingTest : public ::testing::Test {
 protected:
  StagingTest() {
    world.put("a", "kept", "1");
    world.put("a", "changed", "old");
    world.put("b", "gone", "2");
    snapshot.emplace(world.snapshot(), 1);
    world.put("a", "changed", "new");
    world.write(DeleteOp{"b", "gone", {}});
    world.put("c", "late", "3");
  }
  std::string value(const std::string& ns, const std::string& key) const {
    const Record* record = world.store.get(ns, key);
    return record == nullptr ? "none" : std::string(record->value.view());
  }
  void expect_untouched() const {
    EXPECT_EQ(value("a", "changed"), "new");
    EXPECT_EQ(value("b", "gone"), "none");
    EXPECT_EQ(value("c", "late"), "3");
  }

  World world;
  std::optional<Pieces> snapshot;
};

TEST_F(StagingTest, WhatIsNotWholeChangesNothing) {
  snapshot->stage_all(world, "r");
  FinishRestoreOp fewer = snapshot->finish("r");
  --fewer.rows;
  FinishRestoreOp other = snapshot->finish("r");
  ++other.hash;
  EXPECT_EQ(world.restore(fewer).outcome, Outcome::kMismatch);
  EXPECT_EQ(world.restore(other).outcome, Outcome::kMismatch);
  expect_untouched();
  EXPECT_EQ(world.restore(snapshot->finish("r")).outcome, Outcome::kOk);
  EXPECT_EQ(value("a", "changed"), "old");
  EXPECT_EQ(value("b", "gone"), "2");
  EXPECT_EQ(value("c", "late"), "none");
}

TEST_F(StagingTest, WithoutTheCheckHalfASnapshotWouldBeRestored) {
  EXPECT_EQ(world.restore(snapshot->begin("r")).outcome, Outcome::kOk);
  EXPECT_EQ(world.restore(snapshot->stage("r", 0)).outcome, Outcome::kOk);
  const MutantGuard guard(Mutant::kRestoreUnchecked);
  EXPECT_EQ(world.restore(snapshot->finish("r")).outcome, Outcome::kOk);
  EXPECT_EQ(world.store.keys(), 1U);
}

TEST_F(StagingTest, RowsThatAreNoneAreRefused) {
  EXPECT_EQ(world.restore(snapshot->begin("r")).outcome, Outcome::kOk);
  const auto refused = [&](std::string rows) {
    return world.restore(StageRowsOp{"r", 1, Blob(std::move(rows))}).outcome == Outcome::kRefused;
  };
  const auto rows = [](std::vector<StagedRow> all) {
    std::string bytes;
    for (const StagedRow& row : all) put_staged(bytes, row);
    return bytes;
  };
  EXPECT_TRUE(refused(""));
  EXPECT_TRUE(refused("nonsense"));
  EXPECT_TRUE(refused(rows({{"_system", "k", "", ""}}))) << "what clients can't write is not restored";
  EXPECT_TRUE(refused(rows({{"a", "", "", ""}})));
  EXPECT_TRUE(refused(rows({{"a", "k", "", ""}, {"a", "k", "", ""}})));
  EXPECT_TRUE(refused(rows({{"ab", "k", "", ""}, {"a", "k", "", ""}})));
  EXPECT_TRUE(refused(rows({{"a", "1", "", ""}, {"a", "2", "", ""}, {"a", "3", "", ""}, {"a", "4", "", ""}})))
      << "more than was said";
  EXPECT_TRUE(refused(rows({{"a", "k", "", ""}}) + "x"));
  EXPECT_EQ(world.store.staging().last()->next_piece, 1U);
}

TEST_F(StagingTest, APieceHasNoMoreRowsThanOneApplyMayTake) {
  std::string rows;
  for (size_t i = 0; i <= limits::kStagedPieceRowsMax; ++i) {
    std::string key = std::to_string(i);
    put_staged(rows, {"a", std::string(6 - key.size(), '0') + key, "", ""});
  }
  EXPECT_EQ(world.restore(BeginRestoreOp{"r", Index{1}, 1, kCluster, 1'000'000}).outcome, Outcome::kOk);
  EXPECT_EQ(world.restore(StageRowsOp{"r", 1, Blob(rows)}).outcome, Outcome::kRefused);
}

TEST_F(StagingTest, WhatNobodyGoesOnWithIsGivenUpByStamps) {
  EXPECT_EQ(world.restore(snapshot->begin("r")).outcome, Outcome::kOk);
  EXPECT_EQ(world.restore(snapshot->stage("r", 0)).outcome, Outcome::kOk);
  world.pass(kIdleMs - 1);
  EXPECT_EQ(world.restore(snapshot->begin("s")).outcome, Outcome::kRestoreUnderWay);
  EXPECT_EQ(world.restore(DropStagedOp{"r", true}).outcome, Outcome::kRestoreUnderWay);
  world.pass(1);
  EXPECT_EQ(world.restore(DropStagedOp{"r", true}).number, 0U);
  EXPECT_EQ(world.restore(snapshot->stage("r", 1)).outcome, Outcome::kRestoreOver);
  EXPECT_EQ(world.restore(snapshot->finish("r")).outcome, Outcome::kRestoreOver);
  EXPECT_EQ(world.restore(snapshot->begin("r")).outcome, Outcome::kRestoreOver);
  expect_untouched();
  world.restart();
  snapshot->stage_all(world, "s");
  EXPECT_EQ(world.restore(snapshot->finish("s")).outcome, Outcome::kOk);
  EXPECT_EQ(value("c", "late"), "none");
}

TEST_F(StagingTest, AnotherMayBeginInThePlaceOfAnIdleOneOnceThatIsDropped) {
  EXPECT_EQ(world.restore(BeginRestoreOp{"r", Index{1}, 1, kCluster, 1'000}).outcome, Outcome::kOk);
  for (uint64_t i = 1; i <= limits::kStagedPiecesDroppedPerApplyMax + 1; ++i) {
    std::string row;
    put_staged(row, {"a", std::to_string(1000 + i), "", ""});
    EXPECT_EQ(world.restore(StageRowsOp{"r", i, Blob(row)}).outcome, Outcome::kOk);
  }
  world.pass(kIdleMs);
  EXPECT_EQ(world.restore(snapshot->begin("s")).outcome, Outcome::kRestoreLeft);
  world.restart();
  EXPECT_EQ(world.restore(snapshot->begin("s")).outcome, Outcome::kRestoreLeft);
  EXPECT_EQ(world.restore(snapshot->begin("s")).outcome, Outcome::kOk);
  EXPECT_EQ(world.store.staging().bytes(), 0U);
}

TEST_F(StagingTest, WhatWouldOutgrowTheQuotaIsNotStaged) {
  EXPECT_EQ(world.restore(BeginRestoreOp{"r", Index{1}, 1, kCluster, 1'000}).outcome, Outcome::kOk);
  Outcome last = Outcome::kOk;
  uint64_t staged = 0;
  const std::string value(limits::kValueBytesMax, 'x');
  while (last == Outcome::kOk) {
    std::string row;
    put_staged(row, {"a", std::to_string(1000 + staged), "", value});
    last = world.restore(StageRowsOp{"r", ++staged, Blob(row)}).outcome;
  }
  EXPECT_EQ(last, Outcome::kQuotaExceeded);
  EXPECT_LE(staged, limits::kStagingBytesMax / limits::kValueBytesMax);
  expect_untouched();
}

TEST_F(StagingTest, SessionsEndUnlessTheyAreKeptAndUsersStay) {
  const auto open = [&](const std::string& id, const std::string& user) {
    return world.write(AccountOp{OpenSessionOp{id, user, 1, 7'200'000, 600'000'000, "::1", "x"}}).outcome;
  };
  for (const char* id : {"root", "mary"})
    world.write(AccountOp{CreateUserOp{id, std::string(id) + "@x", "N", UserRole::kAdmin, "p", false}});
  EXPECT_EQ(open("s1", "root"), Outcome::kOk);
  EXPECT_EQ(open("s2", "mary"), Outcome::kOk);
  const Pieces later(world.snapshot(), 2);
  // Since then: one user more, one less, and another password.
  world.write(AccountOp{CreateUserOp{"new", "new@x", "N", UserRole::kViewer, "p", false}});
  world.write(AccountOp{DeleteUserOp{"mary", {}}});
  EXPECT_EQ(open("s3", "new"), Outcome::kOk);
  EXPECT_EQ(open("s4", "root"), Outcome::kOk);
  later.stage_all(world, "r");
  const Authority asked{"s1", "root", UserRole::kAdmin};
  EXPECT_EQ(world.restore(later.finish("r", false), asked).outcome, Outcome::kOk);
  EXPECT_EQ(world.store.accounts().session_count(), 3U);
  world.restore(DropStagedOp{"r", false});
  later.stage_all(world, "s");
  EXPECT_EQ(world.restore(later.finish("s", true), asked).outcome, Outcome::kOk);
  EXPECT_EQ(world.store.staging().last()->counts.sessions_ended, 2U);
  EXPECT_NE(world.store.accounts().session("s1"), nullptr) << "whoever restores is told what became of it";
  EXPECT_EQ(world.store.accounts().session_count(), 1U);
  EXPECT_NE(world.store.accounts().user("new"), nullptr);
  EXPECT_EQ(world.store.accounts().user("mary"), nullptr);
  world.restart();
}

TEST_F(StagingTest, WhoIsNoAdministratorAnyMoreRestoresNothing) {
  world.write(AccountOp{CreateUserOp{"root", "root@x", "N", UserRole::kAdmin, "p", false}});
  world.write(AccountOp{CreateUserOp{"mary", "mary@x", "N", UserRole::kAdmin, "p", false}});
  world.write(AccountOp{OpenSessionOp{"s", "mary", 1, 7'200'000, 600'000'000, "::1", "x"}});
  const Authority mary{"s", "mary", UserRole::kAdmin};
  EXPECT_EQ(world.restore(snapshot->begin("r"), mary).outcome, Outcome::kOk);
  for (size_t i = 0; i < snapshot->pieces.size(); ++i) world.restore(snapshot->stage("r", i));
  EXPECT_EQ(world.store.staging().last()->by, "mary");
  UpdateUserOp lower;
  lower.id = "mary";
  lower.role = UserRole::kOperator;
  world.write(AccountOp{lower});
  const Outcome refused = world.restore(snapshot->finish("r"), mary).outcome;
  EXPECT_TRUE(refused == Outcome::kForbidden || refused == Outcome::kUnauthorized);
  expect_untouched();
}

// Protections taken out: what the image would then not hold, and what would stay.
TEST_F(StagingTest, TheMutantsShow) {
  const auto changed_rows = [](Store& store) {
    std::map<std::string, bool> rows;  // and whether they are there
    std::vector<Row> taken;
    store.begin_changes();
    while (store.take_changes({1000, 1'000'000}, taken)) {
    }
    for (const Row& row : taken) rows[row.key] = row.value.has_value();
    return rows;
  };
  (void)changed_rows(world.store);
  snapshot->stage_all(world, "r");
  const std::string piece = row_key(RowKind::kStagedPiece, uint64_t{1});
  EXPECT_TRUE(changed_rows(world.store).at(piece));
  EXPECT_EQ(world.restore(snapshot->finish("r")).outcome, Outcome::kOk);
  const std::string late = row_key(RowKind::kKey, std::string_view("c\0late", 6));
  EXPECT_FALSE(changed_rows(world.store).at(late));
  {
    const MutantGuard guard(Mutant::kForgetStagedRow);
    world.restore(DropStagedOp{"r", false});
    snapshot->stage_all(world, "s");
    EXPECT_FALSE(changed_rows(world.store).contains(piece));
  }
  world.put("c", "late", "3");
  (void)changed_rows(world.store);
  {
    const MutantGuard guard(Mutant::kForgetRestoredRow);
    EXPECT_EQ(world.restore(snapshot->finish("s")).outcome, Outcome::kOk);
    EXPECT_FALSE(changed_rows(world.store).contains(late));
  }
  world.restore(DropStagedOp{"s", false});
  world.put("c", "late", "3");
  snapshot->stage_all(world, "t");
  const MutantGuard guard(Mutant::kRestoreKeepsOthers);
  EXPECT_EQ(world.restore(snapshot->finish("t")).outcome, Outcome::kOk);
  EXPECT_EQ(value("c", "late"), "3");
}

TEST(RestoreSource, RefusesWhatIsDamaged) {
  World world;
  for (int i = 0; i < 50; ++i) world.put("a", "key" + std::to_string(i), std::string(100, 'x'));
  const std::string whole = world.snapshot();
  for (size_t at = 0; at < whole.size(); at += 37) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 4);
    RestoreSource source(false);
    std::optional<std::string> fault = source.feed(damaged);
    if (!fault) fault = source.finish();
    EXPECT_TRUE(fault.has_value()) << at;
  }
  RestoreSource cut(false);
  EXPECT_EQ(cut.feed(whole.substr(0, whole.size() - 1)), std::nullopt);
  EXPECT_TRUE(cut.finish().has_value());
}

}  // namespace
}  // namespace patronus::test::staging_test
