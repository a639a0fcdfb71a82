// libuv handles with owners. A handle lives on the heap until libuv has closed it.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>
#include <string>

namespace patronus::uv {

// The loop of the process; closed when it goes out of scope.
class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void run() { uv_run(&loop_, UV_RUN_DEFAULT); }
  void stop() { uv_stop(&loop_); }
  uv_loop_t* get() { return &loop_; }

 private:
  uv_loop_t loop_{};
};

// A handle of type T that calls back. It closes itself when its owner drops it.
template <typename T>
class Handle {
 public:
  Handle() : handle_(new Owned) { handle_->raw.data = handle_; }
  ~Handle() {
    if (handle_ == nullptr) return;
    uv_close(reinterpret_cast<uv_handle_t*>(&handle_->raw),
             [](uv_handle_t* raw) { delete static_cast<Owned*>(raw->data); });
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  T* get() { return &handle_->raw; }
  void on(std::function<void()> callback) { handle_->callback = std::move(callback); }
  static void call(T* raw) { static_cast<Owned*>(raw->data)->callback(); }

 private:
  struct Owned {
    T raw{};
    std::function<void()> callback;
  };
  Owned* handle_;
};

// What libuv says of an error code.
std::string error_name(int code);

}  // namespace patronus::uv
