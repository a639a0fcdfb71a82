// One run: a cluster, its clients and its troubles, from the first event to the verdict.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/change_checker.h"
#include "sim/checkers.h"
#include "sim/client.h"
#include "sim/events.h"
#include "sim/health_checker.h"
#include "sim/host.h"
#include "sim/memory_checker.h"
#include "sim/network.h"
#include "sim/operator.h"
#include "sim/planner.h"
#include "sim/profile.h"
#include "sim/rare_turns.h"
#include "sim/restorer.h"
#include "sim/session_client.h"
#include "sim/stamp_checker.h"
#include "sim/tape.h"
#include "sim/trace.h"

namespace patronus::sim {

struct Outcome {
  std::string violation;  // empty: none
  std::string checker;
  std::string profile;
  uint64_t trace_hash = 0;
  uint64_t events = 0;
  uint64_t busiest = 0;  // the most events within a second of its own time
  Duration simulated{};
  uint64_t operations = 0;
  uint64_t acknowledged = 0;
  uint64_t conditional = 0;  // writes whose condition was judged
  uint64_t unmet = 0;        // and did not hold
  uint64_t committed = 0;
  uint64_t leaders = 0;
  uint64_t too_hard = 0;
  SessionCounts sessions;
  std::map<std::string, uint64_t> faults;  // how often each kind struck
  std::vector<std::string> trace;
  uint32_t hosts = 0;
  Recording recording;
  Decisions decisions;
  std::map<std::string, size_t> asked;  // how many of each track
};

// Told after each thing that a node did, for who wants to see how the cluster stands.
using Onlooker = std::function<void(const std::vector<std::unique_ptr<Host>>&)>;

// Runs the tape to its end. `keep_trace` keeps lines to read; the hash is made in any case.
[[nodiscard]] Outcome run_world(Tape tape, bool keep_trace, Onlooker onlooker = {});

class World final : private Network::Hosts {
 public:
  World(Tape& tape, bool keep_trace) : World(tape, draw_profile(tape), keep_trace) {}
  // A world of a test's own making.
  World(Tape& tape, const Profile& profile, bool keep_trace);
  // Throws Violation.
  void run();
  void report(Outcome& outcome) const;

  void set_onlooker(Onlooker onlooker) { onlooker_ = std::move(onlooker); }

  // For tests that go step by step: begins, and lets time pass.
  void start();
  void run_for(Duration time) { run_until(events_.now() + time); }
  Host& host(HostId id) { return *hosts_[id]; }
  const Checkers& checkers() const { return checkers_; }

 private:
  // Network::Hosts
  std::optional<ConnId> on_accept(HostId host, Door door) override;
  void on_dialled(HostId host, ConnId conn) override;
  void on_bytes(HostId host, ConnId conn, std::string bytes) override;
  void on_end_of_input(HostId host, ConnId conn) override;
  void on_ended(HostId host, ConnId conn, LinkEnd how) override;
  bool is_up(HostId host) const override { return hosts_[host]->is_up(); }

  void record(const Host& host);
  void record_down(const Host& host);
  void start_clients();
  void run_until(Instant end);
  // faults.cpp
  void schedule_trouble();
  void make_trouble();
  void partition();
  void one_way_cut();
  void crash(bool power_cut);
  void crash_host(HostId id, bool power_cut);
  // Whom a trouble befalls.
  HostId victim();
  // A node was seen asking for votes: with that trouble on, a node may lose power just now.
  void strike_election(const Host& host);
  void strike_commit(const Host& host);
  void ask_new_leader(const Host& host);
  void wipe();
  void roll_back();
  bool others_know(HostId host) const;
  // The operator's doings: a node more, or one less.
  void schedule_churn();
  void churn();
  void add_node();
  void remove_node();
  void freeze();
  void drain();
  void operate();
  Duration spell();
  // machine_faults.cpp
  void suspend();
  void rot();
  void set_clock();
  void flap();
  void flap_on(HostId from, HostId to, uint32_t times);
  void draw_clock_rate(Host& host);
  // faults.cpp
  void reset_stream();
  void kill();
  void cut_power();
  void refuse_redials();
  void slow_link();
  void slow_disk();
  void fill_disk();
  void heal_network();
  void fail_sync() { hosts_[victim()]->fail_sync(); }
  void mend_network();
  void heal();
  void no_flapping() const;
  void count(const char* fault) { ++faults_[fault]; }
  // telling.cpp: for who looks at the run.
  void tell(const std::string& who, const std::string& text);
  // Which nodes reach which.
  std::string describe_ways() const;
  bool may_wipe(HostId host) const;
  bool removal_is_under_way() const;
  using Voters = std::map<NodeId, Incarnation>;
  size_t lost_disks(const Voters& voters, HostId host) const;
  std::vector<Voters> voters_in_question(HostId host) const;

  // All that are wanted are voters and nobody else belongs; who was removed has ended.
  bool membership_is_settled() const;
  bool is_wanted(const Host& host) const;
  std::string describe_members() const;
  void demand_progress();
  void demand_rest(Instant limit);
  void compare_databases(Instant limit);
  Exchange& tab(HostId host) {
    if (host == kOperatorHost) return operator_.exchange();
    if (host == kRestorerHost) return restorer_.exchange();
    if (host == kPlannerHost) return planner_.exchange();
    return users_[(host - kFirstSession) / 2]->tab((host - kFirstSession) % 2);
  }
  std::string setup_token() const;

  Track& tape_;
  Track& troubles_;
  Trace trace_;
  std::map<HostId, std::pair<Activity, uint64_t>> recorded_;  // what each was last, and its term
  std::map<HostId, uint64_t> recorded_commit_;
  Events events_;
  Profile profile_;
  RareTurns rare_;
  Network network_;
  ArtefactTerms artefact_terms_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<SessionClient>> users_;
  Operator operator_;
  Restorer restorer_;
  Planner planner_;
  OpHistory history_;
  uint64_t next_value_ = 0;
  Onlooker onlooker_;
  Checkers checkers_;
  ChangeChecker changes_;
  StampChecker stamps_;
  HealthChecker readiness_;
  MemoryChecker memory_;
  std::map<std::string, uint64_t> faults_;
  std::map<NodeId, Instant> doomed_;  // whose removal was asked for, and when last
  Term struck_;
  Term asked_;
  Index struck_commit_;
  bool troubled_ = true;
  uint64_t too_hard_ = 0;
};

}  // namespace patronus::sim
