// Writes batches to the log on a thread of its own, one at a time: one write, one fdatasync. Between batches
// it prepares the next segment, and removes those that are needed no longer. A full disk is waited out; any
// other failure is terminal: fsync is never tried again.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "core/base/limits.h"
#include "core/base/time.h"
#include "core/wal/format.h"
#include "io/storage/file.h"
#include "io/storage/segments.h"

namespace patronus {

class LogWriter {
 public:
  struct Done {
    Duration took{};
    std::string error;  // empty on success
  };
  // Whether there is a next segment, or none for want of room on the disk.
  struct Room {
    bool full = false;
    std::string reason;  // when full
  };

  // `first_segment` is the first one there is. `notify` is called on the writer's thread when something is
  // there to be taken; it must not block. `retry`: how long to wait for room.
  LogWriter(std::string directory, Incarnation incarnation, wal::Position position, uint64_t first_segment,
            std::function<void()> notify, Duration retry = limits::kLogRoomRetry);
  // Finishes what is under way, unless that waits for room.
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // At most one write may be under way. One that needs a segment for which there is no room waits.
  void submit(wal::Write&& write);
  // Segments before this one are removed when there is nothing more urgent, in ascending order, and each for
  // good before the next: whenever power fails, those left are without a gap. What can't be removed stays,
  // and is tried again with the next call.
  void cut(uint64_t first_kept);
  // The result of the write under way, once there is one.
  [[nodiscard]] std::optional<Done> take_done();
  // When it has changed: the disk became full, while there is still most of a segment to write to, or there
  // is room again.
  [[nodiscard]] std::optional<Room> take_room();

 private:
  void run();
  // Nothing: stopped while it waited for room.
  [[nodiscard]] std::optional<Done> execute(const wal::Write& write);
  [[nodiscard]] std::optional<SegmentError> try_to_write(const wal::Write& write);
  // One piece of preparing the next segment; failing is no error until the segment is needed.
  void prepare();
  // Waits for a while, or until there is more room by this writer's own doing. False if it is to stop.
  [[nodiscard]] bool wait_for_room();
  void tell_room(bool full, std::string reason);
  // Removes the first segment. False if that failed.
  [[nodiscard]] bool remove_first();
  bool may_cut() const { return first_segment_ < first_kept_ && !cut_failed_; }

  const std::string directory_;
  const Incarnation incarnation_;
  const std::function<void()> notify_;
  const Duration retry_;

  std::mutex mutex_;
  std::condition_variable wakeup_;
  std::optional<wal::Write> submitted_;
  std::optional<Done> done_;
  std::optional<Room> room_news_;
  bool stopping_ = false;
  uint64_t first_kept_;
  bool cut_failed_ = false;

  // Of the thread alone.
  File segment_;
  uint64_t segment_number_;
  uint64_t first_segment_;
  PreparedSegment next_;
  bool prepare_failed_ = false;
  bool waits_for_room_ = false;  // the last piece found none
  bool told_full_ = false;

  std::thread thread_;  // last, so that everything is there when it starts
};

}  // namespace patronus
