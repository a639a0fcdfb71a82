#include "sim/minimiser.h"

#include <algorithm>
#include <utility>

namespace patronus::sim {

Minimiser::Minimiser(const Outcome& outcome, uint64_t runs_max, Progress progress)
    : checker_(outcome.checker),
      runs_max_(runs_max),
      progress_(std::move(progress)),
      decisions_(outcome.decisions) {}

// What such a run did not ask for any more is let go.
bool Minimiser::still_fails() {
  ++runs_;
  Outcome outcome = run_world(Tape::from_decisions(decisions_), false);
  if (outcome.violation.empty() || outcome.checker != checker_) return false;
  decisions_ = std::move(outcome.decisions);
  return true;
}

bool Minimiser::is_there(const Place& place) const {
  const auto track = decisions_.find(place.track);
  return track != decisions_.end() && place.at < track->second.size() && track->second[place.at] != 0;
}

std::vector<Minimiser::Place> Minimiser::places() const {
  std::vector<Place> all;
  for (const auto& [name, track] : decisions_) {
    for (size_t at = 0; at < track.size(); ++at) {
      if (track[at] != 0) all.push_back({name, at});
    }
  }
  return all;
}

bool Minimiser::attempt(const std::vector<Place>& places, uint32_t decision) {
  std::vector<uint32_t> before;
  before.reserve(places.size());
  for (const Place& place : places) {
    uint32_t& there = decisions_.at(place.track).at(place.at);
    before.push_back(there);
    there = decision;
  }
  const bool fails = still_fails();
  if (!fails) {
    for (size_t i = 0; i < places.size(); ++i) decisions_[places[i].track][places[i].at] = before[i];
  }
  progress_(runs_, count(decisions_));
  return fails;
}

// Most tracks have nothing to do with it.
bool Minimiser::empty_tracks() {
  bool any = false;
  std::vector<std::string> names;
  for (const auto& [name, track] : decisions_) names.push_back(name);
  for (const std::string& name : names) {
    std::vector<Place> of_track;
    for (Place& place : places()) {
      if (place.track == name) of_track.push_back(std::move(place));
    }
    if (!of_track.empty() && !is_spent()) any = attempt(of_track, 0) || any;
  }
  return any;
}

// In ever smaller pieces, the last ones first: what comes late is often only what went on meanwhile.
bool Minimiser::drop_places(size_t smallest) {
  bool any = false;
  std::vector<Place> left = places();
  for (size_t piece = std::max<size_t>(left.size() / 2, 1);; piece = piece / 2) {
    for (size_t end = left.size(); end > 0 && !is_spent();) {
      const size_t begin = end > piece ? end - piece : 0;
      const std::vector<Place> chosen(left.begin() + static_cast<std::ptrdiff_t>(begin),
                                      left.begin() + static_cast<std::ptrdiff_t>(end));
      end = begin;
      if (!attempt(chosen, 0)) continue;
      any = true;
      std::erase_if(left, [this](const Place& place) { return !is_there(place); });
      end = std::min(end, left.size());
    }
    if (piece <= smallest || is_spent()) return any;
  }
}

bool Minimiser::attempt_cut(const std::string& track, size_t begin, size_t end) {
  const Decisions before = decisions_;
  std::vector<uint32_t>& cut = decisions_.at(track);
  const auto at = [&](size_t place) { return cut.begin() + static_cast<std::ptrdiff_t>(place); };
  if (std::all_of(at(begin), at(end), [](uint32_t decision) { return decision == 0; })) return false;
  cut.erase(at(begin), at(end));
  const bool fewer = still_fails() && count(decisions_) < count(before);
  if (!fewer) decisions_ = before;
  progress_(runs_, count(decisions_));
  return fewer;
}

bool Minimiser::cut_out(const std::string& track, size_t smallest) {
  bool any = false;
  const auto size = [&] {
    const auto there = decisions_.find(track);
    return there == decisions_.end() ? size_t{0} : there->second.size();
  };
  for (size_t piece = std::max<size_t>(size() / 2, 1);; piece = piece / 2) {
    for (size_t end = size(); end > 0 && !is_spent();) {
      const size_t begin = end > piece ? end - piece : 0;
      any = attempt_cut(track, begin, end) || any;
      end = std::min(begin, size());
    }
    if (piece <= smallest || is_spent()) return any;
  }
}

// What an operation draws is several decisions one after the other: without the first, the others mean
// something else.
bool Minimiser::cut_out(size_t smallest) {
  bool any = false;
  std::vector<std::string> names;
  for (const auto& [name, track] : decisions_) names.push_back(name);
  for (const std::string& name : names) any = cut_out(name, smallest) || any;
  return any;
}

bool Minimiser::lower_values() {
  bool any = false;
  for (const Place& place : places()) {
    for (uint32_t value = 1;
         is_there(place) && value < decisions_.at(place.track).at(place.at) && !is_spent();) {
      if (attempt({place}, value)) {
        any = true;
        break;
      }
      // Between what is too little and what is enough, by halves.
      const uint32_t enough = decisions_.at(place.track).at(place.at);
      const uint32_t next = value + (enough - value) / 2;
      if (next == value) break;
      value = next;
    }
  }
  return any;
}

Decisions Minimiser::run() {
  // Large pieces first, of either kind: small ones of what goes with a large one anyway would be tried in
  // vain.
  for (size_t smallest = 64; !is_spent();) {
    bool fewer = empty_tracks();
    fewer = drop_places(smallest) || fewer;
    fewer = cut_out(smallest) || fewer;
    // Lower values bring other worlds about, in which more may be spared.
    if (smallest == 1 && !fewer && !lower_values()) break;
    smallest = std::max<size_t>(smallest / 4, 1);
  }
  for (auto at = decisions_.begin(); at != decisions_.end();) {
    std::vector<uint32_t>& track = at->second;
    while (!track.empty() && track.back() == 0) track.pop_back();
    at = track.empty() ? decisions_.erase(at) : std::next(at);
  }
  return decisions_;
}

}  // namespace patronus::sim
