// Datagrams of probes: what is made is read again; what is cut, changed, turned round or of another key is
// not.
#include "io/protocol/probe.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "io/json/base64.h"
#include "io/sdwan/probe_key.h"
#include "sim/sim_crypto.h"

namespace patronus::probe::probe_test {
namespace {

const std::string kKey(kKeyBytes, 'k');
const std::string kOtherKey(kKeyBytes, 'o');

class ProbeTest : public ::testing::Test {
 protected:
  ProbeTest() {
    head_.site = "site-a";
    head_.nonce = {'n', 'o', 'n', 'c', 'e', 1, 2, 3};
    head_.sequence = 77;
    head_.stamp = 1234567890123;
    Head inner = head_;
    inner.site = "site-b";
    probe_ = make_probe(head_, kKey, hmac_);
    answer_ = make_answer(head_, kKey, hmac_);
    path_probe_ =
        make_path_probe(head_, {"b.example:7700", make_probe(inner, kOtherKey, hmac_)}, kKey, hmac_);
    path_answer_ = make_path_answer(
        head_, {PathOutcome::kAnswered, 12'345, make_answer(inner, kOtherKey, hmac_)}, kKey, hmac_);
  }
  std::vector<std::string> all() const { return {probe_, answer_, path_probe_, path_answer_}; }

  auth::HmacSha256 hmac_;
  Head head_;
  std::string probe_, answer_, path_probe_, path_answer_;
};

TEST_F(ProbeTest, IsReadAsItWasMade) {
  Kind kind = Kind::kProbe;
  for (const std::string& datagram : all()) {
    head_.kind = kind;
    EXPECT_EQ(read_head(datagram), head_);
    EXPECT_TRUE(is_authentic(datagram, kKey, hmac_));
    EXPECT_FALSE(is_authentic(datagram, kOtherKey, hmac_));
    kind = static_cast<Kind>(static_cast<uint8_t>(kind) + 1);
  }
  const auto path = read_path_probe(path_probe_);
  ASSERT_TRUE(path);
  EXPECT_EQ(path->address, "b.example:7700");
  EXPECT_TRUE(is_authentic(path->probe, kOtherKey, hmac_));
  const auto answer = read_path_answer(path_answer_);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->rtt_us, 12'345U);
  EXPECT_TRUE(is_authentic(answer->answer, kOtherKey, hmac_));
  const std::string lost = make_path_answer(head_, {PathOutcome::kTimedOut, 0, {}}, kKey, hmac_);
  EXPECT_EQ(read_path_answer(lost)->outcome, PathOutcome::kTimedOut);
}

TEST_F(ProbeTest, AmplifiesNothing) {
  EXPECT_LE(answer_.size(), probe_.size());
  EXPECT_LE(path_answer_.size(), path_probe_.size());
  EXPECT_LE(read_path_probe(path_probe_)->probe.size(), path_probe_.size());
}

// The same bytes with only the kind changed: under the right key, and yet not authentic.
TEST_F(ProbeTest, IsOfItsDirectionAlone) {
  std::string turned = probe_;
  turned[5] = static_cast<char>(Kind::kAnswer);
  EXPECT_EQ(read_head(turned)->kind, Kind::kAnswer);
  EXPECT_FALSE(is_authentic(turned, kKey, hmac_));
  EXPECT_NE(probe_.substr(kProbeBytes - kCodeBytes), answer_.substr(kProbeBytes - kCodeBytes));
}

TEST_F(ProbeTest, IsNotReadCutOrLonger) {
  for (const std::string& datagram : all()) {
    for (size_t size = 0; size < datagram.size(); ++size) EXPECT_FALSE(read_head(datagram.substr(0, size)));
    EXPECT_FALSE(read_head(datagram + '\0'));
  }
}

TEST_F(ProbeTest, NoticesEveryChangedBit) {
  for (const std::string& datagram : all()) {
    for (size_t bit = 0; bit < datagram.size() * 8; ++bit) {
      std::string changed = datagram;
      changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
      EXPECT_FALSE(read_head(changed) && is_authentic(changed, kKey, hmac_)) << bit;
    }
  }
}

TEST_F(ProbeTest, HasOneEncodingForEachName) {
  std::string padded = probe_;
  padded[8 + 20] = 'x';
  EXPECT_FALSE(read_head(padded)) << "something after the site's id";
  padded = probe_;
  padded[6] = 0;
  EXPECT_FALSE(read_head(padded)) << "no id";
  padded[6] = 33;
  EXPECT_FALSE(read_head(padded)) << "longer than its place";
  EXPECT_FALSE(read_path_probe(make_path_probe(head_, {"b:1", answer_}, kKey, hmac_)))
      << "an answer is not sent on as a probe";
}

RC_GTEST_PROP(Probe, ReadsAnyBytesWithoutHarm, ()) {
  auth::HmacSha256 hmac;
  const auto bytes = *rc::gen::arbitrary<std::string>();
  const auto head = read_head(bytes);
  RC_ASSERT(!head || bytes.size() >= kProbeBytes);
  RC_ASSERT(!is_authentic(bytes, kKey, hmac));
  RC_ASSERT(!read_path_probe(bytes));
}

TEST(ProbeKey, IsTheSitesAndItsGenerationsAlone) {
  sim::SimCrypto crypto("secret", 1);
  sim::SimCrypto again("secret", 2);
  sim::SimCrypto others("other secret", 1);
  const std::string key = sdwan::probe_key("a", 1, crypto);
  EXPECT_EQ(key.size(), kKeyBytes);
  EXPECT_EQ(key, sdwan::probe_key("a", 1, again));
  EXPECT_NE(key, sdwan::probe_key("a", 2, crypto));
  EXPECT_NE(key, sdwan::probe_key("b", 1, crypto));
  EXPECT_NE(key, sdwan::probe_key("a", 1, others));
}

TEST(ProbeKey, IsReadFromWhatIsShown) {
  sim::SimCrypto crypto("secret", 1);
  Site site;
  site.id = "site-a";
  site.fields.key_generation = 3;
  const std::string key = sdwan::probe_key("site-a", 3, crypto);
  const std::string shown = sdwan::probe_key_answer(site, crypto);
  EXPECT_EQ(sdwan::read_probe_key(shown, "site-a"), key);
  EXPECT_EQ(sdwan::read_probe_key(json::base64url_encode(key) + "\n", "site-a"), key);
  for (const std::string& wrong :
       {std::string(), std::string(" \n"), std::string("{}"), std::string("{"), std::string("[1]"),
        json::base64url_encode(key.substr(1)), shown.substr(1)})
    EXPECT_FALSE(sdwan::read_probe_key(wrong, "site-a")) << wrong;
  EXPECT_FALSE(sdwan::read_probe_key(shown, "site-b"));
}

}  // namespace
}  // namespace patronus::probe::probe_test
