// The one entry by which a snapshot's keys become those of the running cluster.
//
// Only keys are restored, those of namespaces that clients may write. What the system itself keeps under
// namespaces that begin with '_' is neither in what is staged nor deleted; users, sessions, signing keys,
// members and kept answers stay as they are now, so nothing that was revoked or changed since the snapshot
// comes back.
#include "core/state/store.h"
#include "core/base/limits.h"
#include "core/base/mutant.h"

namespace patronus {
namespace {

bool is_of_the_system(std::string_view ns) { return ns.starts_with('_'); }

}  // namespace

WriteResult Store::execute_restore(const RestoreOp& op, const Authority* authority, Index at,
                                   const Stamp& stamp) {
  const auto* finish = std::get_if<FinishRestoreOp>(&op);
  if (finish == nullptr) return staging_.apply(op, authority != nullptr ? authority->user : "", at, stamp);
  WriteResult result;
  result.outcome = staging_.may_finish(*finish);
  if (result.outcome != Outcome::kOk || staging_.last()->stage == RestoreStage::kDone) return result;
  // The keys will be those that are staged and no others, so what they take is known.
  if (staging_.cost() + keyed_.bytes() + accounts_.bytes() > limits::kStateBytesMax) {
    result.outcome = Outcome::kQuotaExceeded;
    return result;
  }
  RestoreCounts counts = become_staged(at);
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
