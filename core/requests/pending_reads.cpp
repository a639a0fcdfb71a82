#include "core/requests/pending_reads.h"

#include <algorithm>

#include "core/base/assert.h"
#include "core/base/limits.h"
#include "core/base/mutant.h"

namespace patronus {

bool PendingReads::has_room() const { return reads_.size() < limits::kReadsInFlightMax; }

void PendingReads::add(ClientRead read) {
  PATRONUS_ASSERT(has_room(), "the caller asks for room first");
  const uint64_t id = next_id_++;
  deadlines_.emplace(read.deadline, id);
  const bool linearizable = read.consistency == Consistency::kLinearizable;
  reads_.emplace_hint(reads_.end(), id, Waiting{std::move(read), std::nullopt});
  if (linearizable) {
    unasked_.push_back(id);
  } else {
    set_index(id, Index{});
  }
}

uint64_t PendingReads::ask(Instant now) {
  PATRONUS_ASSERT(wants_index(), "a question is asked for someone");
  in_question_ = std::move(unasked_);
  unasked_.clear();
  asked_ = true;
  asked_at_ = now;
  return ++ticket_;
}

void PendingReads::unask() {
  if (!asked_) return;
  asked_ = false;
  unasked_.insert(unasked_.begin(), in_question_.begin(), in_question_.end());
  in_question_.clear();
}

void PendingReads::answered(uint64_t ticket, Index index) {
  if (!asked_ || ticket != ticket_) return;
  asked_ = false;
  for (const uint64_t id : in_question_) set_index(id, index);
  in_question_.clear();
}

void PendingReads::set_index(uint64_t id, Index index) {
  const auto at = reads_.find(id);
  if (at == reads_.end()) return;  // its deadline passed meanwhile
  at->second.needs = std::max(MUTANT(kReadBehindIndex) ? Index{} : index, at->second.read.min_revision);
  by_index_.emplace(*at->second.needs, id);
}

std::optional<ClientRead> PendingReads::take_ready(Index applied) {
  if (by_index_.empty() || by_index_.begin()->first > applied) return std::nullopt;
  const uint64_t id = by_index_.begin()->second;
  by_index_.erase(by_index_.begin());
  const auto at = reads_.find(id);
  PATRONUS_ASSERT(at != reads_.end(), "a read with an index waits");
  ClientRead read = std::move(at->second.read);
  deadlines_.erase({read.deadline, id});
  reads_.erase(at);
  return read;
}

std::optional<PendingReads::Expired> PendingReads::take_expired(Instant now) {
  if (deadlines_.empty() || deadlines_.begin()->first > now) return std::nullopt;
  const uint64_t id = deadlines_.begin()->second;
  deadlines_.erase(deadlines_.begin());
  const auto at = reads_.find(id);
  PATRONUS_ASSERT(at != reads_.end(), "a read with a deadline waits");
  Expired expired{std::move(at->second.read), at->second.needs.has_value()};
  if (at->second.needs) by_index_.erase({*at->second.needs, id});
  reads_.erase(at);
  // Questions keep ids of reads that are gone; they are few, and dropped with the question.
  std::erase(unasked_, id);
  return expired;
}

}  // namespace patronus
