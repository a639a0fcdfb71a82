// The keys of the tables' rows (core/state/rows.h). What stands between two parts of a key is a zero, which
// no id and no address contains.
#pragma once

#include <string>

#include "core/state/tables.h"

namespace patronus::table_rows {

[[nodiscard]] std::string schema_key();
[[nodiscard]] std::string site_key(const std::string& id);
[[nodiscard]] std::string policy_key(const std::string& id);
[[nodiscard]] std::string endpoint_key(const EndpointKey& place);
[[nodiscard]] std::string path_key(const PathKey& key);
[[nodiscard]] std::string audit_key(Index index);

}  // namespace patronus::table_rows
