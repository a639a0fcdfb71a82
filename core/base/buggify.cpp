#include "core/base/buggify.h"

#ifdef PATRONUS_MUTANTS
#include <array>

namespace patronus {
namespace {

constexpr std::array<std::string_view, kRareTurns> kTurnNames{
    "equal-timeouts",   "one-entry-append",   "proposals-full",  "log-full",      "read-round-full",
    "cut-one-entry",    "transfer-times-out", "apply-one-entry", "writes-full",   "reads-full",
    "transfers-full",   "forward-again",      "checkpoint-now",  "one-row-piece", "source-stuck",
    "part-again",       "one-restore-piece",  "one-write-batch", "peers-full",    "peer-clogged",
    "connections-full", "input-full",         "passwords-full"};
static_assert(!kTurnNames.back().empty());

}  // namespace

thread_local Rarities* rarities = nullptr;

std::string_view rare_turn_name(RareTurn turn) { return kTurnNames[static_cast<size_t>(turn)]; }

}  // namespace patronus
#endif
