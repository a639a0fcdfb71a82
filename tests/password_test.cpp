// Stored passwords: against the reference's vectors, and hostile stored forms; which passwords may be chosen.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <argon2.h>

#include <string>
#include <vector>

#include "core/base/limits.h"
#include "io/auth/password.h"
#include "io/auth/password_rule.h"

namespace patronus::auth::password_test {
namespace {

constexpr auto kDone = PasswordOutcome::kDone;
constexpr auto kDiffers = PasswordOutcome::kDiffers;

// Of the reference implementation's own tests (phc-winner-argon2, src/test.c).
TEST(Password, VerifiesTheReferencesVectors) {
  const struct {
    const char* password;
    const char* stored;
  } vectors[] = {
      {"password", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"},
      {"password", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"},
      {"password", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"},
      {"password", "$argon2id$v=19$m=65536,t=1,p=1$c29tZXNhbHQ$9qWtwbpyPd3vm1rB1GThgPzZ3/ydHL92zKL+15XZypg"},
      {"differentpassword",
       "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94"},
      {"password", "$argon2id$v=19$m=65536,t=2,p=1$ZGlmZnNhbHQ$vfMrBczELrFdWP0ZsfhWsRPaHppYdP3MVEMIVlqoFBw"},
  };
  for (const auto& vector : vectors) {
    EXPECT_EQ(verify_password(vector.password, vector.stored), kDone) << vector.stored;
    EXPECT_EQ(verify_password("passwore", vector.stored), kDiffers) << vector.stored;
  }
}

TEST(Password, IsStoredWithTodaysCostAndAFreshSalt) {
  const std::string stored = hash_password("correct horse battery").value();
  EXPECT_TRUE(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")) << stored;
  const StoredPassword parsed = parse_stored_password(stored).value();
  EXPECT_EQ(parsed.salt.size(), 16U);
  EXPECT_EQ(parsed.tag.size(), 32U);
  EXPECT_NE(hash_password("correct horse battery"), stored);
  EXPECT_EQ(verify_password("correct horse battery", stored), kDone);
  EXPECT_EQ(argon2id_verify(stored.c_str(), "correct horse battery", 21), ARGON2_OK)
      << "other programs agree";
  for (const char* wrong : {"", "correct horse batter", "correct horse battery ", "Correct horse battery"}) {
    EXPECT_EQ(verify_password(wrong, stored), kDiffers) << wrong;
  }
}

TEST(Password, IsHashedAsGiven) {
  const std::string composed = "caf\xc3\xa9 caf\xc3\xa9 caf\xc3\xa9";
  const std::string decomposed = "cafe\xcc\x81 cafe\xcc\x81 cafe\xcc\x81";
  EXPECT_EQ(verify_password(decomposed, hash_password(composed).value()), kDiffers);
}

TEST(Password, TooLongIsNeitherHashedNorEverRight) {
  const std::string longest(limits::kPasswordBytesMax, 'p');
  const std::string stored = hash_password(longest).value();
  EXPECT_EQ(verify_password(longest, stored), kDone);
  EXPECT_EQ(verify_password(longest + "p", stored), kDiffers);
  EXPECT_EQ(hash_password(longest + "p"), std::nullopt);
  // What is verified in its place must not match either.
  const std::string stored_empty = hash_password("").value();
  EXPECT_EQ(verify_password(longest + "p", stored_empty), kDiffers);
}

TEST(Password, NoneFitsTheDummy) {
  EXPECT_TRUE(parse_stored_password(dummy_hash()));
  EXPECT_EQ(parse_stored_password(dummy_hash())->cost, PasswordCost{});
  for (const char* guess : {"", "password", "correct horse battery"}) {
    EXPECT_EQ(verify_password(guess, dummy_hash()), kDiffers);
  }
}

constexpr const char* kSalt = "c29tZXNhbHQ";
constexpr const char* kTag = "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

std::string stored_with(const std::string& parameters, const std::string& salt = kSalt,
                        const std::string& tag = kTag) {
  return "$argon2id$v=19$" + parameters + "$" + salt + "$" + tag;
}

TEST(StoredPassword, MayNotAskForMoreThanTheLimits) {
  ASSERT_TRUE(parse_stored_password(stored_with("m=65536,t=10,p=4")));
  for (const char* parameters :
       {"m=65537,t=2,p=1", "m=4194304,t=2,p=1", "m=4294967295,t=2,p=1", "m=4294967552,t=2,p=1",
        "m=99999999999999999999,t=2,p=1", "m=256,t=11,p=1", "m=256,t=4294967295,p=1", "m=256,t=2,p=5",
        "m=256,t=2,p=16777215", "m=7,t=2,p=1", "m=31,t=2,p=4", "m=0,t=2,p=1", "m=256,t=0,p=1",
        "m=256,t=2,p=0", "m=-1,t=2,p=1", "m=256,t=-2,p=1"}) {
    EXPECT_FALSE(parse_stored_password(stored_with(parameters))) << parameters;
    EXPECT_EQ(verify_password("password", stored_with(parameters)), kDiffers) << parameters;
  }
}

TEST(StoredPassword, HasOneSpelling) {
  const std::string good = stored_with("m=256,t=2,p=1");
  ASSERT_TRUE(parse_stored_password(good));
  const std::string long_salt(88, 'A');
  const std::vector<std::string> refused = {
      "",
      "$",
      "$argon2id$",
      "password",
      " " + good,
      good + " ",
      good + "$",
      good + "=",
      good.substr(1),
      "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$" + std::string(kTag),
      "$argon2d$v=19$m=256,t=2,p=1$c29tZXNhbHQ$" + std::string(kTag),
      "$argon2id$v=16$m=256,t=2,p=1$c29tZXNhbHQ$" + std::string(kTag),
      "$argon2id$m=256,t=2,p=1$c29tZXNhbHQ$" + std::string(kTag),
      stored_with("m=0256,t=2,p=1"),
      stored_with("m=+256,t=2,p=1"),
      stored_with("m= 256,t=2,p=1"),
      stored_with("t=2,m=256,p=1"),
      stored_with("m=256,t=2"),
      stored_with("m=256,t=2,p=1,data=AAAA"),
      stored_with("m=256,t=2,p=1", ""),
      stored_with("m=256,t=2,p=1", "c29tZXNhbA"),
      stored_with("m=256,t=2,p=1", "c29tZXNhbHR"),
      stored_with("m=256,t=2,p=1", "c29tZXNhbHQ="),
      stored_with("m=256,t=2,p=1", long_salt),
      stored_with("m=256,t=2,p=1", kSalt, ""),
      stored_with("m=256,t=2,p=1", kSalt, "AAAA"),
      stored_with("m=256,t=2,p=1", kSalt, std::string(88, 'A')),
      stored_with("m=256,t=2,p=1", kSalt, std::string(100'000, 'A')),
      stored_with("m=256,t=2,p=1", kSalt, "nf65EOgLrQMR_uIPnA4rEsF5h7TKyQwu9U1bMCHGi_4"),
  };
  for (const std::string& text : refused) EXPECT_FALSE(parse_stored_password(text)) << text;
  EXPECT_EQ(verify_password("password", refused.back()), kDiffers);
}

// Whatever is done to a stored form, either it is refused or it says exactly what is read.
RC_GTEST_PROP(StoredPasswordProperty, IsReadExactly, ()) {
  std::string text = stored_with("m=256,t=2,p=1");
  const int edits = *rc::gen::inRange(1, 4);
  for (int i = 0; i < edits; ++i) {
    const auto at = *rc::gen::inRange<size_t>(0, text.size());
    const char c = *rc::gen::elementOf(std::string("$,=0129mtpvAZaz+/-_ \n"));
    switch (*rc::gen::inRange(0, 3)) {
      case 0:
        text[at] = c;
        break;
      case 1:
        text.insert(at, 1, c);
        break;
      default:
        text.erase(at, 1);
    }
  }
  const auto parsed = parse_stored_password(text);
  if (!parsed) return;
  RC_ASSERT(stored_text(*parsed) == text);
  RC_ASSERT(parsed->cost.memory_kib <= limits::kPasswordMemoryKiBMax);
  RC_ASSERT(parsed->cost.passes <= limits::kPasswordPassesMax);
  RC_ASSERT(parsed->cost.lanes <= limits::kPasswordLanesMax);
}

TEST(PasswordRule, SaysWhatWouldDo) {
  constexpr std::string_view kEmail = "somebody@example.org";
  for (const std::string& good : {std::string(12, 'a'), std::string("correct horse battery staple"),
                                  std::string(limits::kPasswordBytesMax, 'b'), std::string("пароль"),
                                  std::string("somebody@example.com")}) {
    EXPECT_EQ(password_fault(good, kEmail), std::nullopt) << good;
  }
  EXPECT_EQ(password_fault("eleven char", kEmail),
            "is too short: choose at least 12 characters, for example several words");
  EXPECT_EQ(password_fault("", kEmail), password_fault("x", kEmail));
  EXPECT_EQ(password_fault(std::string(limits::kPasswordBytesMax + 1, 'x'), kEmail),
            "is too long: choose at most 256 bytes");
  EXPECT_EQ(password_fault("twelve bytes \xff", kEmail),
            "is not valid UTF-8: choose any characters encoded as UTF-8");
  EXPECT_EQ(password_fault(std::string("twelve bytes\0 more", 18), kEmail),
            "contains a NUL character: choose any other characters");
  EXPECT_EQ(password_fault("SomeBody@Example.org", kEmail), "is the email address: choose something else");
}

}  // namespace
}  // namespace patronus::auth::password_test
