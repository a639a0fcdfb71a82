// Checksums, hashes, bounded reading and the source of chance: what everything else is built on.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/crc32c.h"
#include "core/base/hash.h"
#include "core/base/limits.h"
#include "core/base/mutant.h"
#include "core/base/random.h"
#include "core/base/types.h"

// The reference implementation, as a header alone, where it is installed.
#if __has_include(<xxhash.h>)
#define XXH_INLINE_ALL
#include <xxhash.h>
#endif

namespace patronus::base_test {
namespace {

TEST(Crc32c, GivesThePublishedValues) {
  EXPECT_EQ(crc32c(""), 0U);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  // RFC 3720, appendix B.4.
  std::string ascending;
  for (int i = 0; i < 32; ++i) ascending += static_cast<char>(i);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
  EXPECT_EQ(crc32c(ascending), 0x46dd794eU);
  EXPECT_EQ(crc32c(std::string(ascending.rbegin(), ascending.rend())), 0x113fdb5cU);
}

// A frame's checksum is continued over its parts, so where the cut is must not matter.
RC_GTEST_PROP(Crc32c, MayBeContinued, (const std::string& bytes)) {
  const auto cut = *rc::gen::inRange<size_t>(0, bytes.size() + 1);
  RC_ASSERT(crc32c(bytes.substr(cut), crc32c(bytes.substr(0, cut))) == crc32c(bytes));
}

// Any single flipped bit must be seen: that is what the checksum is for.
RC_GTEST_PROP(Crc32c, SeesEveryFlippedBit, (std::string bytes)) {
  RC_PRE(!bytes.empty());
  const uint32_t before = crc32c(bytes);
  const auto at = *rc::gen::inRange<size_t>(0, bytes.size());
  bytes[at] = static_cast<char>(bytes[at] ^ (1 << *rc::gen::inRange(0, 8)));
  RC_ASSERT(crc32c(bytes) != before);
}

TEST(Hash64, GivesThePublishedValues) {
  EXPECT_EQ(hash64(""), 0xef46db3751d8e999U);
  EXPECT_EQ(hash64("a"), 0xd24ec4f1a98c6e5bU);
  EXPECT_EQ(hash64("abc"), 0x44bc2cf5ad770999U);
}

#if __has_include(<xxhash.h>)
RC_GTEST_PROP(Hash64, AgreesWithTheReference, (const std::string& seed_bytes, uint64_t seed)) {
  // Long inputs take another path than short ones, so both are needed.
  std::string bytes;
  const int repeats = *rc::gen::inRange(1, 20);
  for (int i = 0; i < repeats; ++i) bytes += seed_bytes;
  RC_ASSERT(hash64(bytes, seed) == XXH64(bytes.data(), bytes.size(), seed));
}

TEST(Hash64, AgreesWithTheReferenceAtEveryLength) {
  std::string bytes;
  for (size_t i = 0; i < 200; ++i) {
    EXPECT_EQ(hash64(bytes, i), XXH64(bytes.data(), bytes.size(), i)) << i << " bytes";
    bytes += static_cast<char>(i * 37);
  }
}
#endif

TEST(Bytes, AreLittleEndian) {
  std::string bytes;
  Writer out(bytes);
  out.u16(0x0102);
  out.u32(0x03040506);
  out.u64(0x0708090a0b0c0d0e);
  EXPECT_EQ(bytes, std::string("\x02\x01\x06\x05\x04\x03\x0e\x0d\x0c\x0b\x0a\x09\x08\x07", 14));
}

RC_GTEST_PROP(Bytes, AreReadAsTheyWereWritten,
              (uint8_t a, uint16_t b, uint32_t c, uint64_t d, int64_t e, bool f, const std::string& g)) {
  std::string bytes;
  Writer out(bytes);
  out.u8(a);
  out.u16(b);
  out.u32(c);
  out.u64(d);
  out.i64(e);
  out.boolean(f);
  out.bytes(g);
  Reader in(bytes);
  RC_ASSERT(in.u8() == a);
  RC_ASSERT(in.u16() == b);
  RC_ASSERT(in.u32() == c);
  RC_ASSERT(in.u64() == d);
  RC_ASSERT(in.i64() == e);
  RC_ASSERT(in.boolean() == f);
  RC_ASSERT(in.text(g.size()) == g);
  RC_ASSERT(in.done());
}

TEST(Reader, StaysFailedAndGivesZeroAfterwards) {
  Reader in("\x01\x02\x03");
  EXPECT_EQ(in.u32(), 0U);
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(in.u8(), 0U);
  EXPECT_EQ(in.remaining(), 0U);
  EXPECT_FALSE(in.done());
}

// Two encodings of one value would let two replicas differ in their bytes.
TEST(Reader, RefusesBooleansOtherThanZeroAndOne) {
  Reader in("\x02");
  EXPECT_FALSE(in.boolean());
  EXPECT_FALSE(in.ok());
}

TEST(Reader, RefusesALengthAboveItsBound) {
  std::string bytes;
  Writer(bytes).bytes("12345");
  EXPECT_EQ(Reader(bytes).bytes(5), "12345");
  Reader in(bytes);
  EXPECT_EQ(in.bytes(4), "");
  EXPECT_FALSE(in.ok());
}

// A count is believed only if that many things could be there: nobody allocates on a stranger's word.
TEST(Reader, RefusesACountThatCannotBeThere) {
  std::string bytes;
  Writer(bytes).u32(3);
  bytes += "123456";
  EXPECT_EQ(Reader(bytes).count(3, 2), 3U);
  EXPECT_EQ(Reader(bytes).count(2, 2), 0U);
  EXPECT_EQ(Reader(bytes).count(3, 3), 0U);
}

TEST(Types, HexHasAllItsDigits) {
  EXPECT_EQ(to_hex(0), "0000000000000000");
  EXPECT_EQ(to_hex(0x0123456789abcdef), "0123456789abcdef");
  EXPECT_EQ((ClusterId{{1, 0xff}}.hex()), "000000000000000100000000000000ff");
}

TEST(Types, NodeIdsAreLabels) {
  for (const char* good : {"a", "dashboard1", "A-b_c.9"}) EXPECT_TRUE(is_node_id(good)) << good;
  for (const char* bad : {"", "a b", "a:1", "a/b", "\xc3\xa4"}) EXPECT_FALSE(is_node_id(bad)) << bad;
  EXPECT_TRUE(is_node_id(std::string(limits::kNodeIdBytesMax, 'x')));
  EXPECT_FALSE(is_node_id(std::string(limits::kNodeIdBytesMax + 1, 'x')));
  EXPECT_FALSE(is_node_id(std::string("a\0b", 3)));
}

TEST(Types, ACounterDoesNotGoBelowZero) {
  EXPECT_EQ(Index{}.prev(), Index{});
  EXPECT_EQ(Index{2}.prev(), Index{1});
  EXPECT_EQ(Index{2}.next(), Index{3});
}

// xoshiro256** from the state that SplitMix64 gives for seed 0: the first numbers must never change, or a
// simulator's seed would mean something else tomorrow.
TEST(Random, IsReproducible) {
  Random a(42);
  Random b(42);
  Random c(43);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const uint64_t v = a.next();
    EXPECT_EQ(v, b.next());
    differs = differs || v != c.next();
  }
  EXPECT_TRUE(differs);
  EXPECT_EQ(Random(0).next(), 0x99ec5f36cb75f2b4U);
}

RC_GTEST_PROP(Random, StaysBelowItsBound, (uint64_t seed)) {
  Random random(seed);
  const auto bound = *rc::gen::inRange<uint64_t>(1, uint64_t{1} << 32);
  for (int i = 0; i < 20; ++i) RC_ASSERT(random.below(bound) < bound);
  for (int i = 0; i < 20; ++i)
    RC_ASSERT(random.duration_below(std::chrono::milliseconds(3)) < std::chrono::milliseconds(3));
  RC_ASSERT(random.duration_below(Duration{0}) == Duration{0});
}

TEST(Random, ReachesBothEndsOfASmallRange) {
  Random random(7);
  std::array<int, 4> seen{};
  for (int i = 0; i < 400; ++i) ++seen[random.below(4)];
  for (const int n : seen) EXPECT_GT(n, 50);
}

#ifdef PATRONUS_MUTANTS
// A mutant that can't be named can't be run, and one whose name belongs to another tests the wrong thing.
TEST(Mutants, AreFoundUnderTheirNames) {
  const std::vector<std::string_view> names = mutant_names();
  ASSERT_FALSE(names.empty());
  for (size_t i = 0; i < names.size(); ++i)
    EXPECT_EQ(mutant_by_name(names[i]), static_cast<Mutant>(i + 1)) << names[i];
  EXPECT_EQ(mutant_by_name("no-such-mutant"), Mutant::kNone);
}
#endif

}  // namespace
}  // namespace patronus::base_test
