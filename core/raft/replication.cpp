// Log replication: appends ahead of their answers within a window, commit by counting, heartbeats.
#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "core/base/assert.h"
#include "core/base/buggify.h"
#include "core/base/limits.h"
#include "core/base/mutant.h"
#include "core/raft/quorum.h"
#include "core/raft/raft.h"

namespace patronus {

Stamp Raft::stamp(Now now) const {
  return std::get<Leader>(role_).clock.stamp(now, log_.last_stamp(), wall_is_in_line());
}

// Compared with the median of all who were heard, itself among them: one clock that is far off, this or
// another, does not move the cluster's time.
bool Raft::wall_is_in_line() const {
  const auto& leader = std::get<Leader>(role_);
  // Its own, and those of members and of who was one a moment ago; of more the first will do.
  std::array<int64_t, 2 * limits::kMembersMax> offsets{};
  size_t count = 1;
  for (const auto& [peer, progress] : leader.peers) {
    if (progress.wall_offset_ms() && count < offsets.size()) offsets[count++] = *progress.wall_offset_ms();
  }
  if (count < quorum::majority(log_.configuration()->members.size())) return false;
  const auto middle = offsets.begin() + static_cast<std::ptrdiff_t>(count / 2);
  std::nth_element(offsets.begin(), middle, offsets.begin() + static_cast<std::ptrdiff_t>(count));
  const int64_t median = *middle;
  return std::abs(median) <= limits::kWallOffsetMaxMs;
}

Stamp Raft::cluster_stamp(Now now) const {
  if (is_leader()) return stamp(now);
  const int64_t since = in_ms(now.mono - told_at_);
  const Stamp last = log_.last_stamp();
  if (told_stamp_ == Stamp{}) return {last.lease_ms, std::max(last.wall_ms, now.wall.unix_ms)};
  return {std::max(told_stamp_.lease_ms, last.lease_ms), std::max(told_stamp_.wall_ms + since, last.wall_ms)};
}

Proposed Raft::propose(Now now, EntryKind kind, Blob payload, Effects& out) {
  if (!is_leader()) return Proposed::kNotLeader;
  const size_t bytes = Entry::kHeaderBytes + payload.size();
  // A leader that its own configuration has taken out is about to leave; what nodes that are no members write
  // is refused once it comes to be applied.
  if (std::get<Leader>(role_).transfer || !is_member(self_, incarnation_)) return Proposed::kHandingOver;
  // What would only fill what is left of a full disk, or wait for a majority that has no room for it, is
  // refused before it is in any log.
  const bool has_room = (room() > LogRoom::kNone && a_majority_has_room()) || MUTANT(kFillTheDisk);
  if (log_.full() || !has_room || BUGGIFY(kLogFull)) return Proposed::kFull;
  if (std::get<Leader>(role_).uncommitted_bytes + bytes > limits::kProposalsUncommittedBytesMax ||
      BUGGIFY(kProposalsFull))
    return Proposed::kBusy;
  append_own(now, kind, std::move(payload), out);
  replicate_all(now, out);
  maybe_commit(now, out);
  return Proposed::kAccepted;
}

bool Raft::a_majority_has_room() const {
  const auto& leader = std::get<Leader>(role_);
  return quorum::has_majority(*log_.configuration(), [&](const Member& member) {
    return member.id == self_ || leader.peers.at(member.id).room() > LogRoom::kNone;
  });
}

// The leader's own write goes on beside replication (thesis, section 10.2.1); it counts itself once it is
// done.
void Raft::append_own(Now now, EntryKind kind, Blob payload, Effects& out) {
  Entry entry{log_.last_index().next(), hard_.term, kind, stamp(now), std::move(payload)};
  std::get<Leader>(role_).uncommitted_bytes += entry.encoded_bytes();
  last_persist_ = last_persist_.next();
  log_.append({&entry, 1}, last_persist_);
  Persist persist{last_persist_, std::nullopt, {}};
  persist.entries.push_back(std::move(entry));
  out.emplace_back(std::move(persist));
}

void Raft::replicate_all(Now now, Effects& out) {
  for (auto& [peer, progress] : std::get<Leader>(role_).peers) replicate(now, peer, progress, out);
}

void Raft::replicate(Now now, const NodeId& peer, Progress& progress, Effects& out) {
  progress.keep_above(log_.base_index());
  if (progress.state() == ProgressState::kSnapshot) return;
  const bool probing = progress.state() == ProgressState::kProbe;
  // A full disk takes little, and is offered it again and again.
  const size_t bytes_max =
      progress.room() == LogRoom::kNone ? limits::kAppendBytesWhenFull : limits::kAppendBytesMax;
  while (progress.window_open() && (progress.next() <= log_.last_index() || probing)) {
    const size_t entries_max = BUGGIFY(kOneEntryAppend) ? 1 : limits::kAppendEntriesMax;
    send_append(now, peer, progress, log_.slice(progress.next(), bytes_max, entries_max), out);
    if (probing) return;
  }
  // A follower that has everything still must hear what is committed; one that waits for more hears it then.
  if (!probing && !progress.waits() && progress.commit_sent() < commit_)
    send_append(now, peer, progress, {}, out);
}

void Raft::send_append(Now now, const NodeId& peer, Progress& progress, std::vector<Entry> entries,
                       Effects& out) {
  const Index prev = progress.next().prev();
  const std::optional<Term> prev_term = log_.term_at(prev);
  PATRONUS_ASSERT(prev_term.has_value(),
                  "a follower's next entry is above the base and at most the next one");
  size_t bytes = 0;
  for (const Entry& entry : entries) bytes += entry.encoded_bytes();
  const Index last = entries.empty() ? prev : entries.back().index;
  send(peer, AppendRequest{prev, *prev_term, commit_, std::move(entries)}, PersistId{}, out);
  progress.sent(now.mono, last, bytes, commit_);
}

void Raft::on(Now now, const NodeId& from, Term, AppendRequest& m, Effects& out) {
  if (is_leader()) {
    out.emplace_back(Notice{NoticeKind::kStranger, "append of this node's own term from " + from});
    return;
  }
  if (leader() != from) become_follower(now, hard_.term, from, out);
  last_leader_contact_ = now.mono;
  had_leader_contact_ = true;
  reset_election_deadline(now);
  // What is below the base is committed, and so no other than what the leader has there.
  const bool is_cut = m.prev_index < log_.base_index();
  if (!is_cut && log_.term_at(m.prev_index) != m.prev_term && !MUTANT(kAppendWithoutCheck)) {
    refuse_append(from, m, out);
    return;
  }
  if (m.prev_index > log_.last_index()) return;
  take_entries(from, m, out);
}

void Raft::refuse_append(const NodeId& from, const AppendRequest& m, Effects& out) {
  // One refusal skips all places that can't be where the logs meet: those after our end, and those whose term
  // is above the leader's there (paper, end of section 5.3).
  Index hint = std::min(m.prev_index, log_.last_index());
  while (hint > commit_ && *log_.term_at(hint) > m.prev_term) hint = hint.prev();
  send(from, AppendResponse{false, Index{}, m.prev_index, hint, *log_.term_at(hint)}, PersistId{}, out);
}

// What fills the end of a full disk would be missed by terms and votes, without which there is no leader.
std::span<const Entry> Raft::what_there_is_room_for(std::span<const Entry> entries) const {
  if (!room_left_ || MUTANT(kFillTheDisk)) return entries;
  size_t bytes = reserve_.reserve;
  size_t count = 0;
  while (count < entries.size() && bytes + entries[count].encoded_bytes() <= *room_left_)
    bytes += entries[count++].encoded_bytes();
  return entries.first(count);
}

void Raft::take_entries(const NodeId& from, AppendRequest& m, Effects& out) {
  Index last_new = std::max(Index{m.prev_index.value + m.entries.size()}, log_.base_index());
  const auto is_here = [&](const Entry& entry) {
    return entry.index <= log_.base_index() || log_.term_at(entry.index) == entry.term;
  };
  size_t skip = 0;
  while (skip < m.entries.size() && is_here(m.entries[skip]) && !MUTANT(kTruncateAlways)) ++skip;
  if (skip < m.entries.size()) {
    const std::span<const Entry> news = std::span(m.entries).subspan(skip);
    const bool valid = std::all_of(news.begin(), news.end(), [](const Entry& entry) {
      return entry.kind != EntryKind::kConfiguration ||
             decode_configuration(entry.payload.view()).has_value();
    });
    if (news.front().index <= commit_ || !valid) {
      out.emplace_back(
          Notice{NoticeKind::kStranger, "append from " + from + " contradicts what is committed"});
      return;
    }
    const std::span<const Entry> taken = what_there_is_room_for(news);
    // The leader sends the others again.
    last_new = Index{news.front().index.value - 1 + taken.size()};
    if (!taken.empty()) {
      log_.truncate_from(taken.front().index);
      append_from_leader(taken, out);
      ++counters_.replications;
    }
  }
  matched_ = matched_in_ == hard_.term ? std::max(matched_, last_new) : last_new;
  matched_in_ = hard_.term;
  advance_commit(std::min(m.commit, last_new));
  // What the leader may count must be on disk here, also if an earlier message brought it.
  send(from, AppendResponse{true, last_new, m.prev_index, Index{}, Term{}}, log_.write_of(last_new), out);
}

// In pieces, so that a long append finds its place in the log's segments; what is written together anyway is
// still one write.
void Raft::append_from_leader(std::span<const Entry> entries, Effects& out) {
  while (!entries.empty()) {
    size_t count = 1;
    size_t bytes = entries.front().encoded_bytes();
    while (count < entries.size() && bytes + entries[count].encoded_bytes() <= persist_bytes_max_)
      bytes += entries[count++].encoded_bytes();
    const std::span<const Entry> piece = entries.first(count);
    last_persist_ = last_persist_.next();
    log_.append(piece, last_persist_);
    out.emplace_back(Persist{last_persist_, std::nullopt, {piece.begin(), piece.end()}});
    entries = entries.subspan(count);
  }
}

void Raft::on(Now now, const NodeId& from, Term, const AppendResponse& m, Effects& out) {
  auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) return;
  const auto at = leader->peers.find(from);
  if (at == leader->peers.end()) return;
  Progress& progress = at->second;
  progress.contact(now.mono, election_timeout_);
  if (m.success) {
    if (m.match > log_.last_index()) {
      out.emplace_back(Notice{NoticeKind::kStranger, from + " acknowledges entries that were never sent"});
      return;
    }
    if (progress.acknowledged(now.mono, m.match)) {
      ++counters_.replications;
      maybe_commit(now, out);
    }
  } else {
    // The largest place at which our term is not above the follower's is the next worth trying.
    Index meet = std::min(m.hint_index, log_.last_index());
    while (meet > log_.base_index() && *log_.term_at(meet) > m.hint_term) meet = meet.prev();
    progress.refused(m.prev_index, meet.next(), log_.base_index());
  }
  if (!is_leader()) return;
  replicate(now, from, progress, out);
  continue_transfer(out);
}

void Raft::maybe_commit(Now now, Effects& out) {
  auto& leader = std::get<Leader>(role_);
  const auto reached = [&](const Member& member) -> Index {
    if (member.id != self_) return leader.peers.at(member.id).match();
    return MUTANT(kLeaderCountsUndurable) ? log_.last_index() : log_.durable();
  };
  const Index index = quorum::reached_by_majority<Index>(*log_.configuration(), reached);
  // Entries of earlier terms commit only along with one of this term (paper, section 5.4.2).
  if (index <= commit_ || (index < leader.first_index && !MUTANT(kCommitOldTerm))) return;
  // With its first entry committed a leader knows how far the cluster is, and followers shall not wait for
  // the next heartbeats to be told.
  const bool knows_now = commit_ < leader.first_index;
  advance_commit(index);
  for (auto& [peer, progress] : leader.peers) replicate(now, peer, progress, out);
  if ((leader.reads.anyone_waits() || knows_now) && !leader.reads.under_way()) start_read_round(now, out);
}

void Raft::advance_commit(Index to) {
  if (to <= commit_) return;
  PATRONUS_ASSERT(to <= log_.last_index(), "only entries of the log are committed");
  if (auto* leader = std::get_if<Leader>(&role_)) {
    for (Index i = std::max(commit_.next(), leader->first_index); i <= to; i = i.next()) {
      const size_t bytes = log_.at(i).encoded_bytes();
      PATRONUS_ASSERT(leader->uncommitted_bytes >= bytes,
                      "what is committed was counted when it was proposed");
      leader->uncommitted_bytes -= bytes;
    }
  }
  commit_ = to;
  leader_commit_ = std::max(leader_commit_, commit_);
}

bool Raft::hears_a_majority(Now now) const {
  const auto& leader = std::get<Leader>(role_);
  return quorum::has_majority(*log_.configuration(), [&](const Member& member) {
    if (member.id == self_) return true;
    return !gone_.contains(member.id) &&
           now.mono - leader.peers.at(member.id).last_contact() < election_timeout_;
  });
}

void Raft::lead(Now now, Effects& out) {
  auto& leader = std::get<Leader>(role_);
  // A leader that hears no majority keeps nobody's patience (thesis, section 6.2).
  if (!hears_a_majority(now) && !MUTANT(kNoCheckQuorum)) {
    become_follower(now, hard_.term, NodeId{}, out);
    return;
  }
  last_leader_contact_ = now.mono;
  leader.clock.advance(now, wall_is_in_line());
  leader.next_tick = now.mono + heartbeat_interval_;
  forget_departed(now);
  const Duration retry = std::min<Duration>(heartbeat_interval_, limits::kRetryIntervalMax);
  for (auto& [peer, progress] : leader.peers) {
    if (progress.overdue(now.mono, retry)) progress.restart();
    replicate(now, peer, progress, out);
    // Whether it still lacks what was cut: an append under way from a former leader, or a copy of the whole
    // state, may have helped.
    if (progress.state() == ProgressState::kSnapshot) send_append(now, peer, progress, {}, out);
  }
  leader.reads.next_round();
  send_heartbeats(now, out);
  finish_read_rounds(now, out);
}

// Sends the round that was just begun.
void Raft::send_heartbeats(Now now, Effects& out) {
  auto& leader = std::get<Leader>(role_);
  leader.own_clock.heard(now.mono, leader.reads.round().prev());
  for (auto& [peer, progress] : leader.peers) {
    progress.sample(leader.reads.round());
    send_heartbeat(now, peer, progress, out);
  }
}

void Raft::send_heartbeat(Now now, const NodeId& peer, const Progress& progress, Effects& out) {
  const auto& leader = std::get<Leader>(role_);
  const bool knows = commit_ >= leader.first_index;
  ++counters_.heartbeats_sent;
  send(peer,
       Heartbeat{leader.reads.round(), std::min(progress.match(), commit_), commit_, stamp(now),
                 knows ? progress.clock().reading() : Instant{}, commit_, members(now)},
       PersistId{}, out);
}

void Raft::on(Now now, const NodeId& from, Term, const Heartbeat& m, Effects& out) {
  if (is_leader()) return;
  if (leader() != from) become_follower(now, hard_.term, from, out);
  ++counters_.heartbeats_received;
  last_leader_contact_ = now.mono;
  had_leader_contact_ = true;
  reset_election_deadline(now);
  // The leader bounds the commit index by what it knows to be here. A disk that was rolled back since may
  // have other entries there, so that it counts only as far as this process has compared its log (scenario
  // 49).
  advance_commit(std::min(m.commit, matched_in_ == hard_.term ? matched_ : Index{}));
  leader_commit_ = std::max(leader_commit_, m.leader_commit);
  told_members_ = m.members;
  told_commit_ = m.leader_commit;
  told_stamp_ = m.stamp;
  told_at_ = now.mono;
  freshness_.told(m.fresh_as_of, m.fresh_commit, applied_, now.mono);
  send(from, heartbeat_response(now, m.round), PersistId{}, out);
}

HeartbeatResponse Raft::heartbeat_response(Now now, Round round) const {
  const int64_t us = std::clamp<int64_t>(write_pace_.count() / 1'000, write_pace_ > Duration{0} ? 1 : 0,
                                         std::numeric_limits<uint32_t>::max());
  const Member* leading = log_.configuration() == nullptr ? nullptr : log_.configuration()->find(leader());
  const DiskLife known = leading == nullptr ? DiskLife{} : kept_life(leading->incarnation);
  return {round,          applied_, now.wall,   now.mono, draining_, priority_, static_cast<uint32_t>(us),
          log_.durable(), room(),   own_life(), known};
}

void Raft::on(Now now, const NodeId& from, Term, const HeartbeatResponse& m, Effects& out) {
  auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) return;
  const auto at = leader->peers.find(from);
  if (at == leader->peers.end()) return;
  if (!at->second.compare(std::min(m.round, leader->reads.round()), m.durable) && !MUTANT(kTrustOldDisk)) {
    at->second.distrust();
    went_back_.push_back(speaker_);
    return;
  }
  at->second.contact(now.mono, election_timeout_);
  at->second.set_applied(m.applied);
  at->second.set_draining(m.draining);
  at->second.set_wishes(m.priority, std::chrono::microseconds(m.write_us));
  at->second.set_room(m.room);
  at->second.set_wall_offset_ms(offset_ms(m.wall, now.wall));
  const bool is_urgent = m.clock > Instant{} && at->second.clock().is_urgent(m.clock, election_timeout_);
  if (m.clock > Instant{}) at->second.clock().heard(m.clock, leader->reads.round());
  at->second.acknowledged_round(std::min(m.round, leader->reads.round()));
  finish_read_rounds(now, out);
  // A node that just came up, or was cut off, can vouch for nothing, and shall not have to wait for
  // heartbeats.
  if (is_urgent && is_leader() && !leader->reads.under_way()) start_read_round(now, out);
  if (is_leader()) replicate(now, from, at->second, out);
}

}  // namespace patronus
