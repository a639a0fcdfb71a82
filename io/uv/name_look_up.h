// All addresses of a name, from the system's resolver (/etc/hosts, DNS, whatever nsswitch.conf says), asked
// anew each time on a thread of libuv's pool.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>

#include "io/ports.h"
#include "io/uv/loop.h"

namespace patronus::uv {

class NameLookUp {
 public:
  // `on_answer` is called from the loop, later than ask().
  NameLookUp(uv_loop_t* loop, std::function<void(NameAnswer&&)> on_answer);
  // A question that is under way ends by itself and is heard of no more.
  ~NameLookUp();
  NameLookUp(const NameLookUp&) = delete;
  NameLookUp& operator=(const NameLookUp&) = delete;

  // Not while another question is under way.
  void ask(const Address& name);
  bool is_asking() const { return asking_ != nullptr; }

 private:
  struct Asking;

  uv_loop_t* loop_;
  std::function<void(NameAnswer&&)> on_answer_;
  Asking* asking_ = nullptr;
  std::unique_ptr<Handle<uv_timer_t>> refused_;  // answers what could not even be asked
  NameAnswer refusal_;
};

}  // namespace patronus::uv
