// A copy of the image as an artefact, which is given away only if it is of the state that was written: who
// begins from a copy, or goes back to one, has nothing to compare it with.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/artefact.h"
#include "core/effect.h"
#include "core/state/artefact_format.h"
#include "core/state/store.h"

namespace patronus {

class StateCopy {
 public:
  // Of a state that is not empty. Appends to `out`, as an Encoder does.
  StateCopy(const CheckpointEnd& of, std::string& out)
      : encoder_(of, out), check_(of.base), expected_hash_(of.state_hash) {}

  // Rows of the image, in ascending order of their keys. Nothing, or why it is damaged; after that no more is
  // to be added.
  [[nodiscard]] std::optional<std::string> add(std::string_view key, std::string_view value,
                                               std::string& out);
  [[nodiscard]] std::optional<std::string> finish(std::string& out);
  // After finish().
  Artefact artefact() const { return encoder_.artefact(); }

 private:
  artefact::Encoder encoder_;
  StateCheck check_;
  uint64_t expected_hash_;
};

}  // namespace patronus
