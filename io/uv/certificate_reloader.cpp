#include "io/uv/certificate_reloader.h"

#include <ctime>
#include <utility>

#include "core/base/assert.h"

namespace patronus::uv {

struct CertificateReloader::Looking {
  uv_work_t request{};
  std::shared_ptr<All> all;
  CertificateReloader* owner = nullptr;
};

CertificateReloader::~CertificateReloader() {
  if (looking_ == nullptr) return;
  looking_->owner = nullptr;
  uv_cancel(reinterpret_cast<uv_req_t*>(&looking_->request));
}

void CertificateReloader::add(Look look) {
  PATRONUS_ASSERT(looking_ == nullptr, "watches are added before the first look");
  all_->push_back({std::move(look), nullptr});
}

void CertificateReloader::look() {
  if (looking_ != nullptr || all_->empty()) return;
  auto* looking = new Looking;
  looking->request.data = looking;
  looking->all = all_;
  looking->owner = this;
  const int code = uv_queue_work(
      loop_, &looking->request,
      [](uv_work_t* request) {
        const int64_t now = std::time(nullptr);
        for (Watched& one : *static_cast<Looking*>(request->data)->all) one.tell = one.look(now);
      },
      [](uv_work_t* request, int) {
        const std::unique_ptr<Looking> ended(static_cast<Looking*>(request->data));
        if (ended->owner != nullptr) ended->owner->done();
      });
  if (code != 0) {
    delete looking;
    return;
  }
  looking_ = looking;
}

void CertificateReloader::done() {
  looking_ = nullptr;
  for (Watched& one : *all_) {
    if (const Tell tell = std::exchange(one.tell, nullptr)) tell();
  }
}

}  // namespace patronus::uv
