// What may be done to the dashboard's tables, and what is refused, the same on every node.
#include "core/state/tables.h"

#include <gtest/gtest.h>

#include "core/base/limits.h"
#include "core/raft/configuration.h"
#include "core/state/path_choice.h"
#include "core/state/store.h"

namespace patronus::tables_test {
namespace {

class TablesTest : public ::testing::Test {
 protected:
  WriteResult apply(TableOp op) {
    stamp_.wall_ms += 1'000;
    at_ = at_.next();
    return tables.apply(op, at_, stamp_);
  }
  void open() { ASSERT_EQ(apply(OpenTablesOp{1}).outcome, Outcome::kOk); }
  static SiteFields fields(const std::string& name, std::vector<std::string> addresses = {}) {
    SiteFields site{name, {}, 1};
    for (std::string& address : addresses) site.endpoints.push_back({std::move(address), "lte", 5});
    return site;
  }
  static PolicyFields policy(const std::string& name, const std::string& from, const std::string& to) {
    PolicyFields policy;
    policy.name = name;
    policy.source_site = from;
    policy.destination_site = to;
    return policy;
  }
  Outcome put_site(const std::string& id, SiteFields site, bool create = true) {
    return apply(PutSiteOp{id, create, std::move(site), {}}).outcome;
  }
  void two_sites_and_a_policy() {
    open();
    ASSERT_EQ(put_site("a", fields("A", {"a:1", "a:2"})), Outcome::kOk);
    ASSERT_EQ(put_site("b", fields("B", {"b:1", "b:2"})), Outcome::kOk);
    ASSERT_EQ(apply(PutPolicyOp{"p", true, policy("P", "a", "b"), {}}).outcome, Outcome::kOk);
  }
  void judge(const PathKey& key, PathStatus status, uint32_t latency_us, uint8_t score) {
    VerdictsOp op;
    op.paths.push_back({key, status, latency_us, 0, 0, score});
    ASSERT_EQ(apply(op).number, 1U);
  }

  Tables tables;
  Index at_;
  Stamp stamp_{0, 1'000};
};

TEST_F(TablesTest, AreClosedUntilTheyAreOpened) {
  EXPECT_EQ(put_site("a", fields("A")), Outcome::kRefused);
  tables.note({Index{1}, 1, "u", "site.create", "a", ""});
  EXPECT_TRUE(tables.audit().empty());
  open();
  EXPECT_EQ(put_site("a", fields("A")), Outcome::kOk);
  // A later version's schema is none of this one's business, and none goes back.
  EXPECT_EQ(apply(OpenTablesOp{2}).outcome, Outcome::kRefused);
  EXPECT_EQ(apply(OpenTablesOp{1}).outcome, Outcome::kOk);
}

TEST_F(TablesTest, KeepNamesUnique) {
  open();
  EXPECT_EQ(put_site("a", fields("A")), Outcome::kOk);
  EXPECT_EQ(put_site("a", fields("X")), Outcome::kExists);
  EXPECT_EQ(put_site("b", fields("A")), Outcome::kNameTaken);
  EXPECT_EQ(put_site("b", fields("B")), Outcome::kOk);
  EXPECT_EQ(put_site("b", fields("A"), false), Outcome::kNameTaken);
  EXPECT_EQ(put_site("b", fields("B"), false), Outcome::kOk);
  EXPECT_EQ(put_site("a", fields("C"), false), Outcome::kOk);
  EXPECT_EQ(put_site("b", fields("A"), false), Outcome::kOk) << "a name that was given up is free";
  EXPECT_EQ(apply(DeleteSiteOp{"b", {}}).outcome, Outcome::kOk);
  EXPECT_EQ(put_site("d", fields("A")), Outcome::kOk);
}

TEST_F(TablesTest, ChangeOnlyWhatWasExpected) {
  open();
  const WriteResult made = apply(PutSiteOp{"a", true, fields("A"), {}});
  EXPECT_TRUE(made.created);
  const WriteResult stale =
      apply(PutSiteOp{"a", false, fields("B"), Index{made.record.mod_revision.value + 1}});
  EXPECT_EQ(stale.outcome, Outcome::kPreconditionFailed);
  EXPECT_EQ(stale.record.mod_revision, made.record.mod_revision);
  const WriteResult changed = apply(PutSiteOp{"a", false, fields("B"), made.record.mod_revision});
  EXPECT_EQ(changed.outcome, Outcome::kOk);
  EXPECT_FALSE(changed.created);
  EXPECT_EQ(changed.record.version, 2U);
  EXPECT_EQ(apply(DeleteSiteOp{"a", made.record.mod_revision}).outcome, Outcome::kPreconditionFailed);
  EXPECT_EQ(apply(DeleteSiteOp{"a", changed.record.mod_revision}).outcome, Outcome::kOk);
  EXPECT_EQ(apply(DeleteSiteOp{"a", {}}).outcome, Outcome::kNotFound);
  EXPECT_EQ(put_site("a", fields("B"), false), Outcome::kNotFound);
}

TEST_F(TablesTest, RefuseWhatIsNoSite) {
  open();
  EXPECT_EQ(put_site("a b", fields("A")), Outcome::kRefused);
  EXPECT_EQ(put_site("", fields("A")), Outcome::kRefused);
  EXPECT_EQ(put_site(std::string("a\0b", 3), fields("A")), Outcome::kRefused);
  for (const char* address :
       {"", "a", "a:", ":1", "a:0", "a:65536", "a:01", "a b:1", "[::1]", "[x]:1", "::1:1"}) {
    EXPECT_EQ(put_site("a", fields("A", {address})), Outcome::kRefused) << address;
  }
  for (const char* address : {"a:1", "a.example.org:65535", "192.0.2.1:443", "[2001:db8::1]:7000"}) {
    EXPECT_FALSE(fault_of(fields("A", {address}))) << address;
  }
  EXPECT_EQ(put_site("a", fields("A", {"a:1", "a:1"})), Outcome::kRefused);
  EXPECT_EQ(put_site("a", fields("")), Outcome::kRefused);
  EXPECT_EQ(put_site("a", fields("A\n")), Outcome::kRefused);
}

TEST_F(TablesTest, KeepAKeysGenerationThatIsNotSaid) {
  open();
  SiteFields site = fields("A");
  site.key_generation = 3;
  EXPECT_EQ(put_site("a", site), Outcome::kOk);
  site.key_generation = 0;
  EXPECT_EQ(put_site("a", site, false), Outcome::kOk);
  EXPECT_EQ(tables.site("a")->fields.key_generation, 3U);
  EXPECT_EQ(put_site("b", fields("B")), Outcome::kOk);
}

TEST_F(TablesTest, PathsFollowSitesAndPolicies) {
  two_sites_and_a_policy();
  EXPECT_EQ(tables.paths().size(), 4U);
  EXPECT_EQ(apply(DeleteSiteOp{"a", {}}).outcome, Outcome::kInUse);
  EXPECT_EQ(apply(DeleteSiteOp{"b", {}}).outcome, Outcome::kInUse);
  // A second policy between the same sites has the same paths.
  EXPECT_EQ(apply(PutPolicyOp{"q", true, policy("Q", "a", "b"), {}}).outcome, Outcome::kOk);
  EXPECT_EQ(tables.paths().size(), 4U);
  judge({"a", "a:1", "b", "b:1"}, PathStatus::kUp, 10, 90);
  judge({"a", "a:2", "b", "b:1"}, PathStatus::kUp, 10, 90);
  EXPECT_EQ(put_site("a", fields("A", {"a:1", "a:3"}), false), Outcome::kOk);
  EXPECT_EQ(tables.paths().size(), 4U);
  EXPECT_TRUE(tables.paths().at({"a", "a:1", "b", "b:1"})) << "what stays keeps its verdict";
  EXPECT_FALSE(tables.paths().at({"a", "a:3", "b", "b:1"}));
  EXPECT_FALSE(tables.paths().contains({"a", "a:2", "b", "b:1"}));
  EXPECT_EQ(apply(DeletePolicyOp{"p", {}}).outcome, Outcome::kOk);
  EXPECT_EQ(tables.paths().size(), 4U);
  EXPECT_EQ(apply(DeletePolicyOp{"q", {}}).outcome, Outcome::kOk);
  EXPECT_TRUE(tables.paths().empty());
  EXPECT_EQ(apply(DeleteSiteOp{"a", {}}).outcome, Outcome::kOk);
}

TEST_F(TablesTest, APolicyNamesSitesThatThereAre) {
  two_sites_and_a_policy();
  EXPECT_EQ(apply(PutPolicyOp{"q", true, policy("Q", "a", "c"), {}}).outcome, Outcome::kNoSuchSite);
  EXPECT_EQ(apply(PutPolicyOp{"q", true, policy("Q", "a", "a"), {}}).outcome, Outcome::kRefused);
  EXPECT_EQ(apply(PutPolicyOp{"q", true, policy("P", "b", "a"), {}}).outcome, Outcome::kNameTaken);
  // It may turn round: then only the paths of the new direction are left.
  EXPECT_EQ(apply(PutPolicyOp{"p", false, policy("P", "b", "a"), {}}).outcome, Outcome::kOk);
  EXPECT_EQ(tables.paths().size(), 4U);
  EXPECT_EQ(tables.paths().begin()->first.source_site, "b");
}

TEST_F(TablesTest, PathsHaveALimit) {
  open();
  std::vector<std::string> all;
  for (size_t i = 0; i < limits::kSiteEndpointsMax; ++i) all.push_back("h:" + std::to_string(i + 1));
  constexpr size_t kEach = limits::kSiteEndpointsMax * limits::kSiteEndpointsMax;
  constexpr size_t kPolicies = limits::kPathsMax / kEach;
  for (size_t i = 0; i <= kPolicies + 1; ++i)
    ASSERT_EQ(put_site("s" + std::to_string(i), fields("S" + std::to_string(i), all)), Outcome::kOk);
  for (size_t i = 1; i <= kPolicies; ++i) {
    const std::string id = std::to_string(i);
    ASSERT_EQ(apply(PutPolicyOp{"p" + id, true, policy("P" + id, "s0", "s" + id), {}}).outcome, Outcome::kOk);
  }
  EXPECT_EQ(tables.paths().size(), limits::kPathsMax);
  const std::string last = "s" + std::to_string(kPolicies + 1);
  EXPECT_EQ(apply(PutPolicyOp{"more", true, policy("More", "s0", last), {}}).outcome, Outcome::kLimitReached);
  // One that adds no path fits; and so it is with a site that grows.
  EXPECT_EQ(apply(PutPolicyOp{"same", true, policy("Same", "s0", "s1"), {}}).outcome, Outcome::kOk);
  EXPECT_EQ(put_site("s1", fields("S1", {"h:1"}), false), Outcome::kOk);
  EXPECT_EQ(put_site("s1", fields("S1", all), false), Outcome::kOk);
}

TEST_F(TablesTest, VerdictsCountOnlyForWhatIsThere) {
  two_sites_and_a_policy();
  const uint64_t version = tables.version();
  VerdictsOp op;
  op.endpoints = {{"a", "a:1", true, 500}, {"a", "gone:1", true, 1}, {"none", "a:1", true, 1}};
  EXPECT_EQ(apply(op).number, 1U);
  const EndpointState seen = *tables.endpoint("a", "a:1");
  EXPECT_TRUE(seen.reachable);
  EXPECT_EQ(seen.seen_wall_ms, 500);
  // The same again is no change of its status, and what was seen does not go back.
  op.endpoints = {{"a", "a:1", true, 400}};
  EXPECT_EQ(apply(op).number, 1U);
  EXPECT_EQ(*tables.endpoint("a", "a:1"), seen);
  op.endpoints = {{"a", "a:1", false, 600}};
  EXPECT_EQ(apply(op).number, 1U);
  EXPECT_GT(tables.endpoint("a", "a:1")->since_wall_ms, seen.since_wall_ms);
  EXPECT_EQ(tables.version(), version) << "verdicts change no place to probe";
  EXPECT_EQ(put_site("a", fields("A", {"a:2"}), false), Outcome::kOk);
  EXPECT_EQ(tables.endpoint("a", "a:1"), nullptr);
}

TEST_F(TablesTest, AuditKeepsTheLatest) {
  open();
  for (uint64_t i = 1; i <= limits::kAuditKept + 5; ++i)
    tables.note({Index{i}, 1, "u", "site.create", std::string(1'000, 'x'), std::string(1'000, 'x')});
  EXPECT_EQ(tables.audit().size(), limits::kAuditKept);
  EXPECT_EQ(tables.audit().front().index, Index{6});
  EXPECT_EQ(tables.audit().back().object.size(), limits::kAuditObjectBytesMax);
}

TEST_F(TablesTest, ChooseTheBestPathThatKeepsTheLimits) {
  two_sites_and_a_policy();
  const PathKey first{"a", "a:1", "b", "b:1"};
  const PathKey second{"a", "a:1", "b", "b:2"};
  const PathKey third{"a", "a:2", "b", "b:1"};
  EXPECT_TRUE(choice_of_paths(tables, *tables.policy("p")).empty());
  judge(first, PathStatus::kUp, 20'000, 95);
  judge(second, PathStatus::kUp, 10'000, 80);
  judge(third, PathStatus::kDown, 1, 99);
  const auto best = [&] { return choice_of_paths(tables, *tables.policy("p")).front()->verdict.key; };
  EXPECT_EQ(best(), first);
  PolicyFields fields = policy("P", "a", "b");
  fields.prefer = PathPreference::kLatency;
  EXPECT_EQ(apply(PutPolicyOp{"p", false, fields, {}}).outcome, Outcome::kOk);
  EXPECT_EQ(best(), second);
  fields.max_latency_us = 5'000;
  EXPECT_EQ(apply(PutPolicyOp{"p", false, fields, {}}).outcome, Outcome::kOk);
  EXPECT_TRUE(choice_of_paths(tables, *tables.policy("p")).empty());
  fields.max_latency_us.reset();
  fields.enabled = false;
  EXPECT_EQ(apply(PutPolicyOp{"p", false, fields, {}}).outcome, Outcome::kOk);
  EXPECT_TRUE(choice_of_paths(tables, *tables.policy("p")).empty());
}

// What is done goes through the state, and with it into the audit log: by whom, and only what was done.
TEST(TablesAudit, SaysWhoDidWhat) {
  Store store;
  Stamp stamp{0, 1'000};
  uint64_t sequence = 0;
  const auto write = [&](WriteOp op, std::optional<IdempotencyKey> key = {}) {
    stamp.wall_ms += 1'000;
    ++sequence;
    const Command command{{Incarnation{1}, sequence, sequence}, std::move(key), std::move(op)};
    return store
        .apply({store.applied().next(), Term{1}, EntryKind::kCommand, stamp, Blob(encode_command(command))})
        .result;
  };
  const Configuration alone{{{1, 2}}, {{"a", Incarnation{1}, "", "", Standing::kVoter}}};
  (void)store.apply({Index{1}, Term{1}, EntryKind::kConfiguration, stamp, Blob(encode_configuration(alone))});
  EXPECT_EQ(write(CreateUserOp{"u", "u@x", "U", UserRole::kAdmin, "p", true}).outcome, Outcome::kOk);
  EXPECT_TRUE(store.tables().audit().empty()) << "before there are tables nobody looks";
  EXPECT_EQ(write(TableOp{OpenTablesOp{1}}).outcome, Outcome::kOk);
  const IdempotencyKey key{"u", "k", 1};
  EXPECT_EQ(write(TableOp{PutSiteOp{"a", true, {"A", {}, 1}, {}}}, key).outcome, Outcome::kOk);
  EXPECT_EQ(write(TableOp{PutSiteOp{"b", true, {"A", {}, 1}, {}}}, key).id, "a")
      << "the answer is the kept one";
  EXPECT_EQ(write(TableOp{PutSiteOp{"b", true, {"A", {}, 1}, {}}}).outcome, Outcome::kNameTaken);
  EXPECT_EQ(write(PutOp{"ns", "k", Blob("v"), "", {}}).outcome, Outcome::kOk);
  EXPECT_EQ(write(OpenSessionOp{"s", "u", 1, 7'200'000, 600'000'000, "::1", "x"}).outcome, Outcome::kOk);
  EXPECT_EQ(write(UpdateUserOp{"u", {}, "V", {}, {}, {}, {}}).outcome, Outcome::kOk);
  std::vector<std::string> actions;
  for (const AuditRecord& record : store.tables().audit())
    actions.push_back(record.action + " " + record.object);
  EXPECT_EQ(actions, (std::vector<std::string>{"site.create a", "session.open s", "user.update u"}));
  EXPECT_EQ(store.tables().audit()[1].user, "u");
  EXPECT_EQ(store.tables().audit()[2].detail, "name");
}

}  // namespace
}  // namespace patronus::tables_test
