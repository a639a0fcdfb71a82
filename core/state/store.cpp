#include "core/state/store.h"

#include "core/base/assert.h"
#include "core/base/bytes.h"
#include "core/base/hash.h"
#include "core/base/limits.h"
#include "core/base/mutant.h"
#include "core/raft/configuration.h"
#include "core/state/audit.h"
#include "core/state/key_rows.h"

namespace patronus {
namespace {

size_t cost(std::string_view key, const Record& record) {
  return key_cost(key.size(), record.value.size(), record.content_type.size());
}

}  // namespace

uint64_t Store::hash_of(std::string_view ns, std::string_view key, const Record& record) {
  std::string fact;
  fact.reserve(ns.size() + key.size() + record.content_type.size() + 48);
  Writer out(fact);
  out.bytes(ns);
  out.bytes(key);
  out.bytes(record.content_type);
  out.u64(record.create_revision.value);
  out.u64(record.mod_revision.value);
  out.u64(record.version);
  return hash64(fact, hash64(record.value.view()));
}

Applied Store::apply(const Entry& entry) {
  PATRONUS_ASSERT(entry.index == applied().next(), "entries are applied in order, each once");
  base_.index = entry.index;
  base_.term = entry.term;
  base_.stamp = entry.stamp;
  keyed_.expire(entry.stamp);
  Applied applied;
  switch (entry.kind) {
    case EntryKind::kLeader:
      leaders_.note(entry);
      break;
    case EntryKind::kConfiguration: {
      std::optional<Configuration> configuration = decode_configuration(entry.payload.view());
      if (!configuration) break;
      deduplication_.set_members(*configuration);
      members_.note(*configuration, entry.index);
      base_.configuration = std::move(configuration);
      base_.configuration_index = entry.index;
      break;
    }
    case EntryKind::kCommand: {
      const std::optional<Command> command = decode_command(entry.payload.view());
      // A command that does not decode was put in by a peer gone wrong: the same nothing on every replica.
      if (!command) break;
      applied.origin = command->origin;
      applied.result = execute(*command, entry.index, entry.stamp);
      // A kept answer is of another entry: nothing was done by this one.
      if (applied.result.revision == entry.index) {
        if (std::optional<AuditRecord> record = audit_of(*command, applied.result, entry.stamp)) {
          tables_.note(std::move(*record));
        }
      }
      break;
    }
  }
  return applied;
}

WriteResult Store::execute(const Command& command, Index at, const Stamp& stamp) {
  WriteResult result;
  if (deduplication_.note(command.origin) != Deduplication::Verdict::kFirst) {
    // The origin saw the first one come by and has answered; nobody waits for this.
    result.outcome = Outcome::kRefused;
    result.revision = at;
    return result;
  }
  if (command.authority) {
    result.outcome = accounts_.check(*command.authority, stamp);
    result.revision = at;
    if (result.outcome != Outcome::kOk) return result;
  }
  if (const auto* restore = std::get_if<RestoreOp>(&command.op)) {
    const Authority* authority = command.authority ? &*command.authority : nullptr;
    // Its steps are safe to repeat as they are; no answer of them is kept.
    result.outcome = Outcome::kRefused;
    if (!command.idempotency) result = execute_restore(*restore, authority, at, stamp);
    result.revision = at;
    return result;
  }
  if (!command.idempotency) {
    result = execute_once(command.op, at, stamp, limits::kBatchResultBytesMax);
    result.revision = at;
    return result;
  }
  // A kept answer is given again as it was, with the revision it had.
  if (std::optional<WriteResult> kept = keyed_.answer(*command.idempotency);
      kept && !MUTANT(kForgetKeyedAnswers))
    return *kept;
  // The answer will be kept, so there must be room for it; only deletes may always be kept, for they make
  // room.
  const bool no_room =
      bytes() + limits::kKeyedAnswerBytesMax + 2 * limits::kIdempotencyKeyBytesMax > limits::kStateBytesMax;
  if (no_room && !std::holds_alternative<DeleteOp>(command.op)) {
    result.outcome = Outcome::kQuotaExceeded;
    result.revision = at;
    return result;
  }
  result = execute_once(command.op, at, stamp, limits::kKeyedAnswerBytesMax);
  result.revision = at;
  // A refusal for want of room says nothing about the request: it may be tried again under its key.
  if (result.outcome == Outcome::kQuotaExceeded || result.outcome == Outcome::kRefused) return result;
  keyed_.keep(*command.idempotency, result, stamp);
  return result;
}

WriteResult Store::execute_once(const WriteOp& op, Index at, const Stamp& stamp, size_t returned_max) {
  if (const auto* account = std::get_if<AccountOp>(&op)) return accounts_.apply(*account, at, stamp);
  if (const auto* member = std::get_if<MemberOp>(&op)) return members_.apply(*member, at);
  if (const auto* table = std::get_if<TableOp>(&op)) return execute_table(*table, at, stamp);
  return std::visit(
      [&](const auto& concrete) {
        using Op = std::decay_t<decltype(concrete)>;
        if constexpr (std::is_same_v<Op, AccountOp> || std::is_same_v<Op, MemberOp> ||
                      std::is_same_v<Op, RestoreOp> || std::is_same_v<Op, TableOp>) {
          return WriteResult{};
        } else {
          return execute_op(concrete, at, returned_max);
        }
      },
      op);
}

WriteResult Store::execute_table(const TableOp& op, Index at, const Stamp& stamp) {
  const bool adds = std::holds_alternative<PutSiteOp>(op) || std::holds_alternative<PutPolicyOp>(op);
  if (adds && bytes() + limits::kTableRowBytesMax > limits::kStateBytesMax) {
    WriteResult result;
    result.outcome = Outcome::kQuotaExceeded;
    return result;
  }
  return tables_.apply(op, at, stamp);
}

const Record* Store::get(std::string_view ns, std::string_view key) const {
  const auto keys = namespaces_.find(ns);
  if (keys == namespaces_.end()) return nullptr;
  const auto at = keys->second.find(key);
  return at == keys->second.end() ? nullptr : &at->second.record;
}

const Record& Store::put(std::string_view ns, std::string_view key, const Blob& value,
                         const std::string& content_type, Index at) {
  touch(ns, key);
  auto keys = namespaces_.find(ns);
  if (keys == namespaces_.end()) keys = namespaces_.emplace(std::string(ns), Keys{}).first;
  const auto slot = keys->second.try_emplace(std::string(key)).first;
  assign(ns, slot, value, content_type, at);
  return slot->second.record;
}

void Store::assign(std::string_view ns, Keys::iterator slot, const Blob& value, std::string_view content_type,
                   Index at) {
  auto& [key, stored] = *slot;
  Record& record = stored.record;
  if (record.version == 0) {
    record.create_revision = at;
    ++keys_;
  } else {
    content_hash_ -= stored.hash;
    bytes_ -= cost(key, record);
  }
  record.value = value;
  record.content_type = content_type;
  record.mod_revision = at;
  ++record.version;
  stored.hash = hash_of(ns, key, record);
  content_hash_ += stored.hash;
  bytes_ += cost(key, record);
}

bool Store::erase(std::string_view ns, std::string_view key) {
  const auto keys = namespaces_.find(ns);
  if (keys == namespaces_.end()) return false;
  const auto slot = keys->second.find(key);
  if (slot == keys->second.end()) return false;
  if (!MUTANT(kForgetErasedRow)) touch(ns, key);
  take_out(keys->second, slot);
  if (keys->second.empty()) namespaces_.erase(keys);
  return true;
}

// The row was touched.
Store::Keys::iterator Store::take_out(Keys& keys, Keys::iterator slot) {
  content_hash_ -= slot->second.hash;
  bytes_ -= cost(slot->first, slot->second.record);
  --keys_;
  return keys.erase(slot);
}

// What was loaded is in no need of being written again, so it is not touched.
void Store::add_loaded(const std::string& ns, std::string key, Record record) {
  Keys& keys = namespaces_[ns];
  const uint64_t hash = hash_of(ns, key, record);
  content_hash_ += hash;
  bytes_ += cost(key, record);
  ++keys_;
  // Rows come in order, so each key is the last of its namespace so far.
  keys.emplace_hint(keys.end(), std::move(key), Stored{std::move(record), hash});
}

uint64_t Store::erase_prefix(std::string_view ns, std::string_view prefix) {
  const auto keys = namespaces_.find(ns);
  if (keys == namespaces_.end()) return 0;
  std::vector<std::string> doomed;
  for (auto at = keys->second.lower_bound(prefix); at != keys->second.end() && at->first.starts_with(prefix);
       ++at) {
    doomed.push_back(at->first);
  }
  for (const std::string& key : doomed) erase(ns, key);
  return doomed.size();
}

ListPage Store::list(const ListQuery& query) const {
  ListPage page;
  const auto keys = namespaces_.find(query.ns);
  if (keys == namespaces_.end()) return page;
  auto at = query.after_key >= query.prefix && !query.after_key.empty()
                ? keys->second.upper_bound(query.after_key)
                : keys->second.lower_bound(query.prefix);
  size_t bytes = 0;
  for (; at != keys->second.end() && at->first.starts_with(query.prefix); ++at) {
    const Record& record = at->second.record;
    const size_t item_bytes = at->first.size() + (query.keys_only ? 0 : record.value.size());
    const bool full = page.items.size() >= query.limit || bytes + item_bytes > limits::kListBytesMax;
    if (full && !page.items.empty()) {
      page.more = true;
      return page;
    }
    bytes += item_bytes;
    page.items.push_back({at->first, record});
    if (query.keys_only) page.items.back().record.value = Blob();
  }
  return page;
}

uint64_t Store::hash() const {
  return content_hash_ + accounts_.hash() + members_.hash() + deduplication_.hash() + keyed_.hash() +
         leaders_.hash() + staging_.hash() + tables_.hash() + applied().value;
}

}  // namespace patronus
