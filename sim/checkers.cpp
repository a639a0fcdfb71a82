#include "sim/checkers.h"

#include <charconv>

#include "core/base/hash.h"
#include "core/base/mutant.h"
#include "core/raft/leader_record.h"
#include "core/raft/quorum.h"
#include "sim/violation.h"

namespace patronus::sim {
namespace {

constexpr uint64_t kSearchStepsMax = 300'000;

uint64_t content_of(const Entry& entry) {
  return hash64(entry.payload.view(), static_cast<uint64_t>(entry.stamp.lease_ms) * 31 +
                                          static_cast<uint64_t>(entry.stamp.wall_ms) +
                                          static_cast<uint64_t>(entry.kind));
}

std::string at(Index index) { return "index " + std::to_string(index.value); }

uint64_t number(std::string_view text) {
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

void Checkers::after_step(const Host& host) {
  Seen& seen = seen_[host.id()];
  // What a node that starts has cut it committed before, and was looked at then.
  if (seen.boots != host.boots())
    seen = Seen{host.boots(), host.node().raft().log().base_index(), Index{}, Term{}};
  election_safety(host, seen);
  commits(host, seen);
  state_hash(host, seen);
}

// At most one leader a term (Raft paper, figure 3), and never a second cluster.
void Checkers::election_safety(const Host& host, Seen& seen) {
  const Raft& raft = host.node().raft();
  const ClusterId& cluster = raft.hard_state().cluster_id;
  if (!raft.is_leader() || seen.led == raft.term()) return;
  if (cluster_ && cluster != cluster_) throw Violation("one cluster", host.name() + " leads another cluster");
  cluster_ = cluster;
  const auto [known, is_new] = leaders_.emplace(raft.term(), host.name());
  if (!is_new && known->second != host.name()) {
    throw Violation("election safety", host.name() + " and " + known->second + " lead term " +
                                           std::to_string(raft.term().value));
  }
  if (!is_new && seen.led != raft.term()) {
    throw Violation("election safety",
                    host.name() + " leads term " + std::to_string(raft.term().value) + " a second time");
  }
  seen.led = raft.term();
  leader_completeness(host);
}

// A leader has every entry that was committed before its term began.
void Checkers::leader_completeness(const Host& host) const {
  const Log& log = host.node().raft().log();
  for (size_t i = committed_.size(); i > 0 && i + 64 > committed_.size(); --i) {
    const Index index{i};
    // A leader that comes late, of an older term, owes nothing to what newer terms committed.
    if (committed_[i - 1].term >= host.node().raft().term()) continue;
    if (index <= log.base_index()) break;
    if (log.term_at(index) != committed_[i - 1].term) {
      throw Violation("leader completeness",
                      host.name() + " leads without what was committed at " + at(index));
    }
  }
}

void Checkers::commits(const Host& host, Seen& seen) {
  const Raft& raft = host.node().raft();
  for (Index index = seen.commit.next(); index <= raft.commit(); index = index.next()) {
    const Entry& entry = raft.log().at(index);
    const Committed now{entry.term, content_of(entry)};
    if (index.value > committed_.size()) {
      durable_on_majority(host, index);
      committed_.push_back(now);
      note_applied(entry);
    } else if (committed_[index.value - 1].term != now.term ||
               committed_[index.value - 1].content != now.content) {
      throw Violation("log matching", host.name() + " commits something else at " + at(index));
    }
  }
  seen.commit = raft.commit();
}

// What is committed is on the disks of a majority of the voters, under the incarnations the cluster knows.
void Checkers::durable_on_majority(const Host& host, Index index) const {
  const Raft& raft = host.node().raft();
  const Term term = *raft.log().term_at(index);
  size_t copies = 0;
  for (const auto& other : hosts_) {
    const Member* member = raft.log().configuration()->find(other->name());
    if (member == nullptr || !member->voter) continue;
    // A disk that was wiped after its node had acknowledged is a copy lost, not one that never was.
    const bool is_there = other->disk().incarnation() == member->incarnation;
    const std::vector<Term>& durable =
        is_there ? other->disk().durable_terms() : other->wiped_terms(member->incarnation);
    if (index.value <= durable.size() && durable[index.value - 1] == term) ++copies;
  }
  if (copies < quorum::majority(raft.log().configuration()->voters())) {
    throw Violation("durable before commit", at(index) + " is on " + std::to_string(copies) + " disks");
  }
}

void Checkers::state_hash(const Host& host, Seen& seen) {
  const Store& store = host.node().store();
  if (store.applied() == seen.applied) return;
  seen.applied = store.applied();
  // With that mutant the image is what must give it away.
  if (MUTANT(kCheckpointUndurable)) return;
  if (store.applied().value > host.disk().durable_terms().size()) {
    throw Violation("applied before durable", host.name() + " applied " + at(store.applied()) + " of " +
                                                  std::to_string(host.disk().durable_terms().size()) +
                                                  " on its disk");
  }
  // Applied entries are the very ones that are on this disk, not others at the same places.
  const Index applied = store.applied();
  if (host.disk().durable_terms()[applied.value - 1] != *host.node().raft().log().term_at(applied)) {
    throw Violation("applied before durable",
                    host.name() + " applied another entry than its disk has at " + at(applied));
  }
  const auto [known, is_new] = hashes_.emplace(store.applied(), store.hash());
  if (!is_new && known->second != store.hash()) {
    throw Violation("state hash", host.name() + " has another state at " + at(store.applied()));
  }
}

// The reference applies the committed log once, and notes which value took effect how often.
void Checkers::note_applied(const Entry& entry) {
  if (entry.kind == EntryKind::kLeader) {
    const auto record = decode_leader_record(entry.payload.view());
    if (record && record->cause == LeaderCause::kTransfer) ++transfers_;
  }
  const Applied applied = reference_.apply(entry);
  const auto [known, is_new] = hashes_.emplace(entry.index, reference_.hash());
  if (!is_new && known->second != reference_.hash())
    throw Violation("state hash", "a node's state is not the reference's at " + at(entry.index));
  if (!applied.origin) return;
  const std::optional<Command> command = decode_command(entry.payload.view());
  const auto effect = [&](const Blob& value, const Record& record) {
    if (record.mod_revision != entry.index) return;  // the kept answer of an earlier one
    Effect& one = effects_[number(value.view())];
    ++one.times;
    one.revision = entry.index.value;
  };
  if (applied.result.outcome != Outcome::kOk) return;
  if (const auto* put = std::get_if<PutOp>(&command->op)) effect(put->value, applied.result.record);
  if (const auto* batch = std::get_if<BatchOp>(&command->op)) {
    for (size_t i = 0; i < applied.result.steps.size(); ++i) {
      if (applied.result.steps[i].record) effect(batch->then[i].value, *applied.result.steps[i].record);
    }
  }
}

// Whatever was acknowledged is committed by then, at the revision told.
void Checkers::after_answer(const Op& op) {
  const bool wrote = op.end == OpEnd::kOk && (op.kind == OpKind::kPut || op.kind == OpKind::kSwap);
  if (!wrote) return;
  const auto effect = effects_.find(op.value);
  if (effect == effects_.end() || effect->second.revision != op.revision) {
    throw Violation("acknowledged write", "value " + std::to_string(op.value) +
                                              " was acknowledged at revision " + std::to_string(op.revision) +
                                              " and is not committed there");
  }
}

void Checkers::exactly_once(const OpHistory& history) const {
  for (const Op& op : history) {
    if (op.kind != OpKind::kPut && op.kind != OpKind::kSwap) continue;
    const auto effect = effects_.find(op.value);
    const uint64_t times = effect == effects_.end() ? 0 : effect->second.times;
    const std::string which = "value " + std::to_string(op.value) + " of client " + std::to_string(op.client);
    if (times > 1)
      throw Violation("exactly once", which + " was applied " + std::to_string(times) + " times");
    if (op.end == OpEnd::kOk && times == 0) throw Violation("acknowledged write", which + " is lost");
    if ((op.end == OpEnd::kRefused || op.end == OpEnd::kFailed) && times > 0) {
      throw Violation("refused write", which + " was refused for certain and took effect");
    }
  }
}

uint64_t Checkers::at_end(const OpHistory& history) {
  for (const auto& host : hosts_) {
    if (!host->is_up()) continue;
    const Log& log = host->node().raft().log();
    for (size_t i = log.base_index().value + 1;
         i <= committed_.size() && Index{i} <= host->node().raft().commit(); ++i) {
      if (log.term_at(Index{i}) != committed_[i - 1].term ||
          content_of(log.at(Index{i})) != committed_[i - 1].content) {
        throw Violation("log matching", host->name() + " differs from what was committed at " + at(Index{i}));
      }
    }
  }
  exactly_once(history);
  std::map<uint32_t, std::vector<Op>> by_key;
  for (const Op& op : history) by_key[op.key].push_back(op);
  uint64_t too_hard = 0;
  for (const auto& [key, ops] : by_key) {
    switch (check_key(ops, kSearchStepsMax)) {
      case Linearizable::kYes:
        break;
      case Linearizable::kTooHard:
        ++too_hard;
        break;
      case Linearizable::kNo:
        throw Violation("linearizability",
                        "no order explains what clients saw of key " + std::to_string(key));
    }
  }
  return too_hard;
}

}  // namespace patronus::sim
