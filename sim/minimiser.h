// Makes a failing run small enough to be understood: as few decisions other than 0 as will still make the
// same checker fire, and these as small as will do (delta debugging: Zeller and Hildebrandt, 2002).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sim/tape.h"
#include "sim/world.h"

namespace patronus::sim {

class Minimiser {
 public:
  // Called after each attempt.
  using Progress = std::function<void(uint64_t runs, size_t decisions)>;
  // `outcome` is of a run that failed. At most `runs_max` runs are made.
  Minimiser(const Outcome& outcome, uint64_t runs_max, Progress progress);

  // What is left.
  [[nodiscard]] Decisions run();
  uint64_t runs() const { return runs_; }

 private:
  struct Place {
    std::string track;
    size_t at = 0;
  };

  [[nodiscard]] bool still_fails();
  bool is_there(const Place& place) const;
  // Takes the change if the run still fails; else undoes it.
  bool attempt(const std::vector<Place>& places, uint32_t decision);
  std::vector<Place> places() const;
  bool empty_tracks();
  // In pieces of no less than that.
  bool drop_places(size_t smallest);
  bool cut_out(size_t smallest);
  bool cut_out(const std::string& track, size_t smallest);
  // Takes what is between out of the track, so that what comes later comes sooner, if fewer decisions are
  // left then.
  bool attempt_cut(const std::string& track, size_t begin, size_t end);
  bool lower_values();
  bool is_spent() const { return runs_ >= runs_max_; }

  std::string checker_;
  uint64_t runs_max_;
  Progress progress_;
  Decisions decisions_;
  uint64_t runs_ = 0;
};

}  // namespace patronus::sim
