// The first entry of a new cluster. Who may write it, and when, is decided in core/founding.h. And the entry
// by which one node goes on alone as a new cluster, which an operator decides.
#include <algorithm>

#include "core/base/assert.h"
#include "core/base/limits.h"
#include "core/raft/raft.h"

namespace patronus {

void Raft::found(Now now, const Configuration& configuration, Effects& out) {
  PATRONUS_ASSERT(!hard_.cluster_id && log_.empty() && hard_.term == Term{},
                  "only a node that has nothing founds");
  PATRONUS_ASSERT(configuration.is_voter(self_, incarnation_), "the founder is a member");
  hard_.cluster_id = configuration.cluster_id;
  hard_.term = Term{1};
  last_persist_ = last_persist_.next();
  hard_write_ = last_persist_;
  const Entry entry{Index{1}, hard_.term, EntryKind::kConfiguration,
                    Stamp{0, std::clamp<int64_t>(now.wall.unix_ms, 0, limits::kStampMax)},
                    Blob(encode_configuration(configuration))};
  log_.append({&entry, 1}, last_persist_);
  out.emplace_back(Persist{last_persist_, hard_, {entry}});
  out.emplace_back(Notice{NoticeKind::kFounded, "founded cluster " + configuration.cluster_id.hex()});
  // The entry is an ordinary one from here on: it is committed by the election that follows.
  campaign(now, LeaderCause::kStart, out);
}

// One write holds the cluster's name, the term and the entry, so that a crash leaves the one cluster or the
// other.
void Raft::found_anew(Now now, const ClusterId& cluster, const Member& self, Effects& out) {
  PATRONUS_ASSERT(cluster && cluster != hard_.cluster_id, "the cluster is another one");
  PATRONUS_ASSERT(self.id == self_ && self.incarnation == incarnation_ && self.votes(),
                  "this node is its voter");
  const ClusterId former = hard_.cluster_id;
  hard_.cluster_id = cluster;
  hard_.term = std::max(hard_.term, log_.last_term()).next();
  hard_.voted_for.clear();
  last_persist_ = last_persist_.next();
  hard_write_ = last_persist_;
  const Stamp last = log_.last_stamp();
  const Stamp stamp{last.lease_ms,
                    std::max(last.wall_ms, std::clamp<int64_t>(now.wall.unix_ms, 0, limits::kStampMax))};
  const Entry entry{log_.last_index().next(), hard_.term, EntryKind::kConfiguration, stamp,
                    Blob(encode_configuration({cluster, {self}}))};
  out.emplace_back(Notice{NoticeKind::kFounded,
                          "founded cluster " + cluster.hex() + " from entries up to " +
                              std::to_string(log_.last_index().value) +
                              (former ? " of cluster " + former.hex() + ", which is given up" : "")});
  log_.append({&entry, 1}, last_persist_);
  out.emplace_back(Persist{last_persist_, hard_, {entry}});
  campaign(now, LeaderCause::kStart, out);
}

}  // namespace patronus
