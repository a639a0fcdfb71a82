#include "core/state/account_records.h"

namespace patronus {

void encode_record(Writer& out, const User& user) {
  out.bytes(user.email);
  out.bytes(user.name);
  out.u8(static_cast<uint8_t>(user.role));
  out.boolean(user.disabled);
  out.bytes(user.password);
  out.u64(user.password_version);
  out.i64(user.created_wall_ms);
  out.u64(user.create_revision.value);
  out.u64(user.mod_revision.value);
}

void encode_record(Writer& out, const Session& session) {
  out.bytes(session.user_id);
  out.u64(session.generation);
  for (const int64_t began : session.began_lease_ms) out.i64(began);
  out.i64(session.created_wall_ms);
  out.i64(session.expires_wall_ms);
  out.i64(session.idle_ms);
  out.i64(session.seen_lease_ms);
  out.i64(session.seen_wall_ms);
  out.bytes(session.address);
  out.bytes(session.agent);
}

void encode_record(Writer& out, const SigningKey& key) {
  out.bytes(key.public_key);
  out.bytes(key.wrapped_private_key);
  out.i64(key.created_wall_ms);
  out.i64(key.retired_wall_ms);
}

}  // namespace patronus
