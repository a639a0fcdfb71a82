#include "core/base/bytes.h"
#include "core/base/limits.h"
#include "core/state/account_ops.h"

namespace patronus {
namespace {

using namespace limits;

void put_text(Writer& out, const std::optional<std::string>& text) {
  out.boolean(text.has_value());
  if (text) out.bytes(*text);
}
std::optional<std::string> get_text(Reader& in, size_t size_max) {
  if (!in.boolean()) return std::nullopt;
  return in.text(size_max);
}
void put_index(Writer& out, const std::optional<Index>& index) {
  out.boolean(index.has_value());
  if (index) out.u64(index->value);
}
std::optional<Index> get_index(Reader& in) {
  if (!in.boolean()) return std::nullopt;
  return Index{in.u64()};
}
UserRole get_role(Reader& in) {
  const uint8_t role = in.u8();
  if (role < 1 || role > 3) in.fail();
  return static_cast<UserRole>(role);
}

void put(Writer& out, const CreateUserOp& op) {
  out.bytes(op.id);
  out.bytes(op.email);
  out.bytes(op.name);
  out.u8(static_cast<uint8_t>(op.role));
  out.bytes(op.password);
  out.boolean(op.first);
}
void put(Writer& out, const UpdateUserOp& op) {
  out.bytes(op.id);
  put_text(out, op.email);
  put_text(out, op.name);
  out.u8(op.role ? static_cast<uint8_t>(*op.role) : 0);
  out.u8(op.disabled ? (*op.disabled ? 2 : 1) : 0);
  put_text(out, op.password);
  put_index(out, op.expected);
}
void put(Writer& out, const DeleteUserOp& op) {
  out.bytes(op.id);
  put_index(out, op.expected);
}
void put(Writer& out, const SetPasswordOp& op) {
  out.bytes(op.user_id);
  out.bytes(op.password);
  out.u64(op.expected_version);
  out.bytes(op.keep_session);
}
void put(Writer& out, const OpenSessionOp& op) {
  out.bytes(op.id);
  out.bytes(op.user_id);
  out.u64(op.password_version);
  out.i64(op.idle_ms);
  out.i64(op.life_ms);
  out.bytes(op.address);
  out.bytes(op.agent);
}
void put(Writer& out, const RefreshSessionOp& op) {
  out.bytes(op.id);
  out.u64(op.generation);
  out.i64(op.presented_lease_ms);
}
void put(Writer& out, const EndSessionsOp& op) {
  out.bytes(op.user_id);
  out.bytes(op.id);
  out.bytes(op.but_not);
}
void put(Writer& out, const TouchSessionsOp& op) {
  out.u32(static_cast<uint32_t>(op.ids.size()));
  for (const std::string& id : op.ids) out.bytes(id);
}
void put(Writer&, const ExpireSessionsOp&) {}
void put(Writer& out, const AddSigningKeyOp& op) {
  out.bytes(op.id);
  out.bytes(op.public_key);
  out.bytes(op.wrapped_private_key);
  out.bytes(op.expected_active);
}

CreateUserOp get_create(Reader& in) {
  CreateUserOp op;
  op.id = in.text(kAccountIdBytesMax);
  op.email = in.text(kEmailBytesMax);
  op.name = in.text(kUserNameBytesMax);
  op.role = get_role(in);
  op.password = in.text(kStoredPasswordBytesMax);
  op.first = in.boolean();
  return op;
}
UpdateUserOp get_update(Reader& in) {
  UpdateUserOp op;
  op.id = in.text(kAccountIdBytesMax);
  op.email = get_text(in, kEmailBytesMax);
  op.name = get_text(in, kUserNameBytesMax);
  const uint8_t role = in.u8();
  if (role > 3) in.fail();
  if (role > 0) op.role = static_cast<UserRole>(role);
  const uint8_t disabled = in.u8();
  if (disabled > 2) in.fail();
  if (disabled > 0) op.disabled = disabled == 2;
  op.password = get_text(in, kStoredPasswordBytesMax);
  op.expected = get_index(in);
  return op;
}
OpenSessionOp get_open(Reader& in) {
  OpenSessionOp op;
  op.id = in.text(kAccountIdBytesMax);
  op.user_id = in.text(kAccountIdBytesMax);
  op.password_version = in.u64();
  op.idle_ms = in.i64();
  op.life_ms = in.i64();
  op.address = in.text(kSessionAddressBytesMax);
  op.agent = in.text(kSessionAgentBytesMax);
  const auto sane = [](int64_t ms) { return ms > 0 && ms <= kStampMax; };
  if (!sane(op.idle_ms) || !sane(op.life_ms)) in.fail();
  return op;
}
TouchSessionsOp get_touch(Reader& in) {
  TouchSessionsOp op;
  op.ids.resize(in.count(kTouchesPerEntryMax, 4));
  for (std::string& id : op.ids) id = in.text(kAccountIdBytesMax);
  return op;
}

}  // namespace

void encode(Writer& out, const AccountOp& op) {
  out.u8(static_cast<uint8_t>(op.index()));
  std::visit([&](const auto& concrete) { put(out, concrete); }, op);
}

AccountOp decode_account_op(Reader& in) {
  switch (in.u8()) {
    case 0:
      return get_create(in);
    case 1:
      return get_update(in);
    case 2: {
      DeleteUserOp op;
      op.id = in.text(kAccountIdBytesMax);
      op.expected = get_index(in);
      return op;
    }
    case 3: {
      SetPasswordOp op;
      op.user_id = in.text(kAccountIdBytesMax);
      op.password = in.text(kStoredPasswordBytesMax);
      op.expected_version = in.u64();
      op.keep_session = in.text(kAccountIdBytesMax);
      return op;
    }
    case 4:
      return get_open(in);
    case 5: {
      RefreshSessionOp op;
      op.id = in.text(kAccountIdBytesMax);
      op.generation = in.u64();
      op.presented_lease_ms = in.i64();
      if (op.presented_lease_ms < 0 || op.presented_lease_ms > limits::kStampMax) in.fail();
      return op;
    }
    case 6: {
      EndSessionsOp op;
      op.user_id = in.text(kAccountIdBytesMax);
      op.id = in.text(kAccountIdBytesMax);
      op.but_not = in.text(kAccountIdBytesMax);
      return op;
    }
    case 7:
      return get_touch(in);
    case 8:
      return ExpireSessionsOp{};
    case 9: {
      AddSigningKeyOp op;
      op.id = in.text(kAccountIdBytesMax);
      op.public_key = in.text(kPublicKeyBytesMax);
      op.wrapped_private_key = in.text(kWrappedKeyBytesMax);
      op.expected_active = in.text(kAccountIdBytesMax);
      return op;
    }
    default:
      in.fail();
      return ExpireSessionsOp{};
  }
}

}  // namespace patronus
