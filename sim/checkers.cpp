#include "sim/checkers.h"

#include <algorithm>
#include <charconv>

#include "core/base/hash.h"
#include "core/base/mutant.h"
#include "core/raft/configuration.h"
#include "core/raft/leader_record.h"
#include "core/state/artefact_format.h"
#include "core/state/key_rows.h"
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

// The history up to a moment: what was answered later was not answered yet.
std::vector<Op> until(const std::vector<Op>& ops, Instant moment) {
  std::vector<Op> so_far;
  for (Op op : ops) {
    if (op.invoked > moment) continue;
    if (op.returned > moment) op.end = OpEnd::kPending;
    so_far.push_back(op);
  }
  return so_far;
}

// The first answer that contradicts those before it. A history that has no order has none either when it goes
// on.
std::string first_contradiction(const std::vector<Op>& ops) {
  std::vector<Op> answered;
  for (const Op& op : ops) {
    if (op.returned < Instant::never()) answered.push_back(op);
  }
  std::sort(answered.begin(), answered.end(),
            [](const Op& a, const Op& b) { return a.returned < b.returned; });
  const auto first = std::partition_point(answered.begin(), answered.end(), [&](const Op& op) {
    return check_key(until(ops, op.returned), kSearchStepsMax) != Linearizable::kNo;
  });
  if (first == answered.end()) return {};
  return ": client " + std::to_string(first->client + 1) + " " + describe_question(*first) + " and " +
         describe_answer(*first) + ", " + std::to_string(first->returned.ns / 1'000) + " us";
}

}  // namespace

void Checkers::after_step(const Host& host) {
  Seen& seen = seen_[host.id()];
  // What a node that starts has cut it committed before, and was looked at then.
  const Index cut = host.node().raft().log().base_index();
  if (seen.boots != host.boots()) seen = Seen{host.boots(), cut, Index{}, Term{}, Index{}};
  election_safety(host, seen);
  commits(host, seen);
  state_hash(host, seen);
  seen.last = host.node().raft().log().last_index();
  if (const Configuration* latest = host.node().raft().log().configuration()) latest_[host.id()] = *latest;
}

std::vector<Configuration> Checkers::configurations_in_force() const {
  std::vector<Configuration> all;
  if (!configurations_.empty()) all.push_back(configurations_.rbegin()->second);
  for (const auto& [host, configuration] : latest_) all.push_back(configuration);
  return all;
}

void Checkers::after_removal(const Host& host) const {
  const Incarnation incarnation = host.disk().incarnation();
  if (members().configuration().is_member(host.name(), incarnation) ||
      members().is_wanted(host.name(), incarnation))
    throw Violation("removal", host.name() + " leaves for good and is still a member");
}

// Not by asking the log: what it keeps aside is what is to be checked.
const Configuration& Checkers::configuration_of(const Host& host, Index last) {
  const Log& log = host.node().raft().log();
  for (Index index = std::min(last, log.last_index()); index > Index{}; index = index.prev()) {
    const auto committed = configurations_.find(index);
    // What a node has cut is committed.
    const bool is_committed =
        index <= log.base_index() ||
        (index.value <= committed_.size() && committed_[index.value - 1].term == *log.term_at(index));
    if (is_committed) {
      auto at = configurations_.upper_bound(index);
      if (committed != configurations_.end()) return committed->second;
      if (at != configurations_.begin()) return std::prev(at)->second;
    }
    const Entry& entry = log.at(index);
    if (entry.kind != EntryKind::kConfiguration) continue;
    const auto [known, is_new] = read_.try_emplace({index, content_of(entry)});
    if (is_new) known->second = decode_configuration(entry.payload.view()).value();
    return known->second;
  }
  throw Violation("configuration", host.name() + " leads or commits without a configuration");
}

// A majority, of either half while it is joint, has the vote for this leader on its disks.
void Checkers::elected_by_majorities(const Host& host) {
  const Raft& raft = host.node().raft();
  const Index before = std::get<Leader>(raft.role()).first_index.prev();
  const Configuration& configuration = configuration_of(host, before);
  for (const Half half : {Half::kOutgoing, Half::kIncoming}) {
    size_t votes = 0;
    for (const Member& member : configuration.members) {
      if (!votes_in(half, member.standing)) continue;
      for (const auto& other : hosts_) {
        if (other->name() != member.id) continue;
        const std::map<Term, NodeId>& given = other->votes(member.incarnation);
        const auto vote = given.find(raft.term());
        if (vote != given.end() && vote->second == host.name()) ++votes;
      }
    }
    if (2 * votes <= configuration.voters(half)) {
      throw Violation("election quorum", host.name() + " leads term " + std::to_string(raft.term().value) +
                                             " with " + std::to_string(votes) + " votes of " +
                                             std::to_string(configuration.voters(half)));
    }
  }
}

// Written anew, not by asking is_lawful_step: out of a joint configuration to what it was to become, or to
// one whose outgoing voters are the voters there were.
void Checkers::lawful_change(const Configuration& from, const Configuration& to, Index index) const {
  using Voters = std::map<NodeId, Incarnation>;
  const auto voters = [](const Configuration& of, Half half) {
    Voters found;
    for (const Member& member : of.members) {
      const bool joins = member.standing == Standing::kJoining;
      const bool leaves = member.standing == Standing::kLeaving;
      if (member.standing == Standing::kLearner) continue;
      if (half == Half::kOutgoing ? !joins : !leaves) found[member.id] = member.incarnation;
    }
    return found;
  };
  const bool was_joint = voters(from, Half::kOutgoing) != voters(from, Half::kIncoming);
  const bool is_joint = voters(to, Half::kOutgoing) != voters(to, Half::kIncoming);
  const bool lawful = was_joint ? !is_joint && voters(to, Half::kIncoming) == voters(from, Half::kIncoming)
                                : voters(to, Half::kOutgoing) == voters(from, Half::kIncoming);
  if (!lawful) throw Violation("configuration", "an unlawful change is committed at " + at(index));
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
  elected_by_majorities(host);
  leader_completeness(host);
}

// A leader has every entry that was committed before its term began.
void Checkers::leader_completeness(const Host& host) const {
  const Log& log = host.node().raft().log();
  for (size_t i = committed_.size(); i > 0 && i + 64 > committed_.size(); --i) {
    const Index index{i};
    // A leader that comes late, of an older term, owes nothing to what newer terms committed, be it entries
    // of terms before its own (Raft paper, figure 3).
    if (committed_[i - 1].in >= host.node().raft().term()) continue;
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
    const Committed now{entry.term, content_of(entry), raft.term()};
    if (index.value > committed_.size()) {
      durable_on_majority(host, index, seen.last);
      committed_.push_back(now);
      if (entry.kind == EntryKind::kConfiguration) {
        const Configuration next = decode_configuration(entry.payload.view()).value();
        if (!configurations_.empty()) lawful_change(configurations_.rbegin()->second, next, index);
        configurations_[index] = next;
      }
      note_applied(entry);
    } else if (committed_[index.value - 1].term != now.term ||
               committed_[index.value - 1].content != now.content) {
      throw Violation("log matching", host.name() + " commits something else at " + at(index));
    }
  }
  seen.commit = raft.commit();
}

// What is committed is on the disks of a majority of the voters, of either half while the configuration is
// joint, under the incarnations the cluster knows. By the configuration that was in force when the node was
// last seen, or, if it went on to the next since, by that one.
void Checkers::durable_on_majority(const Host& host, Index index, Index last_seen) {
  const Raft& raft = host.node().raft();
  const Term term = *raft.log().term_at(index);
  const auto copies = [&](const Configuration& configuration, Half half) {
    size_t count = 0;
    for (const auto& other : hosts_) {
      const Member* member = configuration.find(other->name());
      if (member == nullptr || !votes_in(half, member->standing)) continue;
      // A disk that was wiped, or is older, after its node had acknowledged is a copy lost, not one that
      // never was.
      const bool is_there =
          other->disk().incarnation() == member->incarnation && !other->disk().is_rolled_back();
      const std::vector<Term>& durable =
          is_there ? other->disk().durable_terms() : other->wiped_terms(member->incarnation);
      if (index.value <= durable.size() && durable[index.value - 1] == term) ++count;
    }
    return count;
  };
  const auto enough = [&](const Configuration& configuration) {
    return 2 * copies(configuration, Half::kOutgoing) > configuration.voters(Half::kOutgoing) &&
           2 * copies(configuration, Half::kIncoming) > configuration.voters(Half::kIncoming);
  };
  const Configuration& latest = configuration_of(host, raft.log().last_index());
  const bool by_former = last_seen > Index{} && enough(configuration_of(host, last_seen));
  if (!by_former && !enough(latest)) {
    throw Violation("durable before commit",
                    host.name() + " commits " + at(index) + ", of " +
                        std::to_string(raft.log().last_index().value) + ", which is on " +
                        std::to_string(copies(latest, Half::kOutgoing)) + " and " +
                        std::to_string(copies(latest, Half::kIncoming)) + " disks of " + describe(latest));
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
  const std::optional<Restoration>& restored = reference_.staging().last();
  if (restored && restored->revision == entry.index) note_restored(entry.index);
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
    for (size_t i = 0; applied.result.succeeded && i < applied.result.steps.size(); ++i) {
      if (applied.result.steps[i].record) effect(batch->then[i].value, *applied.result.steps[i].record);
    }
  }
}

void Checkers::note_restored(Index index) {
  using Rows = std::map<std::string, std::pair<std::string, std::string>>;
  // What is restored of a row, without the numbers that it gets here.
  const auto note = [](Rows& rows, std::string_view key, std::string_view value) {
    const std::string name(key);
    if (static_cast<RowKind>(key.front()) == RowKind::kKey) {
      const KeyRow row = decode_key_row(value).value();
      rows[name] = {std::string(row.content_type), std::string(row.value)};
    } else if (const std::optional<Site> site = decode_site_row(key, value)) {
      rows[name] = {site->fields.name, site->fields.endpoints.front().address};
    } else if (const std::optional<Policy> policy = decode_policy_row(key, value)) {
      rows[name] = {policy->fields.name, policy->fields.source_site + policy->fields.destination_site};
    }
  };
  const BeginRestoreOp& begun = reference_.staging().last()->begun;
  const std::string id = snapshot_id({begun.snapshot, begun.hash, 0});
  const std::string* bytes = nullptr;
  for (const auto& host : hosts_) bytes = bytes != nullptr ? bytes : host->snapshot(id);
  if (bytes == nullptr) throw Violation("restore", "nobody has the snapshot " + id + " that was restored");
  Rows wanted;
  bool knows_tables = false;
  artefact::Decoder decoder([&](std::string_view key, std::string_view value) -> std::optional<std::string> {
    knows_tables = knows_tables || static_cast<RowKind>(key.front()) == RowKind::kTables;
    note(wanted, key, value);
    return std::nullopt;
  });
  if (const auto fault = decoder.feed(*bytes)) throw Violation("restore", id + ": " + *fault);
  Rows found;
  reference_.for_each_row([&](std::string_view key, const RowValue& value) {
    const bool is_key = static_cast<RowKind>(key.front()) == RowKind::kKey;
    if (is_key || knows_tables) note(found, key, value.text());
  });
  if (found != wanted) {
    throw Violation("restore", std::to_string(found.size()) +
                                   " keys, sites and policies after the restore of " + id + " at " +
                                   at(index) + " are not the " + std::to_string(wanted.size()) +
                                   " that it holds");
  }
  restored_();
  // For clients it is one write of every key, done as it was committed.
  Restored& restored = restores_[index.value];
  restored.when = events_.now();
  for (const auto& [name, content] : found) {
    if (static_cast<RowKind>(name.front()) == RowKind::kKey)
      restored.values[name.substr(1)] = number(content.second);
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
  for (auto& [key, ops] : by_key) {
    for (const auto& [revision, restored] : restores_) {
      const auto value = restored.values.find(std::string("sim\0k", 5) + std::to_string(key));
      Op op;
      op.kind = OpKind::kRestore;
      op.key = key;
      op.value = value == restored.values.end() ? 0 : value->second;
      op.end = OpEnd::kOk;
      op.invoked = op.returned = restored.when;
      op.revision = revision;
      ops.push_back(op);
    }
  }
  uint64_t too_hard = 0;
  for (const auto& [key, ops] : by_key) {
    switch (check_key(ops, kSearchStepsMax)) {
      case Linearizable::kYes:
        break;
      case Linearizable::kTooHard:
        ++too_hard;
        break;
      case Linearizable::kNo:
        throw Violation("linearizability", "no order explains what clients saw of key " +
                                               std::to_string(key) + first_contradiction(ops));
    }
  }
  return too_hard;
}

}  // namespace patronus::sim
