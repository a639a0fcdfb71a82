// A few Raft cores with nothing between them but lists: messages arrive at once and in order unless a test
// holds them, writes are done at once unless a test holds them, and time is what the test says.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/raft/invariants.h"
#include "core/raft/raft.h"

namespace patronus::test {

using namespace std::chrono_literals;

class RaftCluster {
 public:
  static constexpr Duration kTimeout = 500ms;

  struct Member {
    NodeId id;
    std::unique_ptr<Raft> raft;
    Invariants invariants;
    HardState disk;  // what the writes that are done left
    std::vector<Entry> log;
    std::deque<Persist> writes;  // under way
    std::deque<Send> gated;
    Index image;  // what its image holds; the log is needed after that only
    bool hold_writes = false;
    bool down = false;
  };

  // The first `founders` are the cluster; the others are empty.
  explicit RaftCluster(size_t size, bool same_seeds = false, LogRetention retention = {},
                       size_t founders = SIZE_MAX)
      : same_seeds_(same_seeds), retention_(retention) {
    founders = std::min(founders, size);
    Configuration first;
    first.cluster_id.words = {1, 2};
    for (size_t i = 0; i < founders; ++i)
      first.members.push_back({name(i), Incarnation{i + 1}, "", "", Standing::kVoter});
    const Entry founding{Index{1}, Term{1}, EntryKind::kConfiguration, {}, Blob(encode_configuration(first))};
    for (size_t i = 0; i < size; ++i) {
      Member member;
      member.id = name(i);
      if (i < founders) {
        member.disk.term = Term{1};
        member.disk.cluster_id = first.cluster_id;
        member.log = {founding};
      }
      members_.push_back(std::move(member));
    }
    for (size_t i = 0; i < size; ++i) boot(i);
  }

  static NodeId name(size_t i) { return "n" + std::to_string(i + 1); }
  Member& operator[](size_t i) { return members_[i]; }
  Raft& raft(size_t i) { return *members_[i].raft; }
  Now now() const { return {now_, WallTime{now_.ns / 1'000'000}}; }

  // (Re)starts a member from its disk; what was not written is gone.
  void boot(size_t i) {
    Member& member = members_[i];
    Boot boot;
    boot.id = member.id;
    boot.incarnation = Incarnation{i + 1};
    boot.election_timeout = kTimeout;
    boot.heartbeat_interval = 100ms;
    boot.founding_nodes = members_.size();
    boot.seed = same_seeds_ ? 7 : 100 + i;
    boot.hard = member.disk;
    boot.retention = retention_;
    boot.entries = member.log;
    for (Index at = Index{1}; at <= member.image; at = at.next())
      (void)boot.state.apply(member.log[at.value - 1]);
    boot.entries.erase(boot.entries.begin(),
                       boot.entries.begin() + static_cast<std::ptrdiff_t>(member.image.value));
    member.writes.clear();
    member.gated.clear();
    member.down = false;
    member.raft = std::make_unique<Raft>(boot, now());
    member.invariants = Invariants{};
    Effects effects;
    member.raft->start(now(), effects);
    take(i, std::move(effects));
    deliver();
  }

  // Which messages get through: from, to, message.
  std::function<bool(size_t, size_t, const Message&)> passes = [](size_t, size_t, const Message&) {
    return true;
  };
  void cut(size_t a, size_t b) {
    cut_.insert({a, b});
    cut_.insert({b, a});
  }
  void cut_one_way(size_t from, size_t to) { cut_.insert({from, to}); }
  void heal() { cut_.clear(); }

  // Lets time pass, in the steps at which something is due.
  void run(Duration time) {
    const Instant end = now_ + time;
    while (true) {
      Instant next = end;
      for (Member& member : members_) {
        if (!member.down) next = std::min(next, std::max(now_, member.raft->deadline()));
      }
      now_ = next;
      // All whose time has come act before any hears of it, as machines do that do not wait for each other.
      bool any = false;
      for (size_t i = 0; i < members_.size(); ++i) {
        if (members_[i].down || members_[i].raft->deadline() > now_) continue;
        any = true;
        step(i, [&](Raft& raft, Effects& out) { raft.tick(now(), out); });
      }
      deliver();
      if (!any || now_ >= end) return;
    }
  }

  void step(size_t i, const std::function<void(Raft&, Effects&)>& what) {
    Effects effects;
    what(*members_[i].raft, effects);
    take(i, std::move(effects));
    members_[i].invariants.check(*members_[i].raft);
  }

  bool propose(size_t i, std::string payload) {
    Proposed proposed = Proposed::kNotLeader;
    step(i, [&](Raft& raft, Effects& out) {
      proposed = raft.propose(now(), EntryKind::kCommand, Blob(std::move(payload)), out);
    });
    deliver();
    return proposed == Proposed::kAccepted;
  }

  bool change(size_t i, const Configuration& next) {
    bool done = false;
    step(i, [&](Raft& raft, Effects& out) { done = raft.change_configuration(now(), next, out); });
    deliver();
    return done;
  }
  // The leader's latest configuration with one member's standing changed, or with a learner more.
  Configuration with(size_t leader, size_t i, Standing standing) {
    Configuration next = *raft(leader).log().configuration();
    if (next.find(name(i)) == nullptr)
      next.members.push_back({name(i), Incarnation{i + 1}, "", "", standing});
    for (auto& member : next.members) {
      if (member.id == name(i)) member.standing = standing;
    }
    return next;
  }

  // Puts a message into a member's hands as if it came from another one; what it answers is returned, not
  // sent.
  std::vector<Send> tell(size_t to, size_t from, Term term, MessageBody body) {
    Effects effects;
    Message message{members_[to].raft->hard_state().cluster_id, term, std::move(body)};
    members_[to].raft->receive(now(), name(from), Incarnation{from + 1}, std::move(message), effects);
    std::vector<Send> sends;
    for (const Effect& effect : effects) {
      if (const auto* send = std::get_if<Send>(&effect)) sends.push_back(*send);
    }
    persist_only(to, effects);
    return sends;
  }

  void finish_writes(size_t i) {
    Member& member = members_[i];
    while (!member.writes.empty()) finish_write(i);
    deliver();
  }

  // Who leads the latest term, or SIZE_MAX.
  size_t leader() const {
    size_t found = SIZE_MAX;
    for (size_t i = 0; i < members_.size(); ++i) {
      const Member& member = members_[i];
      if (member.down || !member.raft->is_leader()) continue;
      if (found == SIZE_MAX || member.raft->term() > members_[found].raft->term()) found = i;
    }
    return found;
  }

  void deliver() {
    while (!wire_.empty()) {
      auto [from, to, message] = std::move(wire_.front());
      wire_.pop_front();
      if (members_[to].down || cut_.contains({from, to}) || !passes(from, to, message)) continue;
      step(to, [&, from = from](Raft& raft, Effects& out) {
        raft.receive(now(), name(from), Incarnation{from + 1}, std::move(message), out);
      });
    }
  }

 private:
  struct OnWire {
    size_t from;
    size_t to;
    Message message;
  };

  void take(size_t i, Effects&& effects) {
    Member& member = members_[i];
    for (Effect& effect : effects) {
      if (auto* send = std::get_if<Send>(&effect)) {
        const bool waits = !member.writes.empty() && send->after >= member.writes.front().id;
        if (waits) {
          member.gated.push_back(std::move(*send));
        } else {
          put_on_wire(i, std::move(*send));
        }
      } else if (auto* persist = std::get_if<Persist>(&effect)) {
        member.writes.push_back(std::move(*persist));
      }
    }
    while (!member.hold_writes && !member.writes.empty()) finish_write(i);
  }

  void persist_only(size_t i, Effects& effects) {
    for (Effect& effect : effects) {
      if (auto* persist = std::get_if<Persist>(&effect)) members_[i].writes.push_back(std::move(*persist));
    }
    while (!members_[i].hold_writes && !members_[i].writes.empty()) finish_write(i);
  }

  void finish_write(size_t i) {
    Member& member = members_[i];
    const Persist persist = std::move(member.writes.front());
    member.writes.pop_front();
    if (persist.hard) member.disk = *persist.hard;
    for (const Entry& entry : persist.entries) {
      member.log.resize(entry.index.value - 1);
      member.log.push_back(entry);
    }
    for (size_t n = member.gated.size(); n > 0; --n) {
      Send send = std::move(member.gated.front());
      member.gated.pop_front();
      if (send.after <= persist.id) {
        put_on_wire(i, std::move(send));
      } else {
        member.gated.push_back(std::move(send));
      }
    }
    Effects effects;
    member.raft->persisted(now(), persist.id, effects);
    take(i, std::move(effects));
  }

  void put_on_wire(size_t from, Send&& send) {
    const size_t to = static_cast<size_t>(std::stoul(send.to.substr(1))) - 1;
    wire_.push_back({from, to, std::move(send.message)});
  }

  bool same_seeds_;
  LogRetention retention_;
  Instant now_{1'000'000'000};
  std::deque<Member> members_;
  std::deque<OnWire> wire_;
  std::set<std::pair<size_t, size_t>> cut_;
};

}  // namespace patronus::test
