// The one entry by which a snapshot's keys, sites and policies become those of the running cluster.
//
// Restored are keys, those of namespaces that clients may write, and sites and policies. What the system
// itself keeps under namespaces that begin with '_' is neither in what is staged nor deleted; users,
// sessions, signing keys, members, kept answers and the audit log stay as they are now, so nothing that was
// revoked or changed since the snapshot comes back. Of a snapshot that knows nothing of tables, sites and
// policies stay too.
#include "core/state/store.h"
#include "core/base/limits.h"
#include "core/base/mutant.h"
#include "core/state/key_rows.h"

namespace patronus {
namespace {

bool is_of_the_system(std::string_view ns) { return ns.starts_with('_'); }

struct Staged {
  Tables tables;           // without a schema: none are staged
  uint64_t keys_cost = 0;  // of the quota
};

// Nothing: it does not fit together.
std::optional<Staged> staged_content(const Staging& staging) {
  Staged staged;
  for (const Blob& piece : staging.pieces()) {
    StagedReader in(piece.view());
    while (const std::optional<StagedRow> row = in.next()) {
      if (row->ns != kStagedTables) {
        staged.keys_cost += key_cost(row->key.size(), row->value.size(), row->content_type.size());
      } else if (staged.tables.load_row(row->key, row->value, staging.last()->begun.snapshot)) {
        return std::nullopt;
      }
    }
  }
  return staged;
}

}  // namespace

WriteResult Store::execute_restore(const RestoreOp& op, const Authority* authority, Index at,
                                   const Stamp& stamp) {
  const auto* finish = std::get_if<FinishRestoreOp>(&op);
  if (finish == nullptr) return staging_.apply(op, authority != nullptr ? authority->user : "", at, stamp);
  WriteResult result;
  result.outcome = staging_.may_finish(*finish);
  if (result.outcome != Outcome::kOk || staging_.last()->stage == RestoreStage::kDone) return result;
  const std::optional<Staged> staged = staged_content(staging_);
  const bool with_tables = staged && staged->tables.schema() > 0;
  if (!staged || (with_tables && tables_.schema() == 0)) {
    result.outcome = Outcome::kMismatch;
    return result;
  }
  // They will be those that are staged and no others, so what they take is known.
  const size_t tables_bytes =
      tables_.bytes() + (with_tables ? staged->tables.bytes() - tables_.entity_bytes() : 0);
  if (staged->keys_cost + keyed_.bytes() + accounts_.bytes() + tables_bytes > limits::kStateBytesMax) {
    result.outcome = Outcome::kQuotaExceeded;
    return result;
  }
  RestoreCounts counts = become_staged(at);
  if (with_tables) {
    const Tables::Become more = tables_.become(staged->tables, at);
    counts.put += more.put;
    counts.deleted += more.deleted;
    counts.unchanged += more.unchanged;
  }
  // Whoever restores is told what became of it, and so stays logged in.
  if (finish->end_sessions)
    counts.sessions_ended =
        accounts_.end_all_sessions(authority != nullptr ? std::string_view(authority->session) : "");
  staging_.finish(at, stamp, counts);
  return result;
}

// A walk over both in their order: what is equal is passed over, with its revisions.
RestoreCounts Store::become_staged(Index at) {
  RestoreCounts counts;
  auto ns = namespaces_.begin();
  auto slot = Keys::iterator{};
  bool is_inside = false;  // of a namespace that is staged: `ns`, at `slot`
  const auto erase_until = [&](const std::string_view* key) {
    while (slot != ns->second.end() && (key == nullptr || slot->first < *key)) {
      if (MUTANT(kRestoreKeepsOthers)) {
        ++slot;
        continue;
      }
      if (!MUTANT(kForgetRestoredRow)) touch(ns->first, slot->first);
      slot = take_out(ns->second, slot);
      ++counts.deleted;
    }
  };
  const auto leave = [&] {
    erase_until(nullptr);
    ns = ns->second.empty() ? namespaces_.erase(ns) : std::next(ns);
    is_inside = false;
  };
  const auto pass_until = [&](const std::string_view* name) {
    while (ns != namespaces_.end() && (name == nullptr || ns->first < *name)) {
      if (is_of_the_system(ns->first)) {
        ++ns;
        continue;
      }
      slot = ns->second.begin();
      leave();
    }
  };
  for (const Blob& piece : staging_.pieces()) {
    StagedReader in(piece.view());
    while (const std::optional<StagedRow> row = in.next()) {
      if (row->ns == kStagedTables) break;
      if (is_inside && ns->first != row->ns) leave();
      if (!is_inside) {
        pass_until(&row->ns);
        if (ns == namespaces_.end() || ns->first != row->ns)
          ns = namespaces_.emplace_hint(ns, std::string(row->ns), Keys{});
        slot = ns->second.begin();
        is_inside = true;
      }
      erase_until(&row->key);
      const bool is_there = slot != ns->second.end() && slot->first == row->key;
      if (is_there) {
        const Record& record = slot->second.record;
        if (record.content_type == row->content_type && record.value.view() == row->value) {
          ++counts.unchanged;
          ++slot;
          continue;
        }
      }
      touch(row->ns, row->key);
      if (!is_there) slot = ns->second.emplace_hint(slot, std::string(row->key), Stored{});
      assign(row->ns, slot, Blob(std::string(row->value)), row->content_type, at);
      ++counts.put;
      ++slot;
    }
  }
  if (is_inside) leave();
  pass_until(nullptr);
  return counts;
}

}  // namespace patronus
