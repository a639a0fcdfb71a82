// What the engine counts, for metrics.
#pragma once

#include <cstddef>
#include <cstdint>

namespace patronus::sdwan {

struct Figures {
  // Since the process began.
  uint64_t sent = 0;
  uint64_t answers = 0;   // in time
  uint64_t lost = 0;      // not answered in time, or by nobody
  uint64_t late = 0;      // answers after that
  uint64_t forged = 0;    // not made with the key they should be, or no answers at all
  uint64_t replayed = 0;  // authentic, but answered already, or too long ago to tell
  uint64_t malformed = 0;
  uint64_t unsent = 0;    // the system had no room for them
  uint64_t verdicts = 0;  // that this node has proposed as leader
  // As of now, as this node sees it.
  size_t endpoints = 0;
  size_t endpoints_reachable = 0;
  size_t paths = 0;
  size_t paths_up = 0;
  size_t paths_degraded = 0;
  size_t paths_down = 0;
  bool is_cut_off = false;
  double interval_seconds = 0;  // at which each is probed; 0: none is

  friend bool operator==(const Figures&, const Figures&) = default;
};

}  // namespace patronus::sdwan
