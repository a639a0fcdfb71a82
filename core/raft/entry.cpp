#include "core/raft/entry.h"

#include "core/base/limits.h"

namespace patronus {

void encode(Writer& out, const ClusterId& id) {
  out.u64(id.words[0]);
  out.u64(id.words[1]);
}

ClusterId decode_cluster_id(Reader& in) {
  ClusterId id;
  id.words[0] = in.u64();
  id.words[1] = in.u64();
  return id;
}

void encode(Writer& out, const Entry& entry) {
  out.u64(entry.index.value);
  out.u64(entry.term.value);
  out.u8(static_cast<uint8_t>(entry.kind));
  out.i64(entry.stamp.lease_ms);
  out.i64(entry.stamp.wall_ms);
  out.bytes(entry.payload.view());
}

Entry decode_entry(Reader& in) {
  Entry entry;
  entry.index = Index{in.u64()};
  entry.term = Term{in.u64()};
  const uint8_t kind = in.u8();
  if (kind < 1 || kind > 3) in.fail();
  entry.kind = static_cast<EntryKind>(kind);
  entry.stamp.lease_ms = in.i64();
  entry.stamp.wall_ms = in.i64();
  entry.payload = Blob(in.text(limits::kEntryBytesMax));
  const auto sane = [](int64_t ms) { return ms >= 0 && ms <= limits::kStampMax; };
  if (!sane(entry.stamp.lease_ms) || !sane(entry.stamp.wall_ms)) in.fail();
  if (!entry.index || !entry.term || entry.index.value > limits::kCounterMax) in.fail();
  return entry;
}

void encode(Writer& out, const HardState& hard) {
  out.u64(hard.term.value);
  out.bytes(hard.voted_for);
  encode(out, hard.cluster_id);
  out.u64(hard.boot);
}

HardState decode_hard_state(Reader& in) {
  HardState hard;
  hard.term = Term{in.u64()};
  hard.voted_for = in.text(limits::kNodeIdBytesMax);
  hard.cluster_id = decode_cluster_id(in);
  hard.boot = in.u64();
  if (!hard.voted_for.empty() && !is_node_id(hard.voted_for)) in.fail();
  return hard;
}

void encode(Writer& out, const DiskLife& life) {
  out.u64(life.incarnation.value);
  out.u64(life.life);
  out.u64(life.process);
}

DiskLife decode_disk_life(Reader& in) {
  const Incarnation incarnation{in.u64()};
  const uint64_t life = in.u64();
  return {incarnation, life, in.u64()};
}

void encode(Writer& out, const Lives& lives) {
  out.u64(lives.life);
  out.boolean(lives.confirmed);
  out.u32(static_cast<uint32_t>(lives.processes.size()));
  for (const uint64_t process : lives.processes) out.u64(process);
  out.u32(static_cast<uint32_t>(lives.others.size()));
  for (const DiskLife& other : lives.others) encode(out, other);
}

Lives decode_lives(Reader& in) {
  Lives lives;
  lives.life = in.u64();
  lives.confirmed = in.boolean();
  for (size_t n = in.count(limits::kLifeProcessesMax, 8); n > 0; --n) lives.processes.push_back(in.u64());
  for (size_t n = in.count(limits::kMembersMax, 24); n > 0; --n) {
    lives.others.push_back(decode_disk_life(in));
    if (!lives.others.back().incarnation) in.fail();
  }
  if (lives.life == 0 || lives.processes.empty()) in.fail();
  return lives;
}

}  // namespace patronus
