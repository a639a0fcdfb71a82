// The rows that are copied to the dashboard's database: those of users, signing keys and the dashboard's
// tables.
#include "core/state/store.h"

namespace patronus {

void Store::project(bool on) {
  accounts_.changes().project(on);
  tables_.changes().project(on);
}

bool Store::has_projected_changes() const {
  const ProjectedRows* accounts = accounts_.changes().projected();
  const ProjectedRows* tables = tables_.changes().projected();
  return accounts != nullptr && (accounts->has_changes() || tables->has_changes());
}

void Store::begin_projection(bool all) {
  accounts_.changes().projected()->begin(all);
  tables_.changes().projected()->begin(all);
}

bool Store::take_projection(RowBudget budget, std::vector<Row>& out) {
  ProjectedRows& accounts = *accounts_.changes().projected();
  ProjectedRows& tables = *tables_.changes().projected();
  accounts.take(accounts_, budget, out);
  tables.take(tables_, budget, out);
  return accounts.taking() || tables.taking();
}

void Store::for_each_projected_row(const RowVisitor& visit) const {
  const RowVisitor projected = [&](std::string_view key, const RowValue& value) {
    if (is_projected(key)) visit(key, value);
  };
  accounts_.for_each_row(projected);
  tables_.for_each_row(projected);
}

}  // namespace patronus
