#include "core/state/audit.h"

namespace patronus {
namespace {

std::string name_of(UserRole role) {
  switch (role) {
    case UserRole::kViewer:
      return "viewer";
    case UserRole::kOperator:
      return "operator";
    case UserRole::kAdmin:
      return "admin";
  }
  return "unknown";
}

// What was done, to what, in which words.
struct Deed {
  std::string action;
  std::string object;
  std::string detail;
  std::string user = {};  // where the command has no authority
};

std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::optional<Deed> deed(const CreateUserOp& op, const WriteResult&) {
  return Deed{"user.create", op.id, op.email + ", " + name_of(op.role), op.first ? op.id : ""};
}
std::optional<Deed> deed(const UpdateUserOp& op, const WriteResult&) {
  std::vector<std::string> changes;
  if (op.email) changes.push_back("email " + *op.email);
  if (op.name) changes.push_back("name");
  if (op.role) changes.push_back("role " + name_of(*op.role));
  if (op.disabled) changes.push_back(*op.disabled ? "disabled" : "enabled");
  if (op.password) changes.push_back("password");
  return Deed{"user.update", op.id, listed(changes)};
}
std::optional<Deed> deed(const DeleteUserOp& op, const WriteResult&) {
  return Deed{"user.delete", op.id, ""};
}
std::optional<Deed> deed(const SetPasswordOp& op, const WriteResult&) {
  return Deed{"user.password", op.user_id, "", op.user_id};
}
std::optional<Deed> deed(const OpenSessionOp& op, const WriteResult&) {
  return Deed{"session.open", op.id, "from " + op.address, op.user_id};
}
std::optional<Deed> deed(const EndSessionsOp& op, const WriteResult& result) {
  return Deed{"session.end", op.id, std::to_string(result.number) + " ended", op.user_id};
}
std::optional<Deed> deed(const AddSigningKeyOp& op, const WriteResult&) {
  return Deed{"key.rotate", op.id, ""};
}
// These are use, not deeds.
std::optional<Deed> deed(const RefreshSessionOp&, const WriteResult&) { return std::nullopt; }
std::optional<Deed> deed(const TouchSessionsOp&, const WriteResult&) { return std::nullopt; }
std::optional<Deed> deed(const ExpireSessionsOp&, const WriteResult&) { return std::nullopt; }

std::optional<Deed> deed(const AdmitNodeOp& op, const WriteResult&) {
  return Deed{"node.admit", op.id,
              op.peer_address + (op.admitted_by.empty() ? "" : ", by " + op.admitted_by)};
}
std::optional<Deed> deed(const RemoveNodeOp& op, const WriteResult&) {
  return Deed{"node.remove", op.id, op.force ? "by force" : ""};
}
std::optional<Deed> deed(const ReinitNodeOp& op, const WriteResult&) {
  return Deed{"node.reinit", op.id, ""};
}

std::optional<Deed> deed(const FinishRestoreOp& op, const WriteResult&) {
  return Deed{"state.restore", op.id, std::to_string(op.rows) + " rows"};
}
std::optional<Deed> deed(const BeginRestoreOp&, const WriteResult&) { return std::nullopt; }
std::optional<Deed> deed(const StageRowsOp&, const WriteResult&) { return std::nullopt; }
std::optional<Deed> deed(const DropStagedOp&, const WriteResult&) { return std::nullopt; }

std::optional<Deed> deed(const PutSiteOp& op, const WriteResult& result) {
  return Deed{result.created ? "site.create" : "site.update", op.id, op.fields.name};
}
std::optional<Deed> deed(const DeleteSiteOp& op, const WriteResult&) {
  return Deed{"site.delete", op.id, ""};
}
std::optional<Deed> deed(const PutPolicyOp& op, const WriteResult& result) {
  return Deed{result.created ? "policy.create" : "policy.update", op.id, op.fields.name};
}
std::optional<Deed> deed(const DeletePolicyOp& op, const WriteResult&) {
  return Deed{"policy.delete", op.id, ""};
}
std::optional<Deed> deed(const VerdictsOp&, const WriteResult&) { return std::nullopt; }
std::optional<Deed> deed(const OpenTablesOp&, const WriteResult&) { return std::nullopt; }

std::optional<Deed> deed(const PutOp&, const WriteResult&) { return std::nullopt; }
std::optional<Deed> deed(const DeleteOp&, const WriteResult&) { return std::nullopt; }
std::optional<Deed> deed(const BatchOp&, const WriteResult&) { return std::nullopt; }

template <typename... Ops>
std::optional<Deed> deed(const std::variant<Ops...>& op, const WriteResult& result) {
  return std::visit([&](const auto& concrete) { return deed(concrete, result); }, op);
}

}  // namespace

std::optional<AuditRecord> audit_of(const Command& command, const WriteResult& result, const Stamp& stamp) {
  std::optional<Deed> done;
  if (result.outcome == Outcome::kOk) {
    done = deed(command.op, result);
  } else if (result.outcome == Outcome::kTokenReused) {
    const auto* account = std::get_if<AccountOp>(&command.op);
    const auto* refresh = account == nullptr ? nullptr : std::get_if<RefreshSessionOp>(account);
    if (refresh == nullptr) return std::nullopt;
    done = Deed{"session.stolen", refresh->id, "an old refresh token was used, so the session was ended"};
  }
  if (!done) return std::nullopt;
  AuditRecord record;
  record.index = result.revision;
  record.wall_ms = stamp.wall_ms;
  record.user = command.authority ? command.authority->user : done->user;
  record.action = std::move(done->action);
  record.object = std::move(done->object);
  record.detail = std::move(done->detail);
  return record;
}

}  // namespace patronus
