// Looks at the certificates' files now and then, on a thread of libuv's pool: the loop never waits for a
// disk.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "io/tls/watch.h"
#include "io/uv/loop.h"

namespace patronus::uv {

class CertificateReloader {
 public:
  using Found = tls::CertificateWatch::Found;
  // Called from the loop with what a look at one of the watches found.
  using OnFound = std::function<void(const Found&)>;

  explicit CertificateReloader(uv_loop_t* loop) : loop_(loop) {}
  // A look that is under way ends by itself and is heard of no more.
  ~CertificateReloader();
  CertificateReloader(const CertificateReloader&) = delete;
  CertificateReloader& operator=(const CertificateReloader&) = delete;

  void add(tls::CertificateWatch watch, OnFound on_found);
  // Begins a look at all of them, unless one is under way.
  void look();

 private:
  struct Watched {
    tls::CertificateWatch watch;
    OnFound on_found;
    std::optional<Found> found;
  };
  using All = std::vector<Watched>;
  struct Looking;

  void done();

  uv_loop_t* loop_;
  std::shared_ptr<All> all_ =
      std::make_shared<All>();  // touched by the pool's thread while a look is under way
  Looking* looking_ = nullptr;
};

}  // namespace patronus::uv
