// Looks at the files of certificates, and of those that are revoked, now and then, on a thread of libuv's
// pool: the loop never waits for a disk.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "io/uv/loop.h"

namespace patronus::uv {

class CertificateReloader {
 public:
  explicit CertificateReloader(uv_loop_t* loop) : loop_(loop) {}
  // A look that is under way ends by itself and is heard of no more.
  ~CertificateReloader();
  CertificateReloader(const CertificateReloader&) = delete;
  CertificateReloader& operator=(const CertificateReloader&) = delete;

  // A watch has look(now in Unix seconds), which says what it found, if anything; on_found is told of that
  // from the loop.
  template <typename Watch, typename OnFound>
  void add(Watch watch, OnFound on_found) {
    add([watch = std::move(watch), on_found = std::move(on_found)](int64_t now) mutable -> Tell {
      auto found = watch.look(now);
      if (!found) return nullptr;
      return [found = std::move(*found), on_found] { on_found(found); };
    });
  }
  // Begins a look at all of them, unless one is under way.
  void look();

 private:
  // On the loop, of what was found.
  using Tell = std::function<void()>;
  // On the pool's thread; nothing if there is nothing to tell.
  using Look = std::function<Tell(int64_t now)>;
  struct Watched {
    Look look;
    Tell tell;
  };
  using All = std::vector<Watched>;
  struct Looking;

  void add(Look look);
  void done();

  uv_loop_t* loop_;
  std::shared_ptr<All> all_ =
      std::make_shared<All>();  // touched by the pool's thread while a look is under way
  Looking* looking_ = nullptr;
};

}  // namespace patronus::uv
