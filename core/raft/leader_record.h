// The payload of the entry that opens a term: who leads it, and why there was an election.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/types.h"
#include "core/requests/request.h"

namespace patronus {

struct LeaderRecord {
  NodeId leader;
  LeaderCause cause = LeaderCause::kStart;
};

[[nodiscard]] std::string encode_leader_record(const LeaderRecord& record);
[[nodiscard]] std::optional<LeaderRecord> decode_leader_record(std::string_view bytes);

}  // namespace patronus
