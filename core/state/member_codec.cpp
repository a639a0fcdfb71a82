#include "core/base/bytes.h"
#include "core/base/limits.h"
#include "core/state/member_ops.h"

namespace patronus {
namespace {

using namespace limits;

void put(Writer& out, const AdmitNodeOp& op) {
  out.u8(1);
  out.bytes(op.id);
  out.u64(op.incarnation.value);
  out.bytes(op.peer_address);
  out.bytes(op.api_address);
  out.bytes(op.admitted_by);
  out.u64(op.replaces.value);
}

void put(Writer& out, const RemoveNodeOp& op) {
  out.u8(2);
  out.bytes(op.id);
  out.boolean(op.force);
}

void put(Writer& out, const ReinitNodeOp& op) {
  out.u8(3);
  out.bytes(op.id);
}

std::string get_id(Reader& in) {
  std::string id = in.text(kNodeIdBytesMax);
  if (!is_node_id(id)) in.fail();
  return id;
}

}  // namespace

void encode(Writer& out, const MemberOp& op) {
  std::visit([&](const auto& concrete) { put(out, concrete); }, op);
}

MemberOp decode_member_op(Reader& in) {
  switch (in.u8()) {
    case 1: {
      AdmitNodeOp op;
      op.id = get_id(in);
      op.incarnation = Incarnation{in.u64()};
      op.peer_address = in.text(kAddressBytesMax);
      op.api_address = in.text(kAddressBytesMax);
      op.admitted_by = in.text(kAdmittedByBytesMax);
      op.replaces = Incarnation{in.u64()};
      return op;
    }
    case 2: {
      RemoveNodeOp op;
      op.id = get_id(in);
      op.force = in.boolean();
      return op;
    }
    case 3:
      return ReinitNodeOp{get_id(in)};
    default:
      in.fail();
      return RemoveNodeOp{};
  }
}

}  // namespace patronus
