// Users, sessions and signing keys as the log decides them: the rules of scenarios 34 and 37 to 40.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include "core/base/limits.h"
#include "core/requests/session_keeper.h"
#include "core/state/store.h"
#include "tests/mutant_guard.h"

namespace patronus::test::accounts_test {
namespace {

constexpr int64_t kMinute = 60'000;

// A state that is told account writes, at times the test chooses.
class World {
 public:
  WriteResult apply(AccountOp op) { return accounts.apply(op, Index{++index}, now); }
  void pass(int64_t ms) {
    now.lease_ms += ms;
    now.wall_ms += ms;
  }
  void create(const std::string& id, UserRole role = UserRole::kViewer) {
    ASSERT_EQ(apply(CreateUserOp{id, id + "@example.org", "N", role, "stored", false}).outcome, Outcome::kOk);
  }
  Outcome open(const std::string& id, const std::string& user, uint64_t password_version = 1) {
    return apply(OpenSessionOp{id, user, password_version, 30 * kMinute, 600 * kMinute, "1.2.3.4", "test"})
        .outcome;
  }
  WriteResult refresh(const std::string& id, uint64_t generation) {
    return refresh_late(id, generation, now.lease_ms);
  }
  WriteResult refresh_late(const std::string& id, uint64_t generation, int64_t presented_lease_ms) {
    return apply(RefreshSessionOp{id, generation, presented_lease_ms});
  }

  Accounts accounts;
  Stamp now{1000, 1'700'000'000'000};
  uint64_t index = 0;
};

TEST(Accounts, TheFirstAdministratorIsMadeOnce) {
  World world;
  const CreateUserOp first{"a", "a@example.org", "A", UserRole::kAdmin, "stored", true};
  EXPECT_EQ(world.apply(first).outcome, Outcome::kOk);
  const CreateUserOp second{"b", "b@example.org", "B", UserRole::kAdmin, "stored", true};
  EXPECT_EQ(world.apply(second).outcome, Outcome::kInitDone);
  EXPECT_EQ(world.accounts.user_count(), 1U);
}

TEST(Accounts, AnEmailNamesOneUser) {
  World world;
  world.create("a");
  EXPECT_EQ(world.apply(CreateUserOp{"b", "a@example.org", "", UserRole::kViewer, "p", false}).outcome,
            Outcome::kEmailTaken);
  world.create("c");
  UpdateUserOp rename{"c", "a@example.org", {}, {}, {}, {}, {}};
  EXPECT_EQ(world.apply(rename).outcome, Outcome::kEmailTaken);
  rename.email = "new@example.org";
  EXPECT_EQ(world.apply(rename).outcome, Outcome::kOk);
  EXPECT_EQ(world.accounts.user_by_email("c@example.org"), nullptr);
  EXPECT_EQ(world.accounts.user_by_email("new@example.org")->id, "c");
}

TEST(Accounts, TheLastAdministratorStays) {
  World world;
  world.create("a", UserRole::kAdmin);
  EXPECT_EQ(world.apply(DeleteUserOp{"a", {}}).outcome, Outcome::kLastAdmin);
  EXPECT_EQ(world.apply(UpdateUserOp{"a", {}, {}, UserRole::kViewer, {}, {}, {}}).outcome,
            Outcome::kLastAdmin);
  EXPECT_EQ(world.apply(UpdateUserOp{"a", {}, {}, {}, true, {}, {}}).outcome, Outcome::kLastAdmin);
  world.create("b", UserRole::kAdmin);
  EXPECT_EQ(world.apply(DeleteUserOp{"a", {}}).outcome, Outcome::kOk);
  EXPECT_EQ(world.apply(DeleteUserOp{"b", {}}).outcome, Outcome::kLastAdmin);
}

// Scenario 38: two tabs with the same token both stay logged in, and get the same successor.
bool two_tabs_stay() {
  World world;
  world.create("a");
  EXPECT_EQ(world.open("s", "a"), Outcome::kOk);
  const WriteResult first = world.refresh("s", 1);
  world.pass(2000);
  const WriteResult second = world.refresh("s", 1);
  return first.outcome == Outcome::kOk && second.outcome == Outcome::kOk && first.number == second.number &&
         world.accounts.session("s") != nullptr;
}
TEST(Scenario38, TwoTabsThatRefreshAtOnceStayLoggedIn) {
  EXPECT_TRUE(two_tabs_stay());
  const MutantGuard guard(Mutant::kNoRefreshGrace);
  EXPECT_FALSE(two_tabs_stay());
}

// Scenario 38: a token used long ago ends the whole session, for thief and owner alike.
bool stolen_token_ends_the_session(uint64_t generations, int64_t later_ms) {
  World world;
  world.create("a");
  EXPECT_EQ(world.open("s", "a"), Outcome::kOk);
  for (uint64_t g = 1; g <= generations; ++g) EXPECT_EQ(world.refresh("s", g).number, g + 1);
  world.pass(later_ms);
  EXPECT_EQ(world.refresh("s", 1).outcome, Outcome::kTokenReused);
  return world.accounts.session("s") == nullptr;
}
TEST(Scenario38, AStolenTokenThatWasUsedIsNoticed) {
  EXPECT_TRUE(stolen_token_ends_the_session(2, 1));
  EXPECT_TRUE(stolen_token_ends_the_session(1, 31'000));
  const MutantGuard guard(Mutant::kNoReuseDetection);
  EXPECT_FALSE(stolen_token_ends_the_session(2, 1));
}

// The leader that took it was cut off, and its clock was ahead of the next one's (found by the simulator).
TEST(PresentedAt, IsByWhatWasAppliedUnlessTheNodeKnowsOfATheft) {
  const int64_t grace = limits::kRefreshGrace.count() / 1'000'000;
  Session known;
  known.generation = 5;
  known.began_lease_ms = {1000, 900, 800, 700};
  EXPECT_EQ(presented_lease_ms(nullptr, 5, 1100, 9999), 1100) << "of a session that it does not know yet";
  EXPECT_EQ(presented_lease_ms(&known, 6, 1100, 9999), 1100) << "it lags";
  EXPECT_EQ(presented_lease_ms(&known, 5, 1100, 9999), 1100);
  EXPECT_EQ(presented_lease_ms(&known, 4, 1100, 1000 + grace), 1100) << "the other tab";
  EXPECT_EQ(presented_lease_ms(&known, 4, 1100, 1001 + grace), limits::kStampMax);
  EXPECT_EQ(presented_lease_ms(&known, 3, 1100, 1100), limits::kStampMax) << "used long ago";
}

// A refresh that was long under way, because its node was cut off, is no theft: it was presented in time.
TEST(Scenario38, ALateWriteEndsNothing) {
  World world;
  world.create("a");
  EXPECT_EQ(world.open("s", "a"), Outcome::kOk);
  const int64_t presented = world.now.lease_ms;
  for (uint64_t g = 1; g <= 8; ++g) {
    world.pass(1000);
    EXPECT_EQ(world.refresh("s", g).number, g + 1);
    if (g == 1) continue;
    EXPECT_EQ(world.refresh_late("s", 1, presented).outcome, Outcome::kSuperseded);
  }
  EXPECT_NE(world.accounts.session("s"), nullptr);
  EXPECT_EQ(world.refresh("s", 1).outcome, Outcome::kTokenReused);
  EXPECT_EQ(world.accounts.session("s"), nullptr);
}

// A generation that was never given out is nobody's token; the session is not the attacker's to end.
TEST(Scenario38, ATokenOfTheFutureEndsNothing) {
  World world;
  world.create("a");
  EXPECT_EQ(world.open("s", "a"), Outcome::kOk);
  EXPECT_EQ(world.refresh("s", 5).outcome, Outcome::kUnauthorized);
  EXPECT_NE(world.accounts.session("s"), nullptr);
}

Command write_of(const std::string& session, const std::string& user, UserRole role, uint64_t sequence) {
  Command command;
  command.origin = {Incarnation{7}, sequence, 1};
  command.authority = Authority{session, user, role};
  command.op = PutOp{"app", "k", Blob(std::string("v")), "", {}};
  return command;
}

// Scenarios 37 and 39: what a node that lags let through is refused when it is applied, the same everywhere.
Outcome write_after(AccountOp between, UserRole role) {
  Store store;
  uint64_t index = 0;
  const auto apply = [&](EntryKind kind, std::string payload) {
    return store.apply(Entry{Index{++index}, Term{1}, kind, {1, 1}, Blob(std::move(payload))}).result;
  };
  Configuration configuration;
  configuration.cluster_id.words = {1, 1};
  configuration.members = {{"n", Incarnation{7}, "", "", Standing::kVoter}};
  (void)apply(EntryKind::kConfiguration, encode_configuration(configuration));
  uint64_t sequence = 0;
  const auto account = [&](AccountOp op) {
    Command command;
    command.origin = {Incarnation{7}, ++sequence, 1};
    command.op = std::move(op);
    EXPECT_EQ(apply(EntryKind::kCommand, encode_command(command)).outcome, Outcome::kOk);
  };
  account(CreateUserOp{"root", "root@example.org", "", UserRole::kAdmin, "p", true});
  account(CreateUserOp{"u", "u@example.org", "", UserRole::kOperator, "p", false});
  account(OpenSessionOp{"s", "u", 1, kMinute, kMinute, "", ""});
  account(std::move(between));
  const WriteResult result = apply(EntryKind::kCommand, encode_command(write_of("s", "u", role, ++sequence)));
  EXPECT_EQ(store.get("app", "k") != nullptr, result.outcome == Outcome::kOk);
  return result.outcome;
}
TEST(Scenario39, ARevokedSessionOrALoweredRoleDoesNotWrite) {
  const AccountOp nothing = TouchSessionsOp{};
  const AccountOp logout = EndSessionsOp{"", "s", ""};
  const AccountOp disable = UpdateUserOp{"u", {}, {}, {}, true, {}, {}};
  const AccountOp lower = UpdateUserOp{"u", {}, {}, UserRole::kViewer, {}, {}, {}};
  const AccountOp remove = DeleteUserOp{"u", {}};
  EXPECT_EQ(write_after(nothing, UserRole::kOperator), Outcome::kOk);
  EXPECT_EQ(write_after(nothing, UserRole::kAdmin), Outcome::kForbidden);
  EXPECT_EQ(write_after(logout, UserRole::kOperator), Outcome::kUnauthorized);
  EXPECT_EQ(write_after(disable, UserRole::kOperator), Outcome::kUnauthorized);
  EXPECT_EQ(write_after(remove, UserRole::kOperator), Outcome::kUnauthorized);
  EXPECT_EQ(write_after(lower, UserRole::kOperator), Outcome::kForbidden);
  const MutantGuard guard(Mutant::kNoCheckAtApply);
  EXPECT_EQ(write_after(logout, UserRole::kOperator), Outcome::kOk);
}

// A login that was checked against a password that has changed meanwhile opens nothing.
TEST(Accounts, ALoginThatCrossesAChangeOfPasswordFails) {
  World world;
  world.create("a");
  EXPECT_EQ(world.open("mine", "a"), Outcome::kOk);
  EXPECT_EQ(world.open("other", "a"), Outcome::kOk);
  EXPECT_EQ(world.apply(SetPasswordOp{"a", "new", 1, "mine"}).number, 1U);
  EXPECT_NE(world.accounts.session("mine"), nullptr);
  EXPECT_EQ(world.accounts.session("other"), nullptr);
  EXPECT_EQ(world.open("late", "a", 1), Outcome::kUnauthorized);
  EXPECT_EQ(world.open("late", "a", 2), Outcome::kOk);
  EXPECT_EQ(world.apply(SetPasswordOp{"a", "again", 1, ""}).outcome, Outcome::kPreconditionFailed);
}

// Scenario 34: a leader that thinks a session's time is over is wrong if the log says it was touched before.
bool touched_session_survives_an_expiry() {
  World world;
  world.create("a");
  EXPECT_EQ(world.open("s", "a"), Outcome::kOk);
  world.pass(29 * kMinute);
  (void)world.apply(TouchSessionsOp{{"s"}});
  world.pass(2 * kMinute);
  (void)world.apply(ExpireSessionsOp{});
  return world.accounts.session("s") != nullptr;
}
TEST(Scenario34, AnExpiryEndsOnlyWhatTheLogSaysIsOver) {
  EXPECT_TRUE(touched_session_survives_an_expiry());
  const MutantGuard guard(Mutant::kExpireByProposer);
  EXPECT_FALSE(touched_session_survives_an_expiry());
}

TEST(Accounts, SessionsEndByIdlenessInLeaseTimeAndByAgeInWallTime) {
  World world;
  world.create("a");
  EXPECT_EQ(world.open("idle", "a"), Outcome::kOk);
  world.now.wall_ms += 31 * kMinute;  // leaderless time
  (void)world.apply(ExpireSessionsOp{});
  EXPECT_NE(world.accounts.session("idle"), nullptr);
  world.now.lease_ms += 30 * kMinute;
  (void)world.apply(ExpireSessionsOp{});
  EXPECT_EQ(world.accounts.session("idle"), nullptr);
  EXPECT_EQ(world.open("old", "a"), Outcome::kOk);
  world.now.wall_ms += 600 * kMinute;
  (void)world.apply(ExpireSessionsOp{});
  EXPECT_EQ(world.accounts.session("old"), nullptr);
  EXPECT_FALSE(world.accounts.next_expiry());
}

// However many end together, and however long it takes until the last of them is taken away.
TEST(Accounts, ASessionPastItsLifeMayDoNothingMore) {
  World world;
  world.create("a");
  EXPECT_EQ(world.open("s", "a"), Outcome::kOk);
  const Authority authority{"s", "a", UserRole::kViewer};
  EXPECT_EQ(world.accounts.check(authority, world.now), Outcome::kOk);
  world.now.wall_ms += 600 * kMinute;
  EXPECT_NE(world.accounts.session("s"), nullptr);
  EXPECT_EQ(world.accounts.check(authority, world.now), Outcome::kUnauthorized);
  EXPECT_EQ(world.refresh("s", 1).outcome, Outcome::kUnauthorized);
}

TEST(Accounts, AUserAtTheCapLosesTheSessionUnusedForLongest) {
  World world;
  world.create("a");
  for (size_t i = 0; i < limits::kSessionsPerUserMax; ++i) {
    EXPECT_EQ(world.open("s" + std::to_string(i), "a"), Outcome::kOk);
    world.pass(10);
  }
  (void)world.apply(TouchSessionsOp{{"s0"}});
  EXPECT_EQ(world.open("one-more", "a"), Outcome::kOk);
  EXPECT_NE(world.accounts.session("s0"), nullptr);
  EXPECT_EQ(world.accounts.session("s1"), nullptr);
  EXPECT_EQ(world.accounts.session_count(), limits::kSessionsPerUserMax);
}

// Scenario 40: tokens of a minute ago verify after a rotation; those that can't live any more do not linger.
TEST(Scenario40, ARetiredKeyStaysAsLongAsWhatItSigned) {
  World world;
  EXPECT_EQ(world.apply(AddSigningKeyOp{"k1", "p", "w", ""}).outcome, Outcome::kOk);
  EXPECT_EQ(world.apply(AddSigningKeyOp{"rival", "p", "w", ""}).outcome, Outcome::kPreconditionFailed);
  world.pass(kMinute);
  EXPECT_EQ(world.apply(AddSigningKeyOp{"k2", "p", "w", "k1"}).outcome, Outcome::kOk);
  EXPECT_EQ(world.accounts.active_key()->id, "k2");
  EXPECT_NE(world.accounts.key("k1"), nullptr);
  world.pass(31 * kMinute);
  EXPECT_EQ(world.apply(AddSigningKeyOp{"k3", "p", "w", "k2"}).outcome, Outcome::kOk);
  EXPECT_EQ(world.accounts.key("k1"), nullptr);
  EXPECT_NE(world.accounts.key("k2"), nullptr);
}

TEST(SessionKeeper, TouchesAreGatheredAndNotRepeated) {
  World world;
  world.create("a");
  EXPECT_EQ(world.open("s", "a"), Outcome::kOk);
  SessionKeeper keeper;
  keeper.touch(*world.accounts.session("s"), world.now);
  EXPECT_FALSE(keeper.take_touches(Instant{}));
  world.pass(2 * kMinute);
  keeper.touch(*world.accounts.session("s"), world.now);
  keeper.touch(*world.accounts.session("s"), world.now);
  const auto touches = keeper.take_touches(Instant{});
  ASSERT_TRUE(touches);
  EXPECT_EQ(touches->ids, std::vector<std::string>{"s"});
  keeper.touch(*world.accounts.session("s"), world.now);
  EXPECT_FALSE(keeper.take_touches(Instant{} + limits::kTouchInterval / 2));
  EXPECT_EQ(keeper.deadline(), Instant{} + limits::kTouchInterval);
}

TEST(SessionKeeper, AnExpiryIsProposedWhenItsTimeComesAndNotAtEveryStep) {
  World world;
  world.create("a");
  EXPECT_EQ(world.open("s", "a"), Outcome::kOk);
  SessionKeeper keeper;
  const Now at{Instant{1'000'000'000}, WallTime{}};
  EXPECT_FALSE(keeper.expiry_is_due(world.accounts, world.now, at));
  EXPECT_EQ(keeper.deadline(), at.mono + std::chrono::minutes(30));
  Stamp later = world.now;
  later.lease_ms += 30 * kMinute;
  EXPECT_TRUE(keeper.expiry_is_due(world.accounts, later, at));
  EXPECT_FALSE(keeper.expiry_is_due(world.accounts, later, at));
  const Now again{at.mono + limits::kExpiryRetry, WallTime{}};
  EXPECT_TRUE(keeper.expiry_is_due(world.accounts, later, again));
}

TEST(SessionKeeper, ProposesAgainAtOnceWhenMoreAreOverThanOneEntryEnds) {
  World world;
  world.create("a");
  world.create("b");
  EXPECT_EQ(world.open("s", "a"), Outcome::kOk);
  world.pass(1);
  EXPECT_EQ(world.open("t", "b"), Outcome::kOk);
  SessionKeeper keeper;
  const Now at{Instant{1'000'000'000}, WallTime{}};
  world.pass(600 * kMinute);
  EXPECT_TRUE(keeper.expiry_is_due(world.accounts, world.now, at));
  EXPECT_FALSE(keeper.expiry_is_due(world.accounts, world.now, at)) << "it is under way";
  EXPECT_EQ(world.apply(EndSessionsOp{"", "s", ""}).outcome, Outcome::kOk);  // as much as an entry could do
  EXPECT_TRUE(keeper.expiry_is_due(world.accounts, world.now, at));
}

std::string name(uint8_t n) { return std::string(1, static_cast<char>('a' + n % 5)); }

AccountOp arbitrary_op(uint8_t kind, uint8_t a, uint8_t b) {
  switch (kind % 10) {
    case 0:
      return CreateUserOp{name(a), name(b) + "@x", name(b), static_cast<UserRole>(1 + b % 3),
                          "p",     b % 7 == 0};
    case 1: {
      UpdateUserOp op{name(a), {}, {}, {}, {}, {}, {}};
      if (b & 1) op.email = name(b) + "@x";
      if (b & 2) op.role = static_cast<UserRole>(1 + b % 3);
      if (b & 4) op.disabled = (b & 8) != 0;
      if (b & 16) op.password = "q";
      return op;
    }
    case 2:
      return DeleteUserOp{name(a), {}};
    case 3:
      return SetPasswordOp{name(a), "r", 1U + b % 2, name(b)};
    case 4:
    case 5:
      return OpenSessionOp{name(a) + name(b), name(b), 1U + a % 2, 1000, 5000, "", ""};
    case 6:
      return RefreshSessionOp{name(a) + name(b), 1U + a % 3, b * 10};
    case 7:
      return EndSessionsOp{name(b), a % 2 == 0 ? name(a) + name(b) : "", ""};
    case 8:
      return TouchSessionsOp{{name(a) + name(b)}};
    default:
      return ExpireSessionsOp{};
  }
}

// Whatever happens: no session without its user, no user twice under an address, an administrator once there
// was one; and the hash is that of the content, however it came about.
RC_GTEST_PROP(Accounts, RulesHoldAfterAnyWrites,
              (std::vector<std::tuple<uint8_t, uint8_t, uint8_t>> writes)) {
  World world;
  bool had_admin = false;
  for (const auto& [kind, a, b] : writes) {
    world.pass(b * 10);
    const AccountOp op = arbitrary_op(kind, a, b);
    std::string bytes;
    Writer out(bytes);
    encode(out, op);
    Reader in(bytes);
    RC_ASSERT(decode_account_op(in) == op);
    RC_ASSERT(in.done());
    (void)world.apply(op);
    size_t admins = 0;
    std::set<std::string> emails;
    size_t sessions = 0;
    for (const User* user : world.accounts.users_after("", 100)) {
      RC_ASSERT(emails.insert(user->email).second);
      RC_ASSERT(world.accounts.user_by_email(user->email) == user);
      admins += user->role == UserRole::kAdmin && !user->disabled ? 1 : 0;
      const auto own = world.accounts.sessions_of(user->id);
      sessions += own.size();
      if (user->disabled) RC_ASSERT(own.empty());
    }
    RC_ASSERT(sessions == world.accounts.session_count());
    RC_ASSERT(!had_admin || admins > 0);
    had_admin = admins > 0;
  }
  for (const User* user : world.accounts.users_after("", 100)) {
    (void)world.apply(EndSessionsOp{user->id, "", ""});
  }
  RC_ASSERT(world.accounts.session_count() == 0U);
  RC_ASSERT(!world.accounts.next_expiry());
}

}  // namespace
}  // namespace patronus::test::accounts_test
