// Read index: the leader's side (thesis, section 6.4).
#include <algorithm>

#include "core/base/buggify.h"
#include "core/base/limits.h"
#include "core/base/mutant.h"
#include "core/raft/quorum.h"
#include "core/raft/raft.h"

namespace patronus {

void Raft::request_read(Now now, ReadTicket ticket, Effects& out) {
  auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr || leader->reads.size() >= limits::kReadsInFlightMax || BUGGIFY(kReadRoundFull)) {
    failed_reads_.push_back(std::move(ticket));
    return;
  }
  if (MUTANT(kReadWithoutRound)) {
    ready_reads_.push_back({std::move(ticket), commit_});
    return;
  }
  leader->reads.wait(std::move(ticket));
  if (!leader->reads.under_way()) start_read_round(now, out);
}

void Raft::start_read_round(Now now, Effects& out) {
  auto& leader = std::get<Leader>(role_);
  // Before its own first entry is committed a leader does not know what is (paper, section 8).
  if (commit_ < leader.first_index && !MUTANT(kReadBeforeTermCommit)) return;
  leader.reads.start(MUTANT(kReadAtApplied) ? applied_ : commit_);
  send_heartbeats(now, out);
  finish_read_rounds(now, out);
}

void Raft::finish_read_rounds(Now now, Effects& out) {
  auto& leader = std::get<Leader>(role_);
  const auto reached = [&](const Member& member) -> Round {
    return member.id == self_ ? leader.reads.round() : leader.peers.at(member.id).acked_round();
  };
  const Round confirmed = quorum::reached_by_majority<Round>(*log_.configuration(), reached);
  confirm_clocks(now, confirmed, out);
  if (!leader.reads.under_way() || confirmed < leader.reads.wanted()) return;
  std::vector<ReadReady> ready = leader.reads.finish();
  ready_reads_.insert(ready_reads_.end(), std::make_move_iterator(ready.begin()),
                      std::make_move_iterator(ready.end()));
  if (leader.reads.anyone_waits()) start_read_round(now, out);
}

// Before its own first entry is committed a leader does not know what is, so it vouches for nothing.
void Raft::confirm_clocks(Now now, Round confirmed, Effects& out) {
  auto& leader = std::get<Leader>(role_);
  if (commit_ < leader.first_index) return;
  for (auto& [peer, progress] : leader.peers) {
    if (progress.clock().confirmed(confirmed, election_timeout_)) send_heartbeat(now, peer, progress, out);
  }
  (void)leader.own_clock.confirmed(confirmed, election_timeout_);
  freshness_.told(leader.own_clock.reading(), commit_, applied_, now.mono);
}

void Raft::fail_reads() {
  std::vector<ReadTicket> failed = std::get<Leader>(role_).reads.fail();
  failed_reads_.insert(failed_reads_.end(), std::make_move_iterator(failed.begin()),
                       std::make_move_iterator(failed.end()));
}

}  // namespace patronus
