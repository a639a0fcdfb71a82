// Assertions for what cannot happen. They stay on in production; input from outside must never reach one.
#pragma once

namespace patronus {

// Called with the broken expression, the reason and the place. It must not return: production prints one
// line and aborts, the simulator throws to report the seed. The default aborts.
using AssertionHandler = void (*)(const char* expression, const char* reason, const char* file, int line);

// Installs the handler of the whole process; null brings the default back.
void set_assertion_handler(AssertionHandler handler);

[[noreturn]] void assertion_failed(const char* expression, const char* reason, const char* file, int line);

}  // namespace patronus

// The second argument is a sentence fragment that says what was supposed to hold.
#define PATRONUS_ASSERT(expression, reason)             \
  (static_cast<bool>(expression) ? static_cast<void>(0) \
                                 : ::patronus::assertion_failed(#expression, reason, __FILE__, __LINE__))
