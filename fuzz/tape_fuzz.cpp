// Whole clusters under libFuzzer: an input is a tape of a simulated world, as patronus-sim keeps, minimises
// and replays them, and a finding is one by which a checker fires. Besides the code's coverage libFuzzer is
// shown in which ways clusters have stood, so that a tape counts as new when it brings one about that no
// other has.
//
// In a build with PATRONUS_MUTANTS the environment's PATRONUS_MUTANT takes one protection out.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/hash.h"
#include "core/base/mutant.h"
#include "core/base/random.h"
#include "sim/tape.h"
#include "sim/world.h"

namespace {

using namespace patronus;
using namespace patronus::sim;

constexpr size_t kStands = 1 << 16;
constexpr uint64_t kFreshEvery = 3;
constexpr size_t kTrackMax = 4'096;
// libFuzzer treats these bytes like counters of code that was run.
__attribute__((section("__libfuzzer_extra_counters"), used)) std::array<uint8_t, kStands> stands_seen;

// How far the tracks of worlds were ever asked for: where an edit has any effect.
std::map<std::string, size_t>& asked() {
  static std::map<std::string, size_t> lengths{{"profile", 60}, {"world", 40}, {"troubles", 200}};
  return lengths;
}

// A node's stand beside the others': its role, how far behind the newest term it is, how its log and what it
// knows to be committed compare with the longest. Numbers that only grow are cut, so that there are not ever
// new ones.
uint64_t stand_of(const Host& host, Term newest, Index longest) {
  if (!host.is_up()) return 0;
  const Raft& raft = host.node().raft();
  const uint64_t behind = std::min<uint64_t>(newest.value - raft.term().value, 2);
  const uint64_t lacks = std::min<uint64_t>(longest.value - raft.log().last_index().value, 3);
  const uint64_t open = std::min<uint64_t>(raft.log().last_index().value - raft.commit().value, 3);
  const uint64_t undurable = raft.log().durable() < raft.log().last_index() ? 1 : 0;
  const auto* candidate = std::get_if<Candidate>(&raft.role());
  const uint64_t asks = candidate != nullptr && candidate->pre_vote ? 1 : 0;
  uint64_t stand = 1 + raft.role().index();
  for (const auto& [value, values] : {std::pair{behind, 3U},
                                      {lacks, 4U},
                                      {open, 4U},
                                      {undurable, 2U},
                                      {asks, 2U},
                                      {host.is_frozen() ? 1U : 0U, 2U}})
    stand = stand * values + value;
  return stand;
}

// Which node is which does not matter.
void look(const std::vector<std::unique_ptr<Host>>& hosts) {
  Term newest;
  Index longest;
  for (const auto& host : hosts) {
    if (!host->is_up()) continue;
    newest = std::max(newest, host->node().raft().term());
    longest = std::max(longest, host->node().raft().log().last_index());
  }
  std::array<uint64_t, 16> stands{};
  size_t count = 0;
  for (const auto& host : hosts) {
    if (count < stands.size()) stands[count++] = stand_of(*host, newest, longest);
  }
  std::sort(stands.begin(), stands.begin() + static_cast<std::ptrdiff_t>(count));
  const std::string_view bytes(reinterpret_cast<const char*>(stands.data()), count * sizeof(uint64_t));
  stands_seen[hash64(bytes) % kStands] = 1;
}

Decisions decisions_of(const uint8_t* data, size_t size) {
  return decode_tape(std::string(reinterpret_cast<const char*>(data), size)).value_or(Decisions{});
}

// Edits that mean something to a tape. What chooses among few is as frequent on it as what chooses among
// many.
class Editor {
 public:
  Editor(Decisions decisions, uint64_t seed) : tape_(std::move(decisions)), random_(seed) {}

  Decisions edit() {
    // Mostly edits of what is worth it, now and then another world altogether.
    if (random_.below(kFreshEvery) == 0) return fresh();
    const uint64_t edits = 1 + random_.below(4);
    for (uint64_t i = 0; i < edits; ++i) edit_once();
    return std::move(tape_);
  }
  // Whole tracks of two tapes.
  Decisions cross(const Decisions& other) {
    for (const auto& [name, track] : other) {
      if (random_.below(2) == 0) tape_[name] = track;
    }
    return std::move(tape_);
  }

 private:
  Decisions fresh() { return {{"seed", {static_cast<uint32_t>(random_.next())}}}; }
  uint32_t value() {
    switch (random_.below(5)) {
      case 4:
        return static_cast<uint32_t>(random_.next());
      case 0:
        return static_cast<uint32_t>(random_.below(6));
      case 1:
        return static_cast<uint32_t>(random_.below(uint64_t{1} << random_.below(20)));
      default:
        return static_cast<uint32_t>(random_.below(1000));
    }
  }
  // The troubles and what the world is like are worth more than the rest together.
  std::vector<uint32_t>& any_track() {
    static constexpr std::array<const char*, 3> kTelling{"profile", "troubles", "network"};
    std::string name = kTelling[random_.below(kTelling.size())];
    if (random_.below(2) == 0)
      name = std::next(asked().begin(), static_cast<std::ptrdiff_t>(random_.below(asked().size())))->first;
    std::vector<uint32_t>& track = tape_[name];
    // What a seed says of a track is nothing that can be edited: another random one comes in its place.
    const bool was_the_seeds = track.empty() && tape_.contains("seed");
    track.resize(std::min(std::max<size_t>(std::max(track.size(), asked()[name]), 1), kTrackMax));
    if (was_the_seeds)
      std::generate(track.begin(), track.end(), [this] { return static_cast<uint32_t>(random_.next()); });
    return track;
  }
  void edit_once() {
    std::vector<uint32_t>& track = any_track();
    const size_t at = random_.below(track.size());
    const size_t length = std::min<size_t>(track.size() - at, size_t{1} << random_.below(8));
    const auto begin = track.begin() + static_cast<std::ptrdiff_t>(at);
    switch (random_.below(8)) {
      case 0:
        std::generate(track.begin(), track.end(), [this] { return value(); });
        break;
      case 1:
        std::generate_n(begin, length, [this] { return value(); });
        break;
      case 2:
        std::fill_n(begin, length, 0);
        break;
      case 3:  // what comes later comes sooner
        track.erase(begin, begin + static_cast<std::ptrdiff_t>(length));
        break;
      case 4:
        track.insert(begin, value());
        break;
      case 5:
        track[at] += random_.below(2) == 0 ? 1U : ~0U;
        break;
      default:
        track[at] = value();
    }
  }

  Decisions tape_;
  Random random_;
};

size_t put(const Decisions& decisions, uint8_t* data, size_t max_size) {
  std::string text = encode_tape(decisions);
  if (text.size() > max_size) text.resize(text.rfind('\n', max_size - 1) + 1);
  std::memcpy(data, text.data(), text.size());
  return text.size();
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
#ifdef PATRONUS_MUTANTS
  if (const char* name = std::getenv("PATRONUS_MUTANT")) {
    active_mutant = mutant_by_name(name);
    if (active_mutant == Mutant::kNone) {
      std::fprintf(stderr, "tape_fuzz: PATRONUS_MUTANT '%s' is unknown; patronus-sim --mutant ? lists them\n",
                   name);
      std::exit(2);
    }
  }
#endif
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return put(Editor(decisions_of(data, size), seed).edit(), data, max_size);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* one, size_t one_size, const uint8_t* other,
                                            size_t other_size, uint8_t* out, size_t max_size, unsigned seed) {
  return put(Editor(decisions_of(one, one_size), seed).cross(decisions_of(other, other_size)), out, max_size);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const sim::Outcome outcome = run_world(Tape::from_decisions(decisions_of(data, size)), false, look);
  if (!outcome.violation.empty()) {
    std::fprintf(stderr, "violation: %s\n%s\n", outcome.violation.c_str(), outcome.profile.c_str());
    std::abort();
  }
  for (const auto& [name, length] : outcome.asked) {
    if (name != "shape")
      asked()[name] = std::max(asked()[name], length);  // a long world is not worth its time
  }
  return 0;
}
