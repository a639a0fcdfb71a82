#include "sim/world.h"

#include <set>
#include <utility>

#include "core/base/assert.h"
#include "core/base/limits.h"
#include "sim/violation.h"

namespace patronus::sim {

using namespace std::chrono_literals;

namespace {

[[noreturn]] void throw_violation(const char* expression, const char* reason, const char* file, int line) {
  const std::string path = file;
  throw Violation("assertion", std::string(reason) + " (" + expression + ", " +
                                   path.substr(path.rfind('/') + 1) + ":" + std::to_string(line) + ")");
}

}  // namespace

World::World(Tape& tape, const Profile& profile, bool keep_trace)
    : tape_(tape.track("world")),
      troubles_(tape.track("troubles")),
      trace_(keep_trace),
      profile_(profile),
      rare_(profile_, tape),
      network_(events_, tape, profile_, *this),
      operator_(profile_, events_, tape, network_, trace_,
                [this](uint64_t term) { return checkers_.leader_of(Term{term}); }),
      restorer_(profile_, events_, tape, network_, trace_,
                [this](uint64_t revision) { return checkers_.was_restored_at(revision); }),
      planner_(profile_, events_, tape, network_, trace_,
               [this]() -> const Tables& { return checkers_.tables(); }),
      checkers_(hosts_, events_, [this] { planner_.restored(); }),
      changes_(profile_),
      stamps_(profile_, hosts_),
      readiness_(profile_, hosts_),
      memory_(profile_) {
  for (HostId id = 0; id < profile_.nodes + profile_.extras; ++id) {
    hosts_.push_back(std::make_unique<Host>(
        id, profile_, events_, tape, network_, trace_,
        [this](const Host& host) {
          const Raft& raft = host.node().raft();
          trace_.fold(static_cast<uint64_t>(events_.now().ns) * 31 + host.id(),
                      raft.term().value * 4 + raft.role().index(),
                      raft.log().last_index().value * 65'537 + raft.commit().value);
          if (trace_.keeps()) record(host);
          if (onlooker_) onlooker_(hosts_);
          checkers_.after_step(host);
          changes_.after_step(host);
          stamps_.after_step(host, events_.now());
          memory_.after_step(host);
          readiness_.after_step(host, events_.now(),
                                network_.is_calm_since(events_.now() - 4 * profile_.election_timeout));
          if (profile_.strike_elections) strike_election(host);
          if (profile_.strike_commits) strike_commit(host);
          if (profile_.ask_new_leaders) ask_new_leader(host);
        },
        [this] { return checkers_.committed() > 0; },
        [this](const Host& host) {
          checkers_.after_removal(host);
          count("removed");
        },
        artefact_terms_));
    if (trace_.keeps()) hosts_.back()->set_on_down([this](const Host& host) { record_down(host); });
  }
  for (HostId id = 0; id < profile_.clients + profile_.nodes + profile_.extras; ++id) {
    clients_.push_back(std::make_unique<Client>(kFirstClient + id, profile_, events_, tape, network_, trace_,
                                                history_, next_value_, [this](const Op& op) {
                                                  trace_.fold(static_cast<uint64_t>(events_.now().ns),
                                                              op.value, static_cast<uint64_t>(op.end));
                                                  checkers_.after_answer(op);
                                                }));
  }
  for (uint32_t i = 0; i < profile_.users; ++i) {
    users_.push_back(std::make_unique<SessionClient>(i, profile_, events_, tape, network_, trace_,
                                                     [this] { return setup_token(); }));
  }
  history_.reserve(4096);
}

// What the host is by now, if that is news.
void World::record(const Host& host) {
  const Raft& raft = host.node().raft();
  Activity activity = host.is_frozen() ? Activity::kFrozen : Activity::kFollower;
  if (activity == Activity::kFollower && raft.is_leader()) activity = Activity::kLeader;
  if (activity == Activity::kFollower && std::holds_alternative<Candidate>(raft.role()))
    activity = Activity::kCandidate;
  const std::pair now{activity, raft.term().value};
  const auto at = recorded_.find(host.id());
  if (at == recorded_.end() || at->second != now) {
    recorded_[host.id()] = now;
    trace_.recording().changes.push_back({host.id(), events_.now(), activity, raft.term().value});
  }
  uint64_t& commit = recorded_commit_[host.id()];
  if (raft.commit().value > commit) {
    commit = raft.commit().value;
    trace_.recording().commits.push_back({host.id(), events_.now(), commit});
  }
}

void World::record_down(const Host& host) {
  recorded_.erase(host.id());
  recorded_commit_.erase(host.id());
  trace_.recording().changes.push_back({host.id(), events_.now(), Activity::kDown, 0});
}

void World::start() {
  if (trace_.keeps()) network_.record(&trace_.recording());
  for (auto& host : hosts_) {
    Host* one = host.get();
    if (profile_.clock_skew) one->set_wall_skew(draw_wall_skew(tape_));
    if (profile_.clock_rate_ppm != 0) draw_clock_rate(*one);
    if (one->id() < profile_.nodes) events_.after(tape_.between(0ms, 300ms), [one] { one->start(); });
  }
  start_clients();
  for (auto& user : users_) user->start();
  schedule_trouble();
  if (profile_.churn) schedule_churn();
}

// There must be somebody to log in as.
void World::start_clients() {
  if (!users_[0]->admin_exists()) {
    events_.after(10ms, [this] { start_clients(); });
    return;
  }
  for (uint32_t i = 0; i < profile_.clients; ++i) clients_[i]->start();
  restorer_.start();
  planner_.start();
}

// Clients that happen to rest ask at once: a leader that does not know yet what is committed may not answer.
void World::ask_new_leader(const Host& host) {
  const Raft& raft = host.node().raft();
  if (!raft.is_leader() || raft.term() <= asked_) return;
  asked_ = raft.term();
  for (auto& client : clients_) client->read_now();
}

std::string World::setup_token() const {
  for (const auto& host : hosts_) {
    if (!host->setup_token().empty()) return host->setup_token();
  }
  return {};
}

void World::run_until(Instant end) {
  while (events_.next() <= end) events_.step();
}

void World::run() {
  start();
  run_until(Instant{} + profile_.length);
  heal();
  if (profile_.uncapped) {
    // Nobody may be left who could serve; but what is promised must not be broken.
    run_until(events_.now() + 40 * profile_.election_timeout);
  } else {
    demand_progress();
  }
  no_flapping();
  too_hard_ = checkers_.at_end(history_);
}

// Each node waits twice as long after each leadership that it gave away by itself; only a restart forgets.
void World::no_flapping() const {
  uint64_t boots = 0;
  // A leader whose database was lost hands over once for that.
  uint64_t losses = 0;
  for (const auto& host : hosts_) {
    boots += host->boots();
    losses += host->database().losses();
  }
  const Duration patience = limits::kHandOverPatienceTimeouts * profile_.election_timeout;
  uint64_t each = 1;
  for (Duration wait = patience; wait < events_.now() - Instant{}; wait = 2 * wait) ++each;
  if (checkers_.transfers() > boots * each + losses) {
    throw Violation("flapping",
                    "leaders handed over " + std::to_string(checkers_.transfers()) + " times by themselves");
  }
}

// The whole cluster must serve again within a time that an election and the longest silence of a stream
// explain; and every client's operation must have ended.
void World::demand_progress() {
  const Duration patience = 20 * profile_.election_timeout + 30s;
  for (uint32_t i = 0; i < profile_.clients; ++i) clients_[i]->finish();
  for (auto& user : users_) user->finish();
  restorer_.finish();
  planner_.finish();
  const Instant limit = events_.now() + patience;
  const auto who_waits = [&]() -> std::string {
    // Without an administrator nobody can log in to write.
    if (!users_[0]->admin_exists()) return "whoever wants to be the administrator";
    for (size_t i = 0; i < clients_.size(); ++i) {
      if (!clients_[i]->idle()) return "client " + std::to_string(i + 1);
    }
    for (size_t i = 0; i < users_.size(); ++i) {
      if (!users_[i]->idle()) return "user " + std::to_string(i + 1);
    }
    return !operator_.idle() ? "the operator" : !planner_.idle() ? "whoever plans the network" : "";
  };
  while (!who_waits().empty() && events_.next() <= limit) events_.step();
  if (const std::string who = who_waits(); !who.empty())
    throw Violation("liveness", who + " still waits for an answer after all is healed");
  // What the operator drained and forgot stays drained, but one that drains is given no vote.
  if (profile_.churn || profile_.wipes || profile_.rollbacks) {
    for (const auto& host : hosts_) host->take_in_again();
  }
  while (!membership_is_settled() && events_.next() <= limit + patience) events_.step();
  if (!membership_is_settled())
    throw Violation("liveness", "the members do not become those that are wanted after all is healed: " +
                                    describe_members());
  std::set<NodeId> waited_for;
  for (HostId node = 0; node < hosts_.size(); ++node) {
    if (!is_wanted(*hosts_[node])) continue;
    const NodeId name = hosts_[node]->name();
    waited_for.insert(name);
    clients_[profile_.clients + node]->put_through(node, [&waited_for, name] { waited_for.erase(name); });
  }
  while (!waited_for.empty() && events_.next() <= limit + 2 * patience) events_.step();
  if (!waited_for.empty())
    throw Violation("liveness",
                    "a write through " + *waited_for.begin() + " does not get done after all is healed");
  const auto caught_up = [&] {
    for (const auto& host : hosts_) {
      if (!is_wanted(*host)) continue;
      if (!host->is_up() || host->node().store().applied().value < checkers_.committed()) return false;
    }
    return true;
  };
  // Each node's state at the end is then the reference's: the checker compares at every index reached.
  while (!caught_up() && events_.next() <= limit + 3 * patience) events_.step();
  if (!caught_up())
    throw Violation("liveness", "a node does not apply what is committed after all is healed");
  demand_rest(limit + 4 * patience);
  if (profile_.databases) compare_databases(limit + 5 * patience);
}

// Nobody waits for anything any more.
void World::demand_rest(Instant limit) {
  const bool all_know_restores = std::all_of(hosts_.begin(), hosts_.end(), [&](const auto& host) {
    return !is_wanted(*host) || !host->is_up() || host->node().cluster_protocol() >= protocol::kRestore;
  });
  const auto kept_by = [&](const Host& host) { return memory_.kept_without_need(host, all_know_restores); };
  const auto holder = [&]() -> const Host* {
    for (const auto& host : hosts_) {
      if (is_wanted(*host) && host->is_up() && !kept_by(*host).empty()) return host.get();
    }
    return nullptr;
  };
  while (holder() != nullptr && events_.next() <= limit) events_.step();
  if (const Host* host = holder())
    throw Violation("memory",
                    host->name() + " keeps " + kept_by(*host) + " although nobody waits for anything");
}

// Once each node's database has followed its state, they are all the same.
void World::compare_databases(Instant limit) {
  const auto behind = [&]() -> const Host* {
    for (const auto& host : hosts_) {
      if (is_wanted(*host) && !(host->is_up() && host->node().database_is_current())) return host.get();
    }
    return nullptr;
  };
  while (behind() != nullptr && events_.next() <= limit) events_.step();
  if (const Host* host = behind())
    throw Violation("liveness", "the database of " + host->name() + " does not follow its state");
  for (const auto& host : hosts_) {
    if (!is_wanted(*host)) continue;
    if (const auto wrong = difference(host->database(), host->node().store()))
      throw Violation("database", host->name() + " in the end: " + *wrong);
  }
}

bool World::is_wanted(const Host& host) const {
  return host.disk().incarnation() && checkers_.members().is_wanted(host.name(), host.disk().incarnation());
}

std::string World::describe_members() const {
  std::string text = describe(checkers_.members().configuration()) + "; wanted:";
  for (const auto& [id, node] : checkers_.members().wanted()) {
    const Member* member = checkers_.members().configuration().find(id);
    const bool same = member != nullptr && member->incarnation == node.incarnation;
    text += " " + id + (same ? "" : member == nullptr ? " (not there)" : " (another disk)");
  }
  text += "; up:";
  for (const auto& host : hosts_) {
    if (host->is_up()) text += " " + host->name() + (is_wanted(*host) ? "" : " (unwanted)");
  }
  return text;
}

bool World::membership_is_settled() const {
  if (removal_is_under_way()) return false;
  const Members& members = checkers_.members();
  const Configuration& configuration = members.configuration();
  if (configuration.members.size() != members.wanted().size() || configuration.is_joint()) return false;
  for (const Member& member : configuration.members) {
    if (member.standing != Standing::kVoter || !members.is_wanted(member.id, member.incarnation))
      return false;
  }
  for (const auto& host : hosts_) {
    if (host->is_up() != is_wanted(*host)) return false;
    // One whose disk went back must be found out.
    if (host->is_up() && host->disk().is_rolled_back()) return false;
    // A removal may still be in somebody's log.
    if (host->is_up() && host->node().raft().log().last_index().value > checkers_.committed()) return false;
  }
  return true;
}

std::optional<ConnId> World::on_accept(HostId host, Door door) { return hosts_[host]->accept(door); }

void World::on_dialled(HostId host, ConnId conn) {
  if (host >= kFirstSession) {
    tab(host).dialled(conn);
  } else if (host >= kFirstClient) {
    clients_[host - kFirstClient]->dialled(conn);
  } else {
    hosts_[host]->dialled(conn);
  }
}

void World::on_bytes(HostId host, ConnId conn, std::string bytes) {
  if (host >= kFirstSession) {
    tab(host).received(conn, std::move(bytes));
  } else if (host >= kFirstClient) {
    clients_[host - kFirstClient]->received(conn, bytes);
  } else {
    hosts_[host]->received(conn, std::move(bytes));
  }
}

void World::on_end_of_input(HostId host, ConnId conn) {
  if (host >= kFirstSession) {
    tab(host).ended(conn);
  } else if (host >= kFirstClient) {
    network_.close(host, conn);
    clients_[host - kFirstClient]->ended(conn);
  } else {
    hosts_[host]->end_of_input(conn);
  }
}

void World::on_ended(HostId host, ConnId conn, LinkEnd how) {
  if (host >= kFirstSession) {
    tab(host).ended(conn);
  } else if (host >= kFirstClient) {
    clients_[host - kFirstClient]->ended(conn);
  } else {
    hosts_[host]->ended(conn, how);
  }
}

void World::report(Outcome& outcome) const {
  outcome.profile = profile_.describe();
  outcome.trace_hash = trace_.hash();
  outcome.events = events_.count();
  outcome.busiest = events_.busiest();
  outcome.simulated = events_.now() - Instant{};
  outcome.operations = history_.size();
  for (const Op& op : history_) {
    outcome.acknowledged += op.end == OpEnd::kOk ? 1 : 0;
    if (op.guard == Guard::kNone) continue;
    outcome.conditional += op.end == OpEnd::kOk || op.end == OpEnd::kFailed ? 1 : 0;
    outcome.unmet += op.end == OpEnd::kFailed ? 1 : 0;
  }
  outcome.committed = checkers_.committed();
  outcome.leaders = checkers_.leaders();
  outcome.too_hard = too_hard_;
  for (const auto& user : users_) {
    const SessionCounts& counts = user->counts();
    outcome.sessions.logins += counts.logins;
    outcome.sessions.checks += counts.checks;
    outcome.sessions.refreshes += counts.refreshes;
    outcome.sessions.double_refreshes += counts.double_refreshes;
    outcome.sessions.logouts += counts.logouts;
    outcome.sessions.reuses += counts.reuses;
    outcome.sessions.refusals_after_end += counts.refusals_after_end;
  }
  outcome.faults = faults_;
  if (operator_.moved() > 0) outcome.faults["leadership moved"] = operator_.moved();
  if (checkers_.transfers() > 0) outcome.faults["handed over"] = checkers_.transfers();
  if (operator_.refused() > 0) outcome.faults["move refused"] = operator_.refused();
  if (restorer_.begun() > 0) outcome.faults["restore begun"] = restorer_.begun();
  if (restorer_.done() > 0) outcome.faults["restore done"] = restorer_.done();
  if (readiness_.elections() > 0) outcome.faults["calm election"] = readiness_.elections();
  if (planner_.written() > 0) outcome.faults["table write"] = planner_.written();
  if (planner_.refused() > 0) outcome.faults["table write refused"] = planner_.refused();
  if (planner_.read() > 0) outcome.faults["table read"] = planner_.read();
  if (checkers_.restores() > 0) outcome.faults["restored"] = checkers_.restores();
  for (const auto& host : hosts_) {
    outcome.faults["checkpoint"] += host->checkpoints();
    outcome.faults["segment removed"] += host->segments_removed();
    outcome.faults["state installed"] += host->installs();
    outcome.faults["install struck"] += host->struck_installs();
    outcome.faults["sync failed"] += host->failed_syncs();
    outcome.faults["database lost"] += host->database().losses();
    outcome.faults["database transaction"] += host->database().transactions();
    outcome.faults["disk set aside"] += host->disks_set_aside();
    outcome.faults["rot found out"] += host->rot_found();
    outcome.faults["rolled back disk found out"] += host->rollbacks_found_out();
  }
  rare_.report(outcome.faults);
  outcome.faults["frame lost"] = network_.frames_lost();
  outcome.faults["frame doubled"] = network_.frames_doubled();
  outcome.faults["frame overtaken"] = network_.frames_overtaken();
  outcome.trace = trace_.lines();
  outcome.hosts = static_cast<uint32_t>(hosts_.size());
  outcome.recording = trace_.recording();
}

Outcome run_world(Tape tape, bool keep_trace, Onlooker onlooker) {
  set_assertion_handler(throw_violation);
  Outcome outcome;
  {
    World world(tape, keep_trace);
    world.set_onlooker(std::move(onlooker));
    try {
      world.run();
    } catch (const Violation& violation) {
      outcome.violation = violation.what();
      outcome.checker = violation.checker;
    }
    world.report(outcome);
  }
  outcome.decisions = tape.decisions();
  outcome.asked = tape.asked();
  return outcome;
}

}  // namespace patronus::sim
