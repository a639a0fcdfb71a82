#include "io/storage/log_writer.h"

#include <fcntl.h>

#include <chrono>

#include "core/base/assert.h"
#include "io/storage/log_directory.h"

namespace patronus {

LogWriter::LogWriter(std::string directory, Incarnation incarnation, wal::Position position,
                     std::function<void()> notify)
    : directory_(std::move(directory)),
      incarnation_(incarnation),
      notify_(std::move(notify)),
      segment_number_(position.segment),
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

std::optional<LogWriter::Done> LogWriter::take_done() {
  const std::lock_guard lock(mutex_);
  return std::exchange(done_, std::nullopt);
}

void LogWriter::run() {
  while (true) {
    std::optional<wal::Write> write;
    {
      std::unique_lock lock(mutex_);
      const auto something = [this] { return submitted_.has_value() || stopping_; };
      // With a segment still to prepare the thread only looks whether there is something more urgent.
      if (next_.ready() || prepare_failed_) {
        wakeup_.wait(lock, something);
      } else if (!something()) {
        lock.unlock();
        prepare();
        continue;
      }
      if (!submitted_) return;
      write = std::move(submitted_);
      submitted_.reset();
    }
    const auto began = std::chrono::steady_clock::now();
    std::optional<std::string> error = execute(*write);
    Done done{std::chrono::steady_clock::now() - began, error.value_or("")};
    {
      const std::lock_guard lock(mutex_);
      done_ = std::move(done);
    }
    notify_();
    if (error) return;
  }
}

std::optional<std::string> LogWriter::execute(const wal::Write& write) {
  if (write.new_segment) {
    while (!next_.ready()) {
      if (auto error = next_.work()) return error;
    }
    if (auto error = next_.take(incarnation_, write.segment)) return error;
    segment_.close();
    segment_number_ = write.segment;
    prepare_failed_ = false;
  }
  PATRONUS_ASSERT(write.segment == segment_number_, "batches go to the segment in use");
  if (!segment_.is_open()) {
    std::variant<File, std::string> opened = File::open(segment_path(directory_, segment_number_), O_RDWR);
    if (auto* error = std::get_if<std::string>(&opened)) return *error;
    segment_ = std::move(std::get<File>(opened));
  }
  if (auto error = segment_.write_at(write.offset, write.bytes)) return error;
  return segment_.sync_data();
}

void LogWriter::prepare() { prepare_failed_ = next_.work().has_value(); }

}  // namespace patronus
