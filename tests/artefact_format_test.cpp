// Artefacts as bytes: rows come back as they were, in whatever pieces the bytes come; the same rows give the
// same bytes; and what is damaged, cut short or something else altogether is refused.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <map>
#include <string>

#include "core/base/limits.h"
#include "core/base/random.h"
#include "core/state/artefact_format.h"

namespace patronus::artefact::artefact_format_test {
namespace {

using Rows = std::map<std::string, std::string>;

CheckpointEnd end_at(uint64_t index) {
  Configuration configuration{{{1, 2}}, {{"a", Incarnation{3}, "a:1", "a:2", Standing::kVoter}}};
  return {Base{Index{index}, Term{4}, {5, 6}, Index{1}, std::move(configuration)}, 77};
}

Rows some_rows(Random& random, uint64_t count) {
  Rows rows;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t size = random.below(10) == 0 ? random.below(200'000) : random.below(300);
    rows["key " + std::to_string(random.below(1'000'000))] =
        std::string(size, static_cast<char>(random.below(256)));
  }
  return rows;
}

struct Encoded {
  std::string bytes;
  Artefact artefact;
};
Encoded encoded(const Rows& rows, uint64_t index = 9) {
  Encoded result;
  Encoder encoder(end_at(index), result.bytes);
  for (const auto& [key, value] : rows) encoder.add(key, value, result.bytes);
  encoder.finish(result.bytes);
  result.artefact = encoder.artefact();
  return result;
}

struct Decoded {
  Rows rows;
  std::optional<std::string> fault;
  std::optional<CheckpointEnd> end;
  Artefact artefact;
};
Decoded decoded(std::string_view bytes, Random& random) {
  Decoded result;
  Decoder decoder([&](std::string_view key, std::string_view value) -> std::optional<std::string> {
    result.rows.emplace(key, value);
    return std::nullopt;
  });
  while (!bytes.empty() && !result.fault) {
    const size_t piece =
        std::min<size_t>(bytes.size(), 1 + random.below(random.below(4) == 0 ? 200'000 : 40));
    result.fault = decoder.feed(bytes.substr(0, piece));
    bytes.remove_prefix(piece);
  }
  if (!result.fault) result.fault = decoder.finish();
  result.end = decoder.end();
  if (!result.fault) result.artefact = decoder.artefact();
  return result;
}

RC_GTEST_PROP(ArtefactFormat, RowsComeBackAsTheyWere, (uint64_t seed)) {
  Random random(seed);
  const Rows rows = some_rows(random, random.below(60));
  const Encoded artefact = encoded(rows);
  RC_ASSERT(artefact.artefact.bytes == artefact.bytes.size());
  RC_ASSERT(artefact.artefact.index == Index{9});
  const Decoded back = decoded(artefact.bytes, random);
  RC_ASSERT(!back.fault);
  RC_ASSERT(back.rows == rows);
  RC_ASSERT(back.end == end_at(9));
  RC_ASSERT(back.artefact == artefact.artefact);
  RC_ASSERT(encoded(rows).bytes == artefact.bytes);
}

RC_GTEST_PROP(ArtefactFormat, DamageIsSeen, (uint64_t seed)) {
  Random random(seed);
  const Rows rows = some_rows(random, 1 + random.below(20));
  std::string bytes = encoded(rows).bytes;
  switch (random.below(4)) {
    case 0:
      bytes.resize(random.below(bytes.size()));
      break;
    case 1:
      bytes += 'x';
      break;
    case 2:
      bytes.erase(random.below(bytes.size()), 1 + random.below(100));
      break;
    default:
      bytes[random.below(bytes.size())] ^= static_cast<char>(1 << random.below(8));
      break;
  }
  const Decoded back = decoded(bytes, random);
  RC_ASSERT(back.fault);
  for (const auto& [key, value] : back.rows) RC_ASSERT(rows.at(key) == value);
}

TEST(ArtefactFormat, ARowAgainstWhichThereIsAReasonEndsTheReading) {
  const Encoded artefact = encoded({{"a", "1"}, {"b", "2"}});
  size_t seen = 0;
  Decoder decoder([&](std::string_view, std::string_view) -> std::optional<std::string> {
    ++seen;
    return "not this one";
  });
  EXPECT_EQ(decoder.feed(artefact.bytes), "not this one");
  EXPECT_EQ(seen, 1U);
}

TEST(ArtefactFormat, AnyRowFits) {
  const std::string key(limits::kRowKeyBytesMax, 'k');
  const Rows rows{{key, std::string(limits::kEntryBytesMax, 'v')}};
  Random random(1);
  const Decoded back = decoded(encoded(rows).bytes, random);
  EXPECT_FALSE(back.fault);
  EXPECT_EQ(back.rows, rows);
}

}  // namespace
}  // namespace patronus::artefact::artefact_format_test
