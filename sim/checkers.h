// What must hold across the cluster, looked at after every step of every node; incremental, so that it costs
// little. The committed log is written down as nodes commit it, and everything is held against that.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/state/store.h"
#include "sim/events.h"
#include "sim/history.h"
#include "sim/host.h"

namespace patronus::sim {

class Checkers {
 public:
  // `restored` is told of each entry that restores, as it is committed.
  Checkers(const std::vector<std::unique_ptr<Host>>& hosts, const Events& events,
           std::function<void()> restored)
      : hosts_(hosts), events_(events), restored_(std::move(restored)) {}

  // A node did something.
  void after_step(const Host& host);
  // A client was answered.
  void after_answer(const Op& op);
  // All is healed and quiet: whole logs and states are compared, and the histories judged. Returns how many
  // keys' histories were too hard to judge.
  uint64_t at_end(const OpHistory& history);

  uint64_t committed() const { return committed_.size(); }
  // What the committed log says of who belongs to the cluster.
  const Members& members() const { return reference_.members(); }
  const Tables& tables() const { return reference_.tables(); }
  // Whatever a quorum may be counted by: the committed configuration, and the latest in each node's log.
  std::vector<Configuration> configurations_in_force() const;
  // A node says that it was removed.
  void after_removal(const Host& host) const;
  uint64_t leaders() const { return leaders_.size(); }
  // The entry at which this node's snapshots, or another's, became the keys; whether one did there.
  bool was_restored_at(uint64_t revision) const { return restores_.contains(revision); }
  size_t restores() const { return restores_.size(); }
  // How often leadership went over by a leader's own will, that is with the cause "transfer".
  uint64_t transfers() const { return transfers_; }
  // Who was seen to lead this term; empty: nobody.
  NodeId leader_of(Term term) const {
    const auto at = leaders_.find(term);
    return at == leaders_.end() ? NodeId{} : at->second;
  }

 private:
  struct Committed {
    Term term;
    uint64_t content = 0;
    Term in;  // in which it was committed, which may be later than its own
  };
  struct Seen {
    uint32_t boots = 0;
    Index commit;
    Index applied;
    Term led;
    Index last;  // of the log
  };

  void election_safety(const Host& host, Seen& seen);
  void leader_completeness(const Host& host) const;
  void commits(const Host& host, Seen& seen);
  // The latest configuration in this log up to `last`, as read from its entries.
  const Configuration& configuration_of(const Host& host, Index last);
  void elected_by_majorities(const Host& host);
  void durable_on_majority(const Host& host, Index index, Index last_seen);
  void lawful_change(const Configuration& from, const Configuration& to, Index index) const;
  void state_hash(const Host& host, Seen& seen);
  void note_applied(const Entry& entry);
  // The keys are, at this entry, what the snapshot held: all of them, and no others.
  void note_restored(Index index);
  void exactly_once(const OpHistory& history) const;

  const std::vector<std::unique_ptr<Host>>& hosts_;
  const Events& events_;
  std::function<void()> restored_;
  std::map<HostId, Seen> seen_;
  std::map<Term, NodeId> leaders_;
  uint64_t transfers_ = 0;
  ClusterId cluster_;
  std::vector<Committed> committed_;
  std::map<Index, uint64_t> hashes_;
  Store reference_;
  std::map<Index, Configuration> configurations_;  // committed
  std::map<HostId, Configuration> latest_;         // the last in each node's log when it was seen last
  std::map<std::pair<Index, uint64_t>, Configuration> read_;  // of entries that are not committed, by content
  struct Effect {
    uint64_t times = 0;
    uint64_t revision = 0;
  };
  std::map<uint64_t, Effect> effects_;  // of each value ever written
  struct Restored {
    Instant when;
    std::map<std::string, uint64_t> values;  // of the clients' keys
  };
  std::map<uint64_t, Restored> restores_;  // by revision
};

}  // namespace patronus::sim
