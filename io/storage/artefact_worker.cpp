#include "io/storage/artefact_worker.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "core/base/limits.h"
#include "io/storage/snapshot_files.h"

namespace patronus {
namespace {

// What gathers in the kernel would hold up the log's own syncs, and the end.

}  // namespace

ArtefactWorker::ArtefactWorker(ArtefactPaths paths, std::function<void()> notify)
    : paths_(std::move(paths)), notify_(std::move(notify)), thread_([this] { run(); }) {}

ArtefactWorker::~ArtefactWorker() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wakeup_.notify_one();
  thread_.join();
}

void ArtefactWorker::submit(Job&& job, bool may_drop) {
  {
    const std::lock_guard lock(mutex_);
    if (may_drop && queue_.size() + done_.size() >= limits::kArtefactJobsMax) return;
    queue_.push_back(std::move(job));
  }
  wakeup_.notify_one();
}

void ArtefactWorker::made(const Artefact& artefact) { submit(Made{artefact}, false); }
void ArtefactWorker::read(SendPart&& wanted) { submit(std::move(wanted), true); }
void ArtefactWorker::keep(ArtefactPart&& part) { submit(std::move(part), false); }
void ArtefactWorker::arrive(const Artefact& artefact) { submit(Arrive{artefact}, false); }

bool ArtefactWorker::query(std::string directory, SnapshotQuery&& query) {
  {
    const std::lock_guard lock(mutex_);
    if (queries_ >= limits::kSnapshotQueriesMax) return false;
    ++queries_;
    queue_.push_back(Query{std::move(directory), std::move(query)});
  }
  wakeup_.notify_one();
  return true;
}

std::optional<ArtefactWorker::Done> ArtefactWorker::take_done() {
  const std::lock_guard lock(mutex_);
  if (done_.empty()) return std::nullopt;
  Done done = std::move(done_.front());
  done_.pop_front();
  if (std::holds_alternative<SnapshotAnswer>(done)) --queries_;
  return done;
}

void ArtefactWorker::run() {
  while (true) {
    std::unique_lock lock(mutex_);
    wakeup_.wait(lock, [this] { return !queue_.empty() || stopping_; });
    if (stopping_) return;
    const Job job = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    std::optional<Done> done = std::visit([this](const auto& concrete) { return execute(concrete); }, job);
    if (!done) continue;
    lock.lock();
    done_.push_back(std::move(*done));
    lock.unlock();
    notify_();
  }
}

std::optional<ArtefactWorker::Done> ArtefactWorker::execute(const Made& made) {
  // The one that is open may have been replaced under its name; whoever fetches it gets it no longer.
  made_.reset();
  std::variant<File, std::string> opened = File::open(paths_.made, O_RDONLY);
  if (auto* file = std::get_if<File>(&opened)) {
    made_file_ = std::move(*file);
    made_ = made.artefact;
  }
  return std::nullopt;
}

std::optional<ArtefactWorker::Done> ArtefactWorker::execute(const SendPart& wanted) {
  Read read{wanted, {}};
  if (made_ != wanted.artefact) return read;
  read.bytes.resize(std::min<uint64_t>(limits::kArtefactPartBytes, wanted.artefact.bytes - wanted.offset));
  size_t got = 0;
  while (got < read.bytes.size()) {
    const ssize_t n = ::pread(made_file_.fd(), read.bytes.data() + got, read.bytes.size() - got,
                              static_cast<off_t>(wanted.offset + got));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      read.bytes.clear();
      break;
    }
    got += static_cast<size_t>(n);
  }
  return read;
}

std::optional<ArtefactWorker::Done> ArtefactWorker::execute(const ArtefactPart& part) {
  return PartKept{part.offset, keep_now(part).value_or("")};
}

std::optional<std::string> ArtefactWorker::keep_now(const ArtefactPart& part) {
  if (incoming_ != part.artefact) {
    std::variant<File, std::string> opened = File::open(paths_.incoming, O_RDWR | O_CREAT | O_TRUNC);
    if (auto* error = std::get_if<std::string>(&opened)) return std::move(*error);
    incoming_file_ = std::move(std::get<File>(opened));
    incoming_ = part.artefact;
  }
  std::optional<std::string> failed = incoming_file_.write_at(part.offset, part.bytes.view());
  unsynced_ += part.bytes.size();
  if (!failed && unsynced_ >= limits::kWrittenBetweenSyncs) {
    failed = incoming_file_.sync_data();
    unsynced_ = 0;
  }
  // What is there may have to make room for something better.
  if (failed) {
    incoming_.reset();
    incoming_file_.close();
    (void)::unlink(paths_.incoming.c_str());
  }
  return failed;
}

std::optional<ArtefactWorker::Done> ArtefactWorker::execute(const Query& query) {
  const SnapshotTask task = query.query.task;
  if (task == SnapshotTask::kList || task == SnapshotTask::kPart)
    return answer_query(query.directory, query.query);
  SnapshotAnswer answer;
  answer.ticket = query.query.ticket;
  if (task == SnapshotTask::kKeep) {
    intake_.take(query.directory, query.query, answer);
  } else {
    read_on(query, answer);
  }
  return answer;
}

void ArtefactWorker::read_on(const Query& query, SnapshotAnswer& answer) {
  const SnapshotQuery& wanted = query.query;
  if (wanted.from_start) {
    const std::optional<SnapshotInfo> info = find_snapshot(query.directory, wanted.id);
    if (!info) return;
    std::variant<File, std::string> opened = File::open(snapshot_path(query.directory, wanted.id), O_RDONLY);
    if (auto* failed = std::get_if<std::string>(&opened)) {
      answer.failure = std::move(*failed);
      return;
    }
    reading_file_ = std::move(std::get<File>(opened));
  }
  // One that is removed meanwhile is read to its end all the same.
  answer.found = {{wanted.id, index_in_snapshot_id(wanted.id).value_or(Index{}), 0, {}}};
  const auto read = [this](uint64_t offset,
                           size_t bytes_max) -> std::variant<std::string, SnapshotReading::Failed> {
    std::string bytes(bytes_max, '\0');
    while (true) {
      const ssize_t n = ::pread(reading_file_.fd(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return SnapshotReading::Failed{error_text("read", reading_file_.path())};
      bytes.resize(static_cast<size_t>(n));
      return bytes;
    }
  };
  reading_.answer(wanted, read, answer);
  if (answer.at_end || !answer.failure.empty() || !answer.damage.empty()) reading_file_.close();
}

std::optional<ArtefactWorker::Done> ArtefactWorker::execute(const Arrive& arrive) {
  return Arrived{arrive_now(arrive.artefact).value_or("")};
}

std::optional<std::string> ArtefactWorker::arrive_now(const Artefact& artefact) {
  if (incoming_ != artefact) return "the state that was fetched is gone";
  if (auto failed = incoming_file_.sync_data()) return failed;
  if (std::rename(paths_.incoming.c_str(), paths_.arrived.c_str()) != 0)
    return error_text("create", paths_.arrived);
  const size_t slash = paths_.arrived.rfind('/');
  return sync_directory(paths_.arrived.substr(0, slash));
}

}  // namespace patronus
