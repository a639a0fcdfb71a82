#include "io/storage/log_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "core/base/assert.h"
#include "io/storage/log_directory.h"

namespace patronus {

LogWriter::LogWriter(std::string directory, Incarnation incarnation, wal::Position position,
                     uint64_t first_segment, std::function<void()> notify, Duration retry)
    : directory_(std::move(directory)),
      incarnation_(incarnation),
      notify_(std::move(notify)),
      retry_(retry),
      first_kept_(first_segment),
      segment_number_(position.segment),
      first_segment_(first_segment),
      next_(directory_),
      thread_([this] { run(); }) {}

LogWriter::~LogWriter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wakeup_.notify_one();
  thread_.join();
}

void LogWriter::submit(wal::Write&& write) {
  {
    const std::lock_guard lock(mutex_);
    PATRONUS_ASSERT(!submitted_ && !done_, "one write at a time");
    submitted_ = std::move(write);
  }
  wakeup_.notify_one();
}

void LogWriter::cut(uint64_t first_kept) {
  {
    const std::lock_guard lock(mutex_);
    first_kept_ = std::max(first_kept_, first_kept);
    cut_failed_ = false;
  }
  wakeup_.notify_one();
}

std::optional<LogWriter::Done> LogWriter::take_done() {
  const std::lock_guard lock(mutex_);
  return std::exchange(done_, std::nullopt);
}

std::optional<LogWriter::Room> LogWriter::take_room() {
  const std::lock_guard lock(mutex_);
  return std::exchange(room_news_, std::nullopt);
}

void LogWriter::run() {
  while (true) {
    std::optional<wal::Write> write;
    {
      std::unique_lock lock(mutex_);
      const auto something = [this] { return submitted_.has_value() || stopping_; };
      const auto something_to_do = [&] { return something() || may_cut(); };
      if (next_.ready() || prepare_failed_) {
        wakeup_.wait(lock, something_to_do);
      } else if (waits_for_room_) {
        wakeup_.wait_for(lock, retry_, something_to_do);
      }
      // With something less urgent to do the thread does a piece of it and looks again.
      if (!something()) {
        const bool cuts = may_cut();
        lock.unlock();
        const bool failed = cuts && !remove_first();
        if (!cuts) prepare();
        lock.lock();
        cut_failed_ = cut_failed_ || failed;
        continue;
      }
      if (!submitted_) return;
      write = std::move(submitted_);
      submitted_.reset();
    }
    std::optional<Done> done = execute(*write);
    if (!done) return;
    const bool failed = !done->error.empty();
    {
      const std::lock_guard lock(mutex_);
      done_ = std::move(done);
    }
    notify_();
    if (failed) return;
  }
}

std::optional<LogWriter::Done> LogWriter::execute(const wal::Write& write) {
  while (true) {
    const auto began = std::chrono::steady_clock::now();
    std::optional<SegmentError> error = try_to_write(write);
    if (!error || !error->no_room) {
      const Duration took = std::chrono::steady_clock::now() - began;
      // Where nothing is written in place there may have been no room although the next segment is there.
      if (!error && next_.ready()) tell_room(false, "");
      return Done{took, error ? std::move(error->text) : ""};
    }
    tell_room(true, std::move(error->text));
    if (!wait_for_room()) return std::nullopt;
  }
}

std::optional<SegmentError> LogWriter::try_to_write(const wal::Write& write) {
  if (write.new_segment && segment_number_ != write.segment) {
    while (!next_.ready()) {
      if (auto error = next_.work()) return error;
    }
    if (auto error = next_.take(incarnation_, *write.new_segment)) return error;
    segment_.close();
    segment_number_ = write.segment;
    prepare_failed_ = false;
    waits_for_room_ = false;
  }
  PATRONUS_ASSERT(write.segment == segment_number_, "batches go to the segment in use");
  if (!segment_.is_open()) {
    std::variant<File, std::string> opened = File::open(segment_path(directory_, segment_number_), O_RDWR);
    if (auto* error = std::get_if<std::string>(&opened)) return SegmentError{std::move(*error), false};
    segment_ = std::move(std::get<File>(opened));
  }
  // Where the filesystem writes nothing in place, even this may lack room; nothing was synced yet, so that it
  // can be done again.
  if (auto error = segment_.write_at(write.offset, write.bytes)) {
    const bool no_room = is_want_of_room();
    return SegmentError{std::move(*error), no_room};
  }
  if (auto error = segment_.sync_data()) return SegmentError{std::move(*error), false};
  return std::nullopt;
}

bool LogWriter::wait_for_room() {
  std::unique_lock lock(mutex_);
  wakeup_.wait_for(lock, retry_, [this] { return stopping_ || may_cut(); });
  if (stopping_) return false;
  while (may_cut()) {
    lock.unlock();
    const bool failed = !remove_first();
    lock.lock();
    cut_failed_ = cut_failed_ || failed;
  }
  return true;
}

bool LogWriter::remove_first() {
  const std::string path = segment_path(directory_, first_segment_);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return false;
  if (sync_directory(directory_)) return false;
  ++first_segment_;
  waits_for_room_ = false;
  return true;
}

void LogWriter::prepare() {
  std::optional<SegmentError> error = next_.work(limits::kLogSpareBytes);
  waits_for_room_ = error && error->no_room;
  prepare_failed_ = error && !error->no_room;
  if (waits_for_room_) tell_room(true, std::move(error->text));
  if (next_.ready()) tell_room(false, "");
}

void LogWriter::tell_room(bool full, std::string reason) {
  if (std::exchange(told_full_, full) == full) return;
  {
    const std::lock_guard lock(mutex_);
    room_news_ = Room{full, std::move(reason)};
  }
  notify_();
}

}  // namespace patronus
