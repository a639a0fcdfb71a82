// The last outcomes of probes of one target, and what they say: round-trip time, jitter, loss. Integers only,
// so that everybody who is told the same outcomes says the same.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/base/limits.h"

namespace patronus::sdwan {

class ProbeWindow {
 public:
  // The outcomes, in the order in which they become known. A time of 0 counts as 1 us, one beyond 71 minutes
  // as that.
  void answered(uint64_t rtt_us);
  void lost();
  // Answers that changed nothing: after the time for them was over, or once more.
  void late() { ++late_; }
  void duplicate() { ++duplicates_; }

  // Outcomes that are in it, at most kProbeWindow.
  size_t size() const { return size_; }
  bool is_full() const { return size_ == limits::kProbeWindow; }
  size_t answers() const { return answers_; }

  // RFC 6298, section 2: a new time counts for an eighth. 0: nothing in the window was answered.
  uint32_t smoothed_us() const { return answers_ == 0 ? 0 : static_cast<uint32_t>(smoothed_x8_ / 8); }
  // RFC 3550, section 6.4.1, with round-trip times in place of transit times: a difference between two
  // answers that follow each other counts for a sixteenth.
  uint32_t jitter_us() const { return answers_ == 0 ? 0 : static_cast<uint32_t>(jitter_x16_ / 16); }
  // Parts per million of the window that were lost; 0 of an empty one.
  uint32_t loss_ppm() const;
  // By nearest rank among the answers that are in the window; `percent` from 1 to 100. 0: there are none.
  uint32_t percentile_us(uint32_t percent) const;

  uint64_t late_answers() const { return late_; }
  uint64_t duplicate_answers() const { return duplicates_; }

 private:
  void put(uint32_t outcome);

  std::array<uint32_t, limits::kProbeWindow> outcomes_{};  // us; 0: lost
  size_t next_ = 0;
  size_t size_ = 0;
  size_t answers_ = 0;
  uint64_t smoothed_x8_ = 0;
  uint64_t jitter_x16_ = 0;
  uint32_t last_us_ = 0;  // 0: no answer yet that the next could differ from
  uint64_t late_ = 0;
  uint64_t duplicates_ = 0;
};

}  // namespace patronus::sdwan
