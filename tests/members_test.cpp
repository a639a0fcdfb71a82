// Who is wanted, as the log decides: each operation, and that any sequence of them leaves a cluster.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <string>

#include "core/base/bytes.h"
#include "core/base/limits.h"
#include "core/state/members.h"

namespace patronus::members_test {
namespace {

constexpr Incarnation kFirst{1};

Member voter(const NodeId& id, Incarnation incarnation = kFirst) {
  return {id, incarnation, id + ":1", id + ":2", Standing::kVoter};
}

// Three founders a, b, c.
class MembersTest : public ::testing::Test {
 protected:
  MembersTest() { configure({voter("a"), voter("b"), voter("c")}); }

  void configure(std::vector<Member> all) {
    members_.note(Configuration{{{1, 2}}, std::move(all)}, index_ = index_.next());
  }
  Outcome admit(const NodeId& id, Incarnation incarnation, Incarnation replaces = {}) {
    index_ = index_.next();
    return members_.apply(AdmitNodeOp{id, incarnation, id + ":1", id + ":2", "x", replaces}, index_).outcome;
  }
  Outcome remove(const NodeId& id, bool force = false) {
    return members_.apply(RemoveNodeOp{id, force}, index_ = index_.next()).outcome;
  }

  Members members_;
  Index index_;
};

TEST_F(MembersTest, FoundersAreWanted) {
  EXPECT_EQ(members_.wanted().size(), 3U);
  EXPECT_TRUE(members_.is_wanted("b", kFirst));
  EXPECT_FALSE(members_.is_wanted("b", Incarnation{9}));
}

TEST_F(MembersTest, ANewNodeIsWantedOnce) {
  EXPECT_EQ(admit("d", Incarnation{7}), Outcome::kOk);
  const uint64_t hash = members_.hash();
  EXPECT_EQ(admit("d", Incarnation{7}), Outcome::kOk) << "whoever saw it says so";
  EXPECT_EQ(members_.hash(), hash);
  EXPECT_EQ(members_.wanted().at("d").admitted_by, "x");
}

TEST_F(MembersTest, AWipedNodeTakesItsOwnPlace) {
  EXPECT_EQ(admit("b", Incarnation{2}), Outcome::kPreconditionFailed) << "who does not know of the old disk";
  EXPECT_EQ(admit("b", Incarnation{2}, kFirst), Outcome::kOk);
  EXPECT_TRUE(members_.is_wanted("b", Incarnation{2}));
  EXPECT_TRUE(members_.was_removed(kFirst));
}

// A word that was long under way does not put an older disk back.
TEST_F(MembersTest, AnAdmissionThatCameLateChangesNothing) {
  ASSERT_EQ(admit("b", Incarnation{3}, kFirst), Outcome::kOk);
  EXPECT_EQ(admit("b", Incarnation{2}, kFirst), Outcome::kPreconditionFailed);
  EXPECT_EQ(admit("b", kFirst, Incarnation{3}), Outcome::kRefused) << "it was taken out";
  EXPECT_TRUE(members_.is_wanted("b", Incarnation{3}));
}

TEST_F(MembersTest, AnExpectedNodeIsWhoeverComes) {
  ASSERT_EQ(admit("d", Incarnation{}), Outcome::kOk);
  EXPECT_EQ(admit("d", Incarnation{8}), Outcome::kOk);
  EXPECT_TRUE(members_.is_wanted("d", Incarnation{8}));
}

TEST_F(MembersTest, WhereTheOperatorSaidANodeIsCountsMoreThanWhatItSays) {
  ASSERT_EQ(members_.apply(AdmitNodeOp{"d", {}, "told:1", "", "x", {}}, index_ = index_.next()).outcome,
            Outcome::kOk);
  ASSERT_EQ(admit("d", Incarnation{8}), Outcome::kOk);
  EXPECT_EQ(members_.wanted().at("d").peer_address, "told:1");
  EXPECT_EQ(members_.wanted().at("d").api_address, "d:2");
  ASSERT_EQ(admit("e", Incarnation{9}), Outcome::kOk);
  EXPECT_EQ(members_.wanted().at("e").peer_address, "e:1") << "nobody has said anything of it";
}

TEST_F(MembersTest, RemovalIsForGood) {
  EXPECT_EQ(remove("z"), Outcome::kNotFound);
  EXPECT_EQ(remove("c", true), Outcome::kOk);
  EXPECT_EQ(remove("c"), Outcome::kNotFound) << "it is being removed";
  ASSERT_TRUE(members_.leaving().contains("c"));
  EXPECT_TRUE(members_.leaving().at("c").force);
  EXPECT_EQ(admit("c", kFirst), Outcome::kRefused);
  configure({voter("a"), voter("b")});
  EXPECT_TRUE(members_.leaving().empty());
  EXPECT_EQ(admit("c", Incarnation{5}), Outcome::kOk) << "with an empty disk it may come again";
}

TEST_F(MembersTest, ADataDirectoryIsToldToBeginAnew) {
  const auto reinit = [&](const NodeId& id) {
    return members_.apply(ReinitNodeOp{id}, index_ = index_.next()).outcome;
  };
  EXPECT_EQ(reinit("z"), Outcome::kNotFound);
  const uint64_t before = members_.hash();
  EXPECT_EQ(reinit("b"), Outcome::kOk);
  EXPECT_TRUE(members_.begins_anew("b", kFirst));
  EXPECT_NE(members_.hash(), before);
  ASSERT_EQ(admit("b", Incarnation{2}, kFirst), Outcome::kOk);
  EXPECT_FALSE(members_.begins_anew("b", kFirst)) << "it has";
  EXPECT_FALSE(members_.begins_anew("b", Incarnation{2}));
  EXPECT_EQ(reinit("c"), Outcome::kOk);
  EXPECT_EQ(remove("c"), Outcome::kOk);
  EXPECT_FALSE(members_.begins_anew("c", kFirst)) << "it goes";
  ASSERT_EQ(admit("d", Incarnation{}), Outcome::kOk);
  EXPECT_EQ(reinit("d"), Outcome::kNotFound) << "it never was there";
}

// Scenario 27.
TEST_F(MembersTest, AVoterRemains) {
  ASSERT_EQ(remove("a"), Outcome::kOk);
  ASSERT_EQ(remove("b"), Outcome::kOk);
  EXPECT_EQ(remove("c", true), Outcome::kWouldBreakQuorum);
  ASSERT_EQ(admit("d", Incarnation{4}), Outcome::kOk);
  EXPECT_EQ(remove("c", true), Outcome::kWouldBreakQuorum) << "who is merely wanted does not vote";
}

TEST_F(MembersTest, ThereIsALimit) {
  for (size_t i = 3; i < limits::kMembersMax; ++i)
    ASSERT_EQ(admit("n" + std::to_string(i), Incarnation{i}), Outcome::kOk);
  EXPECT_EQ(admit("one-more", Incarnation{99}), Outcome::kLimitReached);
}

// Whatever comes, the state is bounded, the hash follows, and an image of it is the same again.
RC_GTEST_PROP(Members, ComeBackAsTheyWere, ()) {
  Members members;
  members.note(Configuration{{{1, 2}}, {voter("a"), voter("b"), voter("c")}}, Index{1});
  const auto operations = *rc::gen::inRange(0, 120);
  for (int i = 0; i < operations; ++i) {
    const NodeId id(1, static_cast<char>('a' + *rc::gen::inRange(0, 10)));
    const Incarnation incarnation{*rc::gen::inRange<uint64_t>(0, 90)};
    const Incarnation replaces{*rc::gen::inRange<uint64_t>(0, 90)};
    const Index at{static_cast<uint64_t>(i) + 2};
    MemberOp op = AdmitNodeOp{id, incarnation, "p", "q", "r", replaces};
    if (*rc::gen::arbitrary<bool>()) op = RemoveNodeOp{id, *rc::gen::arbitrary<bool>()};
    if (*rc::gen::inRange(0, 6) == 0) op = ReinitNodeOp{id};
    (void)members.apply(op, at);
    RC_ASSERT(members.wanted().size() <= limits::kMembersMax);
    RC_ASSERT(!members.wanted().empty());
  }
  Members back;
  back.load_configuration(members.configuration(), members.configuration_index());
  members.for_each_row([&](std::string_view key, const RowValue& value) {
    const std::string bytes = value.text();
    RC_ASSERT(members.row(key)->text() == bytes);
    RC_ASSERT(!back.load_row(key, bytes).has_value());
    for (size_t size = 0; size < bytes.size(); ++size) {
      Members other;
      RC_ASSERT(other.load_row(key, std::string_view(bytes).substr(0, size)).has_value());
    }
  });
  RC_ASSERT(back.hash() == members.hash());
  RC_ASSERT(back.wanted() == members.wanted() && back.leaving() == members.leaving());
}

// A cluster that goes on from one that is lost: only its own configuration's members are wanted.
TEST(Members, GoOnFromALostCluster) {
  Members members;
  const auto member = [](const char* id, uint64_t incarnation) {
    return Member{id, Incarnation{incarnation}, std::string(id) + ":1", std::string(id) + ":2",
                  Standing::kVoter};
  };
  const ClusterId lost{{1, 1}};
  const ClusterId fresh{{2, 2}};
  members.note({lost, {member("a", 1), member("b", 2), member("c", 3)}}, Index{1});
  EXPECT_EQ(members.apply(RemoveNodeOp{"c", false}, Index{2}).outcome, Outcome::kOk);
  // The one that goes on was about to be taken out itself.
  EXPECT_EQ(members.apply(RemoveNodeOp{"a", false}, Index{2}).outcome, Outcome::kOk);
  EXPECT_EQ(members.apply(ReinitNodeOp{"b"}, Index{3}).outcome, Outcome::kOk);
  EXPECT_TRUE(members.former().empty());
  const uint64_t before = members.hash();
  members.note({fresh, {member("a", 1)}}, Index{9});
  EXPECT_NE(members.hash(), before);
  ASSERT_EQ(members.former().size(), 1U);
  EXPECT_EQ(members.former().front(), lost);
  EXPECT_EQ(members.wanted().size(), 1U);
  EXPECT_TRUE(members.is_wanted("a", Incarnation{1}));
  EXPECT_TRUE(members.leaving().empty());
  EXPECT_TRUE(members.anew().empty());
  EXPECT_TRUE(members.was_removed(Incarnation{2})) << "that disk is the lost cluster's";
  EXPECT_FALSE(members.was_removed(Incarnation{1}));
  // As rows and back.
  Members loaded;
  loaded.load_configuration(members.configuration(), members.configuration_index());
  members.for_each_row(
      [&](std::string_view key, const RowValue& value) { EXPECT_FALSE(loaded.load_row(key, value.text())); });
  EXPECT_EQ(loaded.hash(), members.hash());
  EXPECT_EQ(loaded.former(), members.former());
  // Its own further configurations change nothing of that.
  members.note({fresh, {member("a", 1), member("d", 4)}}, Index{10});
  EXPECT_EQ(members.former().size(), 1U);
}

}  // namespace
}  // namespace patronus::members_test
