#include "core/state/state_copy.h"

#include "core/base/mutant.h"

namespace patronus {

std::optional<std::string> StateCopy::add(std::string_view key, std::string_view value, std::string& out) {
  std::optional<std::string> wrong = check_.add(key, value);
  if (wrong && !MUTANT(kGiveUnchecked)) return wrong;
  encoder_.add(key, value, out);
  return std::nullopt;
}

std::optional<std::string> StateCopy::finish(std::string& out) {
  std::optional<std::string> wrong = check_.fault(expected_hash_);
  if (wrong && !MUTANT(kGiveUnchecked)) return wrong;
  encoder_.finish(out);
  return std::nullopt;
}

}  // namespace patronus
