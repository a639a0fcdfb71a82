#include "core/base/bytes.h"
#include "core/base/limits.h"
#include "core/raft/entry.h"
#include "core/state/restore_ops.h"

namespace patronus {
namespace {

using namespace limits;

void put(Writer& out, const BeginRestoreOp& op) {
  out.u8(1);
  out.bytes(op.id);
  out.u64(op.snapshot.value);
  out.u64(op.hash);
  encode(out, op.cluster);
  out.u64(op.rows);
}

void put(Writer& out, const StageRowsOp& op) {
  out.u8(2);
  out.bytes(op.id);
  out.u64(op.sequence);
  out.bytes(op.rows.view());
}

void put(Writer& out, const FinishRestoreOp& op) {
  out.u8(3);
  out.bytes(op.id);
  out.u64(op.rows);
  out.u64(op.hash);
  out.boolean(op.end_sessions);
}

void put(Writer& out, const DropStagedOp& op) {
  out.u8(4);
  out.bytes(op.id);
  out.boolean(op.only_if_idle);
}

std::string get_restore_id(Reader& in) {
  std::string id = in.text(kRestoreIdBytesMax);
  if (id.empty()) in.fail();
  return id;
}

}  // namespace

void encode(Writer& out, const RestoreOp& op) {
  std::visit([&](const auto& concrete) { put(out, concrete); }, op);
}

RestoreOp decode_restore_op(Reader& in) {
  switch (in.u8()) {
    case 1: {
      BeginRestoreOp op;
      op.id = get_restore_id(in);
      op.snapshot = Index{in.u64()};
      op.hash = in.u64();
      op.cluster = decode_cluster_id(in);
      op.rows = in.u64();
      return op;
    }
    case 2: {
      StageRowsOp op;
      op.id = get_restore_id(in);
      op.sequence = in.u64();
      op.rows = Blob(in.text(kStagedPieceBytesMax + kStagedPieceBytes));
      return op;
    }
    case 3: {
      FinishRestoreOp op;
      op.id = get_restore_id(in);
      op.rows = in.u64();
      op.hash = in.u64();
      op.end_sessions = in.boolean();
      return op;
    }
    case 4: {
      DropStagedOp op;
      op.id = get_restore_id(in);
      op.only_if_idle = in.boolean();
      return op;
    }
    default:
      in.fail();
      return DropStagedOp{};
  }
}

}  // namespace patronus
