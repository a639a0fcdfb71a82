#include "sim/election_trial.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "core/raft/message.h"
#include "sim/host.h"
#include "sim/network.h"
#include "sim/violation.h"

namespace patronus::sim {

using namespace std::chrono_literals;

namespace {

constexpr HostId kServers = 5;
constexpr uint32_t kAttemptsMax = 100;
constexpr Duration kSetUpMax = 60s;  // of one attempt
constexpr int kPaperHeartbeats = 2;  // within an election timeout
constexpr int kHeartbeats = 5;

const size_t kAppend = MessageBody(AppendRequest{}).index();
const size_t kHeartbeat = MessageBody(Heartbeat{}).index();

Profile profile_of(const ElectionTrial& trial) {
  Profile profile;
  profile.nodes = kServers;
  profile.election_timeout = trial.election_timeout;
  profile.heartbeat_interval = trial.election_timeout / kHeartbeats;
  profile.paper_elections = trial.paper_window;
  profile.latency_min = trial.latency_min;
  profile.latency_max = trial.latency_max;
  profile.sync_min = trial.sync_min;
  profile.sync_max = trial.sync_max;
  profile.session_idle = 2h;
  profile.segment_bytes = 256 * limits::kKiB;
  return profile;
}

class Trial final : private Network::Hosts {
 public:
  Trial(const ElectionTrial& trial, uint64_t seed)
      : trial_(trial),
        tape_(Tape::from_seed(seed)),
        track_(tape_.track("trial")),
        profile_(profile_of(trial)),
        network_(events_, tape_, profile_, *this) {
    for (HostId id = 0; id < kServers; ++id) {
      hosts_.push_back(std::make_unique<Host>(
          id, profile_, events_, tape_, network_, trace_, [](const Host&) {}, [] { return true; },
          [](const Host&) {}, artefact_terms_));
      events_.after(tape_.track("start").between(0ms, 100ms), [this, id] { hosts_[id]->start(); });
    }
    network_.set_filter([this](HostId from, HostId to, size_t kind) { return passes(from, to, kind); });
  }

  std::optional<Duration> run(Duration patience) {
    for (uint32_t attempt = 0; attempt < kAttemptsMax; ++attempt) {
      behind_.clear();
      if (find_leader() && make_logs_differ() && fall_silent_after_heartbeats()) return crash(patience);
    }
    throw Violation("election trial", "five servers do not keep a leader for long enough to lose it");
  }

 private:
  // Network::Hosts
  std::optional<ConnId> on_accept(HostId host, Door door) override { return hosts_[host]->accept(door); }
  void on_dialled(HostId host, ConnId conn) override { hosts_[host]->dialled(conn); }
  void on_bytes(HostId host, ConnId conn, std::string bytes) override {
    hosts_[host]->received(conn, std::move(bytes));
  }
  void on_end_of_input(HostId host, ConnId conn) override { hosts_[host]->end_of_input(conn); }
  void on_ended(HostId host, ConnId conn, LinkEnd how) override { hosts_[host]->ended(conn, how); }
  bool is_up(HostId host) const override { return hosts_[host]->is_up(); }

  const Raft& raft(HostId id) const { return hosts_[id]->node().raft(); }
  Index last(HostId id) const { return raft(id).log().last_index(); }
  bool still_leads() const { return raft(leader_).is_leader() && raft(leader_).term() == term_; }

  // Until it is so, or the time is over.
  template <typename Condition>
  bool run_until(Condition&& is_so, Duration time) {
    const Instant limit = events_.now() + time;
    while (!is_so()) {
      if (events_.next() > limit) return false;
      events_.step();
    }
    return true;
  }
  void run_for(Duration time) {
    (void)run_until([] { return false; }, time);
  }

  bool passes(HostId from, HostId to, size_t kind) {
    if (from != leader_) return true;
    if (watches_heartbeats_ && kind == kHeartbeat && !silent_since_) silent_since_ = events_.now();
    if (silent_since_ && events_.now() > *silent_since_) return false;
    return kind != kAppend || std::find(behind_.begin(), behind_.end(), to) == behind_.end();
  }

  // All have the same log, and nothing is under way.
  bool find_leader() {
    const auto leads = [this] {
      for (HostId id = 0; id < kServers; ++id) {
        if (!hosts_[id]->is_up() || !raft(id).is_leader()) continue;
        leader_ = id;
        term_ = raft(id).term();
        return std::all_of(hosts_.begin(), hosts_.end(), [this](const auto& host) {
          return host->is_up() && host->node().raft().log().last_index() == last(leader_) &&
                 host->node().raft().leader() == hosts_[leader_]->name();
        });
      }
      return false;
    };
    if (!run_until(leads, kSetUpMax)) return false;
    const Index before = last(leader_);
    run_for(100ms);
    return leads() && last(leader_) == before;
  }

  // One server after the other is left behind by an entry.
  bool make_logs_differ() {
    std::vector<HostId> others;
    for (HostId id = 0; id < kServers; ++id) {
      if (id != leader_) others.push_back(id);
    }
    while (others.size() > 1) {
      const size_t which = track_.choose(static_cast<uint32_t>(others.size()));
      behind_.push_back(others[which]);
      others.erase(others.begin() + static_cast<std::ptrdiff_t>(which));
      hosts_[leader_]->submit(PutOp{"trial", "key", Blob("value"), "text/plain", std::nullopt});
      const Index wanted = last(leader_);
      const auto have_it = [&] {
        return !still_leads() ||
               std::all_of(others.begin(), others.end(), [&](HostId id) { return last(id) >= wanted; });
      };
      if (!run_until(have_it, kSetUpMax) || !still_leads()) return false;
    }
    return true;
  }

  // What it says last are heartbeats to all, at the same moment.
  bool fall_silent_after_heartbeats() {
    watches_heartbeats_ = true;
    const bool is_silent = run_until([this] { return silent_since_.has_value(); }, kSetUpMax);
    watches_heartbeats_ = false;
    const int heartbeats = trial_.paper_window ? kPaperHeartbeats : kHeartbeats;
    run_for(track_.between(0ms, trial_.election_timeout / heartbeats));
    const bool is_good = is_silent && still_leads();
    if (!is_good) silent_since_.reset();
    return is_good;
  }

  std::optional<Duration> crash(Duration patience) {
    const Instant crashed = events_.now();
    hosts_[leader_]->crash(!trial_.is_told);
    for (HostId id = 0; id < kServers && !trial_.is_told; ++id) {
      if (id == leader_) continue;
      network_.cut(id, leader_);
      network_.cut(leader_, id);
    }
    const auto has_leader = [this] {
      return std::any_of(hosts_.begin(), hosts_.end(),
                         [](const auto& host) { return host->is_up() && host->node().raft().is_leader(); });
    };
    if (!run_until(has_leader, patience)) return std::nullopt;
    return events_.now() - crashed;
  }

  ElectionTrial trial_;
  Tape tape_;
  Track& track_;
  Trace trace_{false};
  Events events_;
  Profile profile_;
  Network network_;
  ArtefactTerms artefact_terms_;
  std::vector<std::unique_ptr<Host>> hosts_;
  HostId leader_ = 0;
  Term term_;
  std::vector<HostId> behind_;  // are sent no entries any more
  bool watches_heartbeats_ = false;
  std::optional<Instant> silent_since_;
};

}  // namespace

std::optional<Duration> time_without_leader(const ElectionTrial& trial, uint64_t seed, Duration patience) {
  return Trial(trial, seed).run(patience);
}

}  // namespace patronus::sim
