// Which of the things that were done are worth remembering who did them, and in what words.
#pragma once

#include <optional>

#include "core/raft/entry.h"
#include "core/state/command.h"
#include "core/state/tables.h"

namespace patronus {

// Of a command that was applied with this result, which is kOk. Nothing: it is none of an administrator's or
// user's deeds, or one of too many, such as writes of keys.
[[nodiscard]] std::optional<AuditRecord> audit_of(const Command& command, const WriteResult& result,
                                                  const Stamp& stamp);

}  // namespace patronus
