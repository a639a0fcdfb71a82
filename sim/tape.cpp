#include "sim/tape.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

#include "core/base/hash.h"

namespace patronus::sim {
namespace {

constexpr const char* kHead = "patronus-tape 2";
constexpr const char* kSeedTrack = "seed";
constexpr size_t kPlacesMax = 100'000'000;  // what a file may ask for

}  // namespace

uint32_t Track::choose(uint32_t bound) {
  if (bound <= 1) return 0;
  if (replays_) {
    const uint32_t decision = at_ < decisions_.size() ? decisions_[at_] : 0;
    ++at_;
    // So what is written at random is as random as what a seed gives, whatever it is asked for.
    return decision % bound;
  }
  const auto decision = static_cast<uint32_t>(random_.below(bound));
  decisions_.push_back(decision);
  return decision;
}

Duration Track::between(Duration low, Duration high) {
  const auto steps = static_cast<uint32_t>((high - low).count() / 1000);
  return low + Duration{int64_t{choose(steps + 1)} * 1000};
}

uint64_t Track::word() {
  const uint64_t high = choose(UINT32_MAX);
  return (high << 32) | choose(UINT32_MAX);
}

std::vector<uint32_t> Track::decisions() const {
  const size_t asked = replays_ ? std::min(at_, decisions_.size()) : decisions_.size();
  return {decisions_.begin(), decisions_.begin() + static_cast<std::ptrdiff_t>(asked)};
}

Tape Tape::from_seed(uint64_t seed, Decisions given) {
  Tape tape;
  tape.seed_ = seed;
  tape.given_ = std::move(given);
  return tape;
}

Tape Tape::from_decisions(Decisions decisions) {
  if (const auto seed = decisions.find(kSeedTrack); seed != decisions.end() && !seed->second.empty()) {
    const uint64_t of_others = seed->second.front();
    decisions.erase(seed);
    return from_seed(of_others, std::move(decisions));
  }
  Tape tape;
  tape.replays_ = true;
  tape.given_ = std::move(decisions);
  return tape;
}

Track& Tape::track(const std::string& name) {
  const auto at = tracks_.find(name);
  if (at != tracks_.end()) return *at->second;
  if (replays_ || given_.contains(name)) return given(name);
  auto made = std::make_unique<Track>(hash64(name, seed_ * 0x9E3779B97F4A7C15ULL + 1));
  return *tracks_.emplace(name, std::move(made)).first->second;
}

Track& Tape::given(const std::string& name) {
  const auto at = tracks_.find(name);
  if (at != tracks_.end()) return *at->second;
  const auto given = given_.find(name);
  auto made = std::make_unique<Track>(given == given_.end() ? std::vector<uint32_t>() : given->second);
  return *tracks_.emplace(name, std::move(made)).first->second;
}

Decisions Tape::decisions() const {
  Decisions all;
  for (const auto& [name, track] : tracks_) all.emplace(name, track->decisions());
  return all;
}

std::map<std::string, size_t> Tape::asked() const {
  std::map<std::string, size_t> all;
  for (const auto& [name, track] : tracks_) all.emplace(name, track->asked());
  return all;
}

size_t count(const Decisions& decisions) {
  size_t others = 0;
  for (const auto& [name, track] : decisions)
    others +=
        static_cast<size_t>(std::count_if(track.begin(), track.end(), [](uint32_t one) { return one != 0; }));
  return others;
}

std::string encode_tape(const Decisions& decisions) {
  std::string text = kHead;
  text += '\n';
  for (const auto& [name, track] : decisions) {
    for (size_t place = 0; place < track.size(); ++place) {
      if (track[place] == 0) continue;
      text += name;
      text += ' ';
      text += std::to_string(place);
      text += ' ';
      text += std::to_string(track[place]);
      text += '\n';
    }
  }
  return text;
}

std::optional<Decisions> decode_tape(const std::string& text) {
  std::istringstream in(text);
  std::string head;
  if (!std::getline(in, head) || head != kHead) return std::nullopt;
  Decisions decisions;
  std::string name;
  size_t place = 0;
  uint32_t decision = 0;
  while (in >> name) {
    if (!(in >> place >> decision) || place > kPlacesMax) return std::nullopt;
    std::vector<uint32_t>& track = decisions[name];
    if (track.size() <= place) track.resize(place + 1);
    track[place] = decision;
  }
  if (!in.eof()) return std::nullopt;
  return decisions;
}

bool save_tape(const std::string& path, const Decisions& decisions) {
  std::ofstream out(path);
  out << encode_tape(decisions);
  return static_cast<bool>(out.flush());
}

std::optional<Decisions> load_tape(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return decode_tape({std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()});
}

}  // namespace patronus::sim
