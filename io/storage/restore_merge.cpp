#include "io/storage/restore_merge.h"

#include <algorithm>

#include "core/state/store.h"

namespace patronus {
namespace {

Base base_of(const DatabaseContent& database, const std::optional<StateContent>& artefact,
             const NodeId& founder, Incarnation incarnation) {
  if (!artefact) {
    Base base{database.index, database.term, database.stamp, database.index,
              Configuration{database.cluster, {}}};
    base.configuration->members.push_back({founder, incarnation, "", "", Standing::kVoter});
    return base;
  }
  Base base = artefact->end.base;
  base.index = database.index;
  base.term = std::max(base.term, database.term);
  base.stamp.lease_ms = std::max(base.stamp.lease_ms, database.stamp.lease_ms);
  base.stamp.wall_ms = std::max(base.stamp.wall_ms, database.stamp.wall_ms);
  return base;
}

}  // namespace

std::variant<StateContent, std::string> merge_states(DatabaseContent&& database,
                                                     std::optional<StateContent>&& artefact,
                                                     const NodeId& founder, Incarnation incarnation) {
  if (!database.cluster || !database.index) return "the database is of no cluster";
  if (!artefact && (!is_node_id(founder) || !incarnation)) return "'" + founder + "' is no node's id";
  if (artefact && artefact->end.base.configuration->cluster_id != database.cluster)
    return "database and state artefact are of different clusters";
  if (artefact && artefact->end.base.index > database.index)
    return "the state artefact is of a later entry than the database";
  StateContent merged;
  merged.end.base = base_of(database, artefact, founder, incarnation);
  for (auto& row : database.rows) {
    if (row.first.empty() || !is_projected(row.first))
      return "the database holds a row of the state that does not belong there";
    merged.rows.push_back(std::move(row));
  }
  if (artefact) {
    for (auto& row : artefact->rows) {
      const bool is_session = static_cast<RowKind>(row.first.front()) == RowKind::kSession;
      if (!is_projected(row.first) && !is_session) merged.rows.push_back(std::move(row));
    }
  }
  std::sort(merged.rows.begin(), merged.rows.end());
  StoreLoader loader(merged.end.base);
  for (const auto& [key, value] : merged.rows) {
    if (auto fault = loader.add(key, value)) return std::move(*fault);
  }
  std::variant<Store, std::string> store = std::move(loader).finish(std::nullopt);
  if (auto* fault = std::get_if<std::string>(&store)) return std::move(*fault);
  merged.end.state_hash = std::get<Store>(store).hash();
  return merged;
}

}  // namespace patronus
