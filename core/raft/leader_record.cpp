#include "core/raft/leader_record.h"

#include "core/base/bytes.h"
#include "core/base/limits.h"

namespace patronus {

std::string_view cause_name(LeaderCause cause) {
  switch (cause) {
    case LeaderCause::kStart:
      return "start";
    case LeaderCause::kTimeout:
      return "timeout";
    case LeaderCause::kCrash:
      return "crash";
    case LeaderCause::kTransfer:
      return "transfer";
    case LeaderCause::kDrain:
      return "drain";
    case LeaderCause::kForced:
      return "forced";
  }
  return "unknown";
}

std::string encode_leader_record(const LeaderRecord& record) {
  std::string bytes;
  Writer out(bytes);
  out.bytes(record.leader);
  out.u8(static_cast<uint8_t>(record.cause));
  return bytes;
}

std::optional<LeaderRecord> decode_leader_record(std::string_view bytes) {
  Reader in(bytes);
  LeaderRecord record;
  record.leader = in.text(limits::kNodeIdBytesMax);
  const uint8_t cause = in.u8();
  if (!in.done() || !is_node_id(record.leader) || cause < 1 || cause > 6) return std::nullopt;
  record.cause = static_cast<LeaderCause>(cause);
  return record;
}

}  // namespace patronus
