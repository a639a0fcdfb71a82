// A snapshot on its way into the running cluster, as the node that was asked for it drives it: pieces of keys
// from a source go into the log, a few at a time, then one entry makes the keys what was staged. What is
// refused for now is tried again; what can't be done is said, and what was staged is dropped. If this node
// dies the leader sees to that.
//
// Whoever has it asks next_write() and wants_piece() after each of the other calls, and at deadline().
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "core/base/time.h"
#include "core/state/command.h"
#include "core/state/restore_ops.h"

namespace patronus {

class RestoreRun {
 public:
  enum class Stage : uint8_t { kBeginning, kStaging, kFinishing, kDiscarding, kDone, kFailed };
  struct Failure {
    Outcome outcome = Outcome::kRefused;  // of the write that failed; kMaybeApplied: it is not known
    std::string reason;
  };
  struct Write {
    uint64_t ticket = 0;
    RestoreOp op;
    bool for_user = false;  // to be judged by the authority of whoever asked for the restore
  };

  // `begin` and `finish` are of the same id.
  RestoreRun(BeginRestoreOp begin, FinishRestoreOp finish, Instant now);

  // A piece is to be read; one at a time, answered by piece() or source_failed().
  [[nodiscard]] bool wants_piece() const;
  void asked_for_piece() { asked_ = true; }
  // It was not taken; it will be asked for again.
  void forget_question() { asked_ = false; }
  // The next piece; without rows if there was none left.
  void piece(Blob rows, uint64_t count, bool is_last, Instant now);
  void source_failed(const std::string& reason, Instant now);

  // What is to be written next, or nothing. Answered by answered().
  [[nodiscard]] std::optional<Write> next_write(Instant now);
  void answered(uint64_t ticket, const WriteResult& result, Instant now);

  Instant deadline() const;

  Stage stage() const { return stage_; }
  bool is_over() const { return stage_ == Stage::kDone || stage_ == Stage::kFailed; }
  const std::string& id() const { return begin_.id; }
  const BeginRestoreOp& begun() const { return begin_; }
  uint64_t rows_staged() const { return rows_staged_; }
  const std::optional<Failure>& failure() const { return failure_; }

 private:
  struct Pending {
    RestoreOp op;
    uint64_t rows = 0;
    uint64_t ticket = 0;  // under which it is under way
    Instant not_before{};
    bool done = false;
  };

  void put(RestoreOp op, uint64_t rows = 0) { window_.push_back({std::move(op), rows, 0, {}, false}); }
  void move_on(Instant now);
  void retry(Pending& pending, Instant now);
  void fail(Outcome outcome, std::string reason, Instant now);
  void discard(Instant now);
  void discarded(const WriteResult& result, Instant now);
  void give_up_if_stuck(Instant now);

  BeginRestoreOp begin_;
  FinishRestoreOp finish_;
  Stage stage_ = Stage::kBeginning;
  std::deque<Pending> window_;
  uint64_t next_ticket_ = 1;
  uint64_t next_sequence_ = 1;
  uint64_t rows_staged_ = 0;
  bool asked_ = false;
  bool at_end_ = false;  // of the source
  bool has_begun_ = false;
  Duration pause_;
  Instant last_step_;
  std::optional<Failure> failure_;
};

}  // namespace patronus
