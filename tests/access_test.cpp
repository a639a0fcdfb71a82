// Whose token it is, and what a node does with one that it can't believe; and with an entry that it can't
// read.
#include "io/api/access.h"

#include <gtest/gtest.h>

#include "core/base/limits.h"
#include "io/auth/jwt.h"
#include "io/auth/key_ring.h"
#include "sim/sim_crypto.h"
#include "tests/lone_node.h"

namespace patronus::api::access_test {
namespace {

using test::LoneNode;

class AccessTest : public ::testing::Test {
 protected:
  AccessTest() {
    key_ = add_key();
    EXPECT_EQ(write(CreateUserOp{"u", "u@example.org", "U", UserRole::kAdmin, "stored", false}),
              Outcome::kOk);
    EXPECT_EQ(write(OpenSessionOp{"s", "u", 1, kHourMs, kHourMs, "", ""}), Outcome::kOk);
  }

  Outcome write(AccountOp op) { return node_.write(std::move(op)).value().outcome; }
  struct Key {
    std::string id;
    std::string private_key;
  };
  Key add_key() {
    const SigningKey* active = (*node_).store().accounts().active_key();
    const auth::KeyPair pair = crypto_.make_signing_key();
    const std::string id = "k" + std::to_string(++keys_);
    EXPECT_EQ(write(AddSigningKeyOp{id, pair.public_key, "wrapped", active == nullptr ? "" : active->id}),
              Outcome::kOk);
    return {id, pair.private_key};
  }
  int64_t seconds() { return (*node_).cluster_stamp(node_.now()).wall_ms / 1000; }
  std::string token(const Key& key, int64_t expires_in) {
    return auth::sign_token({LoneNode::kCluster.hex(), "u", "s", seconds(), seconds() + expires_in, "admin",
                             static_cast<int64_t>((*node_).store().applied().value)},
                            key.id, key.private_key, crypto_);
  }
  // 200: it is the user's; else the problem's status.
  int ask(const std::string& token) {
    http::Request request;
    request.headers.push_back({"authorization", "Bearer " + token});
    const auto who = access_.identify(request, node_.now(), false);
    if (const auto* problem = std::get_if<Problem>(&who)) return problem->status;
    return std::holds_alternative<Caller>(who) ? 200 : 0;
  }

  static constexpr int64_t kHourMs = 3'600'000;
  static constexpr int64_t kLife = limits::kAccessTokenLife.count() / 1'000'000'000;

  LoneNode node_;
  sim::SimCrypto crypto_{"secret", 1};
  Access access_{*node_, crypto_};
  int keys_ = 0;
  Key key_;
};

TEST_F(AccessTest, AGoodTokenIsItsUsers) { EXPECT_EQ(ask(token(key_, kLife)), 200); }

// Scenario 40: what was signed a minute ago goes on; a key that was stolen, and replaced for that, makes no
// more.
TEST_F(AccessTest, AReplacedKeyIsBelievedOnlyForWhatItCanHaveSigned) {
  const std::string honest = token(key_, kLife);
  const std::string forged = token(key_, 30 * 24 * 3600);
  EXPECT_EQ(ask(forged), 200) << "while the key signs nobody can tell";
  node_.pass(std::chrono::minutes(1));
  (void)add_key();
  EXPECT_EQ(ask(honest), 200);
  EXPECT_EQ(ask(forged), 401) << "also where it was cached before";
  EXPECT_EQ(ask(token(key_, 2 * kLife)), 401);
}

TEST_F(AccessTest, AKeyLeavesTheListOnceNothingItSignedIsGood) {
  const SigningKey retired{"k", "", "", 0, 1'000'000};
  const int64_t life_ms = kLife * 1000;
  EXPECT_TRUE(Access::may_still_verify(retired, 1'000'000 + life_ms));
  EXPECT_FALSE(Access::may_still_verify(retired, 1'000'000 + 3 * life_ms));
  EXPECT_TRUE(Access::may_still_verify({"k", "", "", 0, 0}, 1'000'000 + 3 * life_ms)) << "this one signs";
}

// Before the entry that ends it, of which one takes only so many at a time.
TEST_F(AccessTest, ASessionPastItsLifeIsOver) {
  node_.holds_writes = true;
  node_.pass(std::chrono::milliseconds(kHourMs));
  ASSERT_NE((*node_).store().accounts().session("s"), nullptr);
  EXPECT_EQ(ask(token(key_, kLife)), 401);
}

// An entry of another version must not be taken for nothing: what it did would be lost here.
TEST(Node, StopsAtACommandOfAnUnknownLayout) {
  Entry entry;
  entry.kind = EntryKind::kCommand;
  entry.payload = Blob(std::string("\x63 of the future"));
  LoneNode node({entry});
  ASSERT_TRUE(node.stopped());
  EXPECT_NE(node.stopped()->find("entry 2"), std::string::npos) << *node.stopped();
  EXPECT_EQ((*node).store().applied(), Index{1});
}

}  // namespace
}  // namespace patronus::api::access_test
