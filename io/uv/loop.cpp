#include "io/uv/loop.h"

#include "core/base/assert.h"

namespace patronus::uv {

Loop::Loop() {
  const int result = uv_loop_init(&loop_);
  PATRONUS_ASSERT(result == 0, "an event loop can be made");
}

Loop::~Loop() {
  // Handles close through callbacks, so the loop turns until all of them are gone.
  uv_walk(
      &loop_,
      [](uv_handle_t* handle, void*) {
        if (uv_is_closing(handle) == 0) uv_close(handle, nullptr);
      },
      nullptr);
  uv_run(&loop_, UV_RUN_DEFAULT);
  uv_loop_close(&loop_);
}

std::string error_name(int code) { return std::string(uv_strerror(code)); }

}  // namespace patronus::uv
