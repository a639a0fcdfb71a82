#include "core/base/limits.h"
#include "core/state/command.h"
#include "core/state/command_layout.h"
#include "core/state/expected_codec.h"

namespace patronus {
namespace {

using namespace limits;

// A restore and what is done to tables have layouts of their own, so that a version that does not know them
// stops rather than take them for nothing. All other commands stay as they were: nodes of all versions
// understand them.
constexpr uint8_t kResultVersion = 2;

void put(Writer& out, const PutOp& op) {
  out.u8(1);
  out.bytes(op.ns);
  out.bytes(op.key);
  out.bytes(op.value.view());
  out.bytes(op.content_type);
  put_expected(out, op.expected);
}

void put(Writer& out, const DeleteOp& op) {
  out.u8(2);
  out.bytes(op.ns);
  out.bytes(op.key);
  put_expected(out, op.expected);
}

void put_steps(Writer& out, const std::vector<BatchStep>& steps) {
  out.u32(static_cast<uint32_t>(steps.size()));
  for (const BatchStep& step : steps) {
    out.u8(static_cast<uint8_t>(step.kind));
    out.bytes(step.key);
    out.bytes(step.value.view());
    out.bytes(step.content_type);
  }
}

std::vector<BatchStep> get_steps(Reader& in) {
  std::vector<BatchStep> steps(in.count(kBatchOpsMax, 13));
  for (BatchStep& step : steps) {
    step.kind = in.enumerated<StepKind>(4);
    step.key = in.text(kKeyBytesMax);
    step.value = Blob(in.text(kValueBytesMax));
    step.content_type = in.text(kContentTypeBytesMax);
  }
  return steps;
}

void put(Writer& out, const BatchOp& op) {
  out.u8(3);
  out.bytes(op.ns);
  out.u32(static_cast<uint32_t>(op.compare.size()));
  for (const Compare& compare : op.compare) {
    out.bytes(compare.key);
    out.u8(static_cast<uint8_t>(compare.target));
    out.u8(static_cast<uint8_t>(compare.relation));
    out.u64(compare.number);
    out.bytes(compare.value.view());
  }
  put_steps(out, op.then);
  out.boolean(op.otherwise.has_value());
  if (op.otherwise) put_steps(out, *op.otherwise);
}

BatchOp get_batch(Reader& in) {
  BatchOp op;
  op.ns = in.text(kNamespaceBytesMax);
  op.compare.resize(in.count(kBatchOpsMax, 18));
  for (Compare& compare : op.compare) {
    compare.key = in.text(kKeyBytesMax);
    compare.target = in.enumerated<CompareTarget>(4);
    compare.relation = in.enumerated<CompareRelation>(4);
    compare.number = in.u64();
    compare.value = Blob(in.text(kValueBytesMax));
  }
  op.then = get_steps(in);
  if (in.boolean()) op.otherwise = get_steps(in);
  return op;
}

void put(Writer& out, const AccountOp& op) {
  out.u8(4);
  encode(out, op);
}

constexpr uint8_t kMemberOp = 5;

void put(Writer& out, const MemberOp& op) {
  out.u8(kMemberOp);
  encode(out, op);
}

constexpr uint8_t kRestoreOp = 6;

void put(Writer& out, const RestoreOp& op) {
  out.u8(kRestoreOp);
  encode(out, op);
}

constexpr uint8_t kTableOp = 7;

void put(Writer& out, const TableOp& op) {
  out.u8(kTableOp);
  encode(out, op);
}

uint8_t version_of(const WriteOp& op) {
  if (std::holds_alternative<RestoreOp>(op)) return kRestoreCommandLayout;
  if (std::holds_alternative<TableOp>(op)) return kTableCommandLayout;
  return kCommandLayout;
}

bool is_known(uint8_t version) { return version >= kCommandLayout && version <= kTableCommandLayout; }

WriteOp get_op(Reader& in, uint8_t version) {
  const uint8_t kind = in.u8();
  if ((kind == kRestoreOp) != (version == kRestoreCommandLayout)) in.fail();
  if ((kind == kTableOp) != (version == kTableCommandLayout)) in.fail();
  switch (kind) {
    case 1: {
      PutOp op;
      op.ns = in.text(kNamespaceBytesMax);
      op.key = in.text(kKeyBytesMax);
      op.value = Blob(in.text(kValueBytesMax));
      op.content_type = in.text(kContentTypeBytesMax);
      op.expected = get_expected(in);
      return op;
    }
    case 2: {
      DeleteOp op;
      op.ns = in.text(kNamespaceBytesMax);
      op.key = in.text(kKeyBytesMax);
      op.expected = get_expected(in);
      return op;
    }
    case 3:
      return get_batch(in);
    case 4:
      return decode_account_op(in);
    case kMemberOp:
      return decode_member_op(in);
    case kRestoreOp:
      return decode_restore_op(in);
    case kTableOp:
      return decode_table_op(in);
    default:
      in.fail();
      return DeleteOp{};
  }
}

Origin get_origin(Reader& in) {
  if (!is_known(in.u8())) in.fail();
  Origin origin;
  origin.incarnation = Incarnation{in.u64()};
  origin.sequence = in.u64();
  origin.resolved_below = in.u64();
  if (!origin.incarnation || origin.sequence == 0 || origin.resolved_below > origin.sequence) in.fail();
  return origin;
}

void put_record(Writer& out, const Record& record) {
  out.bytes(record.value.view());
  out.bytes(record.content_type);
  out.u64(record.create_revision.value);
  out.u64(record.mod_revision.value);
  out.u64(record.version);
}

Record get_record(Reader& in) {
  Record record;
  record.value = Blob(in.text(kValueBytesMax));
  record.content_type = in.text(kContentTypeBytesMax);
  record.create_revision = Index{in.u64()};
  record.mod_revision = Index{in.u64()};
  record.version = in.u64();
  return record;
}

}  // namespace

std::string encode_command(const Command& command) {
  std::string bytes;
  Writer out(bytes);
  out.u8(version_of(command.op));
  out.u64(command.origin.incarnation.value);
  out.u64(command.origin.sequence);
  out.u64(command.origin.resolved_below);
  out.boolean(command.authority.has_value());
  if (command.authority) {
    out.bytes(command.authority->session);
    out.bytes(command.authority->user);
    out.u8(static_cast<uint8_t>(command.authority->role));
  }
  out.boolean(command.idempotency.has_value());
  if (command.idempotency) {
    out.bytes(command.idempotency->user);
    out.bytes(command.idempotency->key);
    out.u64(command.idempotency->body_hash);
  }
  std::visit([&](const auto& op) { put(out, op); }, command.op);
  return bytes;
}

std::optional<Command> decode_command(std::string_view bytes) {
  Reader in(bytes);
  Command command;
  command.origin = get_origin(in);
  if (in.boolean()) {
    Authority authority;
    authority.session = in.text(kAccountIdBytesMax);
    authority.user = in.text(kAccountIdBytesMax);
    authority.role = in.enumerated<UserRole>(3);
    command.authority = std::move(authority);
  }
  if (in.boolean()) {
    IdempotencyKey key;
    key.user = in.text(kIdempotencyKeyBytesMax);
    key.key = in.text(kIdempotencyKeyBytesMax);
    key.body_hash = in.u64();
    command.idempotency = std::move(key);
  }
  command.op = get_op(in, static_cast<uint8_t>(bytes.front()));
  if (!in.done()) return std::nullopt;
  return command;
}

std::optional<uint8_t> unknown_command_version(std::string_view bytes) {
  if (bytes.empty() || is_known(static_cast<uint8_t>(bytes[0]))) return std::nullopt;
  return static_cast<uint8_t>(bytes[0]);
}

std::optional<Origin> decode_origin(std::string_view bytes) {
  Reader in(bytes);
  const Origin origin = get_origin(in);
  if (!in.ok()) return std::nullopt;
  return origin;
}

std::optional<MemberOp> decode_membership(std::string_view bytes) {
  Reader in(bytes);
  (void)get_origin(in);
  if (in.boolean()) {
    (void)in.bytes(kAccountIdBytesMax);
    (void)in.bytes(kAccountIdBytesMax);
    (void)in.u8();
  }
  if (in.boolean()) {
    (void)in.bytes(kIdempotencyKeyBytesMax);
    (void)in.bytes(kIdempotencyKeyBytesMax);
    (void)in.u64();
  }
  if (in.u8() != kMemberOp) return std::nullopt;
  MemberOp op = decode_member_op(in);
  if (!in.done()) return std::nullopt;
  return op;
}

std::string encode_result(const WriteResult& result) {
  std::string bytes;
  Writer out(bytes);
  out.u8(kResultVersion);
  out.u8(static_cast<uint8_t>(result.outcome));
  out.u64(result.revision.value);
  put_record(out, result.record);
  out.boolean(result.created);
  out.boolean(result.succeeded);
  out.u32(result.failed_compare);
  out.u32(static_cast<uint32_t>(result.steps.size()));
  for (const StepResult& step : result.steps) {
    out.u8(static_cast<uint8_t>(step.kind));
    out.bytes(step.key);
    out.boolean(step.record.has_value());
    if (step.record) put_record(out, *step.record);
    out.u64(step.deleted);
  }
  out.bytes(result.id);
  out.u64(result.number);
  return bytes;
}

std::optional<WriteResult> decode_result(std::string_view bytes) {
  Reader in(bytes);
  if (in.u8() != kResultVersion) in.fail();
  WriteResult result;
  result.outcome = in.enumerated<Outcome>(static_cast<uint8_t>(Outcome::kNoSuchSite));
  result.revision = Index{in.u64()};
  result.record = get_record(in);
  result.created = in.boolean();
  result.succeeded = in.boolean();
  result.failed_compare = in.u32();
  result.steps.resize(in.count(kBatchOpsMax, 14));
  for (StepResult& step : result.steps) {
    step.kind = in.enumerated<StepKind>(4);
    step.key = in.text(kKeyBytesMax);
    if (in.boolean()) step.record = get_record(in);
    step.deleted = in.u64();
  }
  result.id = in.text(kAccountIdBytesMax);
  result.number = in.u64();
  if (!in.done()) return std::nullopt;
  return result;
}

std::optional<std::string> namespace_fault(std::string_view ns) {
  if (ns.empty()) return "a namespace has at least one character";
  if (ns.size() > kNamespaceBytesMax) {
    return "a namespace has at most " + std::to_string(kNamespaceBytesMax) + " characters";
  }
  if (ns.front() == '_') return "namespaces that begin with _ are the system's own";
  for (const char c : ns) {
    const bool allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                         c == '-' || c == '_' || c == '.';
    if (!allowed) return "a namespace is made of letters, digits, '-', '_' and '.'";
  }
  return std::nullopt;
}

std::optional<std::string> key_fault(std::string_view key) {
  if (key.empty()) return "a key has at least one byte";
  if (key.size() > kKeyBytesMax) return "a key has at most " + std::to_string(kKeyBytesMax) + " bytes";
  for (const char c : key) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return "a key has no control characters";
  }
  return std::nullopt;
}

}  // namespace patronus
