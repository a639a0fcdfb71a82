#include "io/uv/name_look_up.h"

#include <sys/socket.h>

#include <array>
#include <memory>
#include <utility>

#include "core/base/assert.h"
#include "core/base/limits.h"

namespace patronus::uv {

struct NameLookUp::Asking {
  uv_getaddrinfo_t request{};
  NameLookUp* owner = nullptr;
  uint16_t port = 0;
};

namespace {

NameAnswer answer_of(int status, const addrinfo* found, uint16_t port) {
  NameAnswer answer;
  if (status != 0) answer.failure = uv_strerror(status);
  for (; status == 0 && found != nullptr && answer.addresses.size() < limits::kNameRecordsMax;
       found = found->ai_next) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (uv_ip_name(found->ai_addr, text.data(), text.size()) == 0)
      answer.addresses.push_back(Address{text.data(), port}.text());
  }
  return answer;
}

}  // namespace

NameLookUp::NameLookUp(uv_loop_t* loop, std::function<void(NameAnswer&&)> on_answer)
    : loop_(loop), on_answer_(std::move(on_answer)), refused_(std::make_unique<Handle<uv_timer_t>>()) {
  uv_timer_init(loop_, refused_->get());
  refused_->on([this] { on_answer_(std::exchange(refusal_, {})); });
}

NameLookUp::~NameLookUp() {
  if (asking_ == nullptr) return;
  asking_->owner = nullptr;
  uv_cancel(reinterpret_cast<uv_req_t*>(&asking_->request));
}

void NameLookUp::ask(const Address& name) {
  PATRONUS_ASSERT(asking_ == nullptr, "one look-up at a time");
  asking_ = new Asking;
  asking_->request.data = asking_;
  asking_->owner = this;
  asking_->port = name.port;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  const auto answered = [](uv_getaddrinfo_t* request, int status, addrinfo* found) {
    const std::unique_ptr<Asking> done(static_cast<Asking*>(request->data));
    NameAnswer answer = answer_of(status, found, done->port);
    uv_freeaddrinfo(found);
    if (done->owner == nullptr) return;
    done->owner->asking_ = nullptr;
    done->owner->on_answer_(std::move(answer));
  };
  const int code = uv_getaddrinfo(loop_, &asking_->request, answered, name.host.c_str(), nullptr, &hints);
  if (code == 0) return;
  // Told from the loop, as any other answer.
  delete std::exchange(asking_, nullptr);
  refusal_.failure = uv_strerror(code);
  uv_timer_start(refused_->get(), [](uv_timer_t* timer) { Handle<uv_timer_t>::call(timer); }, 0, 0);
}

}  // namespace patronus::uv
