// Writes batches to the log on a thread of its own, one at a time: one write, one fdatasync. Between batches
// it prepares the next segment, and removes those that are needed no longer. A failure is terminal: fsync is
// never tried again.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

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

  // `first_segment` is the first one there is. `notify` is called on the writer's thread when a result is
  // there to be taken; it must not block.
  LogWriter(std::string directory, Incarnation incarnation, wal::Position position, uint64_t first_segment,
            std::function<void()> notify);
  // Finishes what is under way.
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // At most one write may be under way.
  void submit(wal::Write&& write);
  // Segments before this one are removed when there is nothing more urgent, in ascending order, and each for
  // good before the next: whenever power fails, those left are without a gap. What can't be removed stays,
  // and is tried again with the next call.
  void cut(uint64_t first_kept);
  // The result of the write under way, once there is one.
  [[nodiscard]] std::optional<Done> take_done();

 private:
  void run();
  [[nodiscard]] std::optional<std::string> execute(const wal::Write& write);
  // One piece of preparing the next segment; failing is no error until the segment is needed.
  void prepare();
  // Removes the first segment. False if that failed.
  [[nodiscard]] bool remove_first();

  const std::string directory_;
  const Incarnation incarnation_;
  const std::function<void()> notify_;

  std::mutex mutex_;
  std::condition_variable wakeup_;
  std::optional<wal::Write> submitted_;
  std::optional<Done> done_;
  bool stopping_ = false;
  uint64_t first_kept_;
  bool cut_failed_ = false;

  // Of the thread alone.
  File segment_;
  uint64_t segment_number_;
  uint64_t first_segment_;
  PreparedSegment next_;
  bool prepare_failed_ = false;

  std::thread thread_;  // last, so that everything is there when it starts
};

}  // namespace patronus
