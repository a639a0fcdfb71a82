// The first entry of a new cluster. Who may write it, and when, is decided in core/founding.h.
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

}  // namespace patronus
