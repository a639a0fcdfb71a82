#include "core/base/assert.h"

#include <cstdlib>

namespace patronus {
namespace {
AssertionHandler installed_handler = nullptr;
}  // namespace

void set_assertion_handler(AssertionHandler handler) { installed_handler = handler; }

void assertion_failed(const char* expression, const char* reason, const char* file, int line) {
  if (installed_handler != nullptr) installed_handler(expression, reason, file, line);
  std::abort();
}

}  // namespace patronus
