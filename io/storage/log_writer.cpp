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
                     uint64_t first_segment, std::function<void()> notify)
    : directory_(std::move(directory)),
      incarnation_(incarnation),
      notify_(std::move(notify)),
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

void LogWriter::run() {
  while (true) {
    std::optional<wal::Write> write;
    {
      std::unique_lock lock(mutex_);
      const auto something = [this] { return submitted_.has_value() || stopping_; };
      const auto may_cut = [this] { return first_segment_ < first_kept_ && !cut_failed_; };
      const bool prepared = next_.ready() || prepare_failed_;
      if (prepared) wakeup_.wait(lock, [&] { return something() || may_cut(); });
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
    if (auto error = next_.take(incarnation_, *write.new_segment)) return error;
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

bool LogWriter::remove_first() {
  const std::string path = segment_path(directory_, first_segment_);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return false;
  if (sync_directory(directory_)) return false;
  ++first_segment_;
  return true;
}

void LogWriter::prepare() { prepare_failed_ = next_.work().has_value(); }

}  // namespace patronus
