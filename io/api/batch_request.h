// The body of POST /state/{namespace}/batch.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/state/command.h"
#include "io/api/problem.h"

namespace patronus::api {

// Reads a batch, with all its mistakes if it has any. `compares` gets each comparison in words, for the
// message that names the one which failed.
[[nodiscard]] std::variant<BatchOp, Problem> read_batch(const std::string& ns, std::string_view body,
                                                        std::vector<std::string>& compares);

}  // namespace patronus::api
