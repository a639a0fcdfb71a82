#include "io/storage/database_writer.h"

#include <algorithm>
#include <utility>

#include "core/base/limits.h"

namespace patronus {

DatabaseWriter::DatabaseWriter(Options options, DatabaseLock&& lock, std::function<void()> notify)
    : options_(std::move(options)),
      lock_(std::move(lock)),
      notify_(std::move(notify)),
      thread_([this] { run(); }) {}

DatabaseWriter::~DatabaseWriter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wakeup_.notify_one();
  thread_.join();
}

void DatabaseWriter::submit(Project&& piece) {
  {
    // One that is still there is for an opening that is over: the core has heard of that.
    const std::lock_guard lock(mutex_);
    submitted_ = std::move(piece);
  }
  wakeup_.notify_one();
}

std::optional<DatabaseWriter::Answer> DatabaseWriter::take_answer() {
  const std::lock_guard lock(mutex_);
  if (answers_.empty()) return std::nullopt;
  Answer first = std::move(answers_.front());
  answers_.pop_front();
  return first;
}

DatabaseFigures DatabaseWriter::figures() const {
  const std::lock_guard lock(mutex_);
  return figures_;
}

void DatabaseWriter::answer(Answer&& one) {
  {
    const std::lock_guard lock(mutex_);
    const auto is_sound = [](const Answer& a) {
      const auto* report = std::get_if<DatabaseReport>(&a);
      return report != nullptr && report->state == DatabaseState::kSound;
    };
    if (!answers_.empty() && is_sound(answers_.back()) && is_sound(one)) return;
    answers_.push_back(std::move(one));
  }
  notify_();
}

void DatabaseWriter::run() {
  while (true) {
    if (!database_ && Clock::now() >= retry_at_) open();
    std::unique_lock lock(mutex_);
    wakeup_.wait_until(lock, database_ ? next_check_ : retry_at_, [this] { return submitted_ || stopping_; });
    if (stopping_) return;
    std::optional<Project> piece = std::exchange(submitted_, std::nullopt);
    lock.unlock();
    if (piece && database_ && piece->opening == opening_) take(std::move(*piece));
    if (database_ && Clock::now() >= next_check_) check();
  }
}

void DatabaseWriter::open() {
  std::variant<Database, DatabaseError> opened = Database::open(options_.path);
  if (auto* failed = std::get_if<DatabaseError>(&opened)) {
    // What was there when this node began was no other program's, so this has been put there since.
    if (failed->fault == DatabaseFault::kForeign) failed->fault = DatabaseFault::kDamaged;
    return give_up(std::move(*failed));
  }
  database_.emplace(std::move(std::get<Database>(opened)));
  if (auto failed = database_->check_all(stopping_)) {
    if (failed->fault != DatabaseFault::kStopped) give_up(std::move(*failed));
    return;
  }
  next_check_ = Clock::now() + limits::kDatabaseCheckPeriod;
  next_whole_check_ = Clock::now() + options_.check_interval;
  answer(DatabaseReport{DatabaseState::kOpened, ++opening_, ""});
}

void DatabaseWriter::take(Project&& piece) {
  if (auto failed = write(piece)) return give_up(std::move(*failed));
  if (piece.end) {
    const std::lock_guard lock(mutex_);
    ++figures_.transactions;
    figures_.bytes = database_->bytes();
  }
  answer(Projected{piece.opening});
}

std::optional<DatabaseError> DatabaseWriter::write(const Project& piece) {
  if (piece.begins) {
    if (auto failed = database_->begin(piece.all)) return failed;
  }
  if (auto failed = database_->put(piece.rows)) return failed;
  if (!piece.end) return std::nullopt;
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  return database_->commit(*piece.end, options_.node_id,
                           std::chrono::duration_cast<std::chrono::milliseconds>(wall).count());
}

void DatabaseWriter::check() {
  std::optional<DatabaseError> failed = database_->check();
  const bool is_suspected = !failed && database_->is_suspected();
  if (!failed && !is_suspected && Clock::now() >= next_whole_check_) {
    failed = database_->check_all(stopping_);
    next_whole_check_ = Clock::now() + options_.check_interval;
  }
  next_check_ =
      Clock::now() + (is_suspected ? limits::kDatabaseSuspicionPause : limits::kDatabaseCheckPeriod);
  if (!failed) {
    if (!is_suspected) answer(DatabaseReport{DatabaseState::kSound, opening_, ""});
  } else if (failed->fault == DatabaseFault::kDamaged) {
    give_up(std::move(*failed));
  }
  // A check that could not be made says nothing of the database: it is made again.
}

void DatabaseWriter::give_up(DatabaseError&& error) {
  // First of all nobody is sent here any more.
  const DatabaseState state =
      error.fault == DatabaseFault::kLags ? DatabaseState::kLags : DatabaseState::kDamaged;
  database_.reset();
  retry_at_ = Clock::now() + options_.retry;
  answer(DatabaseReport{state, opening_, error.text});
  if (error.fault != DatabaseFault::kDamaged) return;
  const DatabaseAside aside = set_database_aside(options_.path);
  if (!aside.failure.empty())
    return answer(DatabaseReport{state, opening_, error.text + "; " + aside.failure});
  {
    const std::lock_guard lock(mutex_);
    ++figures_.rebuilt;
  }
  answer(SetAside{error.text + "; " +
                  (aside.name.empty() ? "nothing was left of it" : "set aside as " + aside.name) +
                  ", and made again from the state"});
  const Clock::time_point now = Clock::now();
  const bool is_soon =
      last_aside_ != Clock::time_point{} && now - last_aside_ < limits::kDatabasePauseMin + pause_;
  pause_ = is_soon ? std::clamp<Duration>(2 * pause_, limits::kDatabasePauseMin, limits::kDatabasePauseMax)
                   : Duration{};
  last_aside_ = now;
  retry_at_ = now + pause_;
}

}  // namespace patronus
