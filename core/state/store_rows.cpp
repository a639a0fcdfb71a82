// The replicated state as rows, and back. A new component of the state is added to each_component() and to
// load_row(), with a RowKind of its own.
#include "core/base/bytes.h"
#include "core/base/limits.h"
#include "core/state/key_rows.h"
#include "core/state/store.h"

namespace patronus {
namespace {

RowValue encoded_key(const Record& record) {
  RowValue value;
  Writer out(value.head);
  out.u64(record.create_revision.value);
  out.u64(record.mod_revision.value);
  out.u64(record.version);
  out.bytes(record.content_type);
  value.tail = record.value;
  return value;
}

// In the order of their rows; keys, the largest, members, what is staged and tables have theirs after these.
template <typename Visit>
void each_component(const Visit& visit, auto& keyed, auto& accounts, auto& deduplication, auto& leaders) {
  visit(keyed);
  visit(accounts);
  visit(deduplication);
  visit(leaders);
}

}  // namespace

void Store::for_each_row(const RowVisitor& visit) const {
  each_component([&](const auto& component) { component.for_each_row(visit); }, keyed_, accounts_,
                 deduplication_, leaders_);
  for_each_key_row(visit);
  members_.for_each_row(visit);
  staging_.for_each_row(visit);
  tables_.for_each_row(visit);
}

void Store::begin_changes() {
  each_component([](auto& component) { component.changes().begin(); }, keyed_, accounts_, deduplication_,
                 leaders_);
  changes_.begin();
  members_.changes().begin();
  staging_.changes().begin();
  tables_.changes().begin();
}

bool Store::mark_rows(size_t keys_max) {
  if (!marked_to_) {
    const auto mark = [](Changes& changes, const auto& source) {
      source.for_each_row([&](std::string_view key, const RowValue&) { changes.mark(key); });
    };
    each_component([&](auto& component) { mark(component.changes(), component); }, keyed_, accounts_,
                   deduplication_, leaders_);
    mark(members_.changes(), members_);
    mark(staging_.changes(), staging_);
    mark(tables_.changes(), tables_);
    marked_to_.emplace();
  }
  for (auto ns = namespaces_.lower_bound(marked_to_->first); ns != namespaces_.end(); ++ns) {
    const auto& [name, keys] = *ns;
    auto key = name == marked_to_->first ? keys.upper_bound(marked_to_->second) : keys.begin();
    for (; key != keys.end(); ++key) {
      if (keys_max-- == 0) return false;
      changes_.mark(row_key(RowKind::kKey, name + std::string(kKeySeparator) + key->first));
      marked_to_ = {name, key->first};
    }
  }
  marked_to_.reset();
  return true;
}

bool Store::take_changes(RowBudget budget, std::vector<Row>& out) {
  bool more = false;
  const auto take = [&](Changes& changes, const auto& source) {
    changes.take(source, budget, out);
    more = more || changes.taking();
  };
  each_component([&](auto& component) { take(component.changes(), component); }, keyed_, accounts_,
                 deduplication_, leaders_);
  take(changes_, *this);
  take(members_.changes(), members_);
  take(staging_.changes(), staging_);
  take(tables_.changes(), tables_);
  return more;
}

void Store::touch(std::string_view ns, std::string_view key) {
  // Built in place, so that a row which is dirty already costs no allocation.
  std::string& scratch = changes_.scratch();
  scratch.assign(1, static_cast<char>(RowKind::kKey));
  scratch += ns;
  scratch += kKeySeparator;
  scratch += key;
  changes_.touch(scratch, *this);
}

std::optional<RowValue> Store::row(std::string_view key) const {
  const KeyName name = key_name(key);
  const Record* record = get(name.ns, name.key);
  return record == nullptr ? std::nullopt : std::optional(encoded_key(*record));
}

void Store::for_each_key_row(const RowVisitor& visit) const {
  for (const auto& [ns, keys] : namespaces_) {
    for (const auto& [key, stored] : keys)
      visit(row_key(RowKind::kKey, ns + std::string(kKeySeparator) + key), encoded_key(stored.record));
  }
}

std::optional<std::string> Store::load_key_row(std::string_view key, std::string_view value, bool keeps_it) {
  const KeyName name = key_name(key);
  const std::optional<KeyRow> row = decode_key_row(value);
  const bool sane = row && row->value.size() <= limits::kEntryBytesMax && row->create_revision &&
                    row->create_revision <= row->mod_revision && row->mod_revision <= base_.index &&
                    row->version > 0;
  if (!sane || namespace_fault(name.ns) || name.key.empty()) return "a key makes no sense";
  Record record{Blob(std::string(row->value)), std::string(row->content_type), row->create_revision,
                row->mod_revision, row->version};
  if (keeps_it) {
    add_loaded(std::string(name.ns), std::string(name.key), std::move(record));
  } else {
    content_hash_ += hash_of(name.ns, name.key, record);
  }
  return std::nullopt;
}

std::optional<std::string> Store::load_row(std::string_view key, std::string_view value, bool keeps_keys) {
  switch (static_cast<RowKind>(key.front())) {
    case RowKind::kKeptAnswer:
      return keyed_.load_row(key, value);
    case RowKind::kSigningKeys:
    case RowKind::kSession:
    case RowKind::kUser:
      return accounts_.load_row(key, value);
    case RowKind::kWindow:
      return deduplication_.load_row(key, value);
    case RowKind::kLeaderCounts:
    case RowKind::kLeader:
      return leaders_.load_row(key, value);
    case RowKind::kKey:
      return load_key_row(key, value, keeps_keys);
    case RowKind::kFormer:
    case RowKind::kWanted:
    case RowKind::kLeaving:
    case RowKind::kRemoved:
    case RowKind::kAnew:
      return members_.load_row(key, value);
    case RowKind::kRestore:
    case RowKind::kStagedPiece:
      return staging_.load_row(key, value);
    case RowKind::kTables:
    case RowKind::kSite:
    case RowKind::kPolicy:
    case RowKind::kEndpointState:
    case RowKind::kPathState:
    case RowKind::kAudit:
      return tables_.load_row(key, value, base_.index);
  }
  return "a row of a kind that this version does not know";
}

StoreLoader::StoreLoader(Base base) {
  if (base.configuration) store_.members_.load_configuration(*base.configuration, base.configuration_index);
  store_.base_ = std::move(base);
}

std::optional<std::string> StoreLoader::add(std::string_view key, std::string_view value) {
  if (key.empty() || key.size() > limits::kRowKeyBytesMax) return "a row's key has an impossible length";
  if (key <= last_key_) return "rows are not in order";
  last_key_ = key;
  ++rows_;
  return store_.load_row(key, value, keeps_keys_);
}

std::optional<std::string> StoreLoader::fault(std::optional<uint64_t> expected_hash) const {
  if (std::optional<std::string> fault = store_.accounts_.fault()) return fault;
  if (std::optional<std::string> fault = store_.leaders_.fault()) return fault;
  if (std::optional<std::string> fault = store_.staging_.fault()) return fault;
  if (expected_hash && store_.hash() != *expected_hash)
    return "the rows are not those of the state that was written";
  return std::nullopt;
}

std::variant<Store, std::string> StoreLoader::finish(std::optional<uint64_t> expected_hash) && {
  if (std::optional<std::string> wrong = fault(expected_hash)) return std::move(*wrong);
  // What was just read is in no need of being written again.
  each_component([](auto& component) { component.changes() = Changes{}; }, store_.keyed_, store_.accounts_,
                 store_.deduplication_, store_.leaders_);
  store_.members_.changes() = Changes{};
  store_.staging_.changes() = Changes{};
  store_.tables_.changes() = Changes{};
  return std::move(store_);
}

}  // namespace patronus
