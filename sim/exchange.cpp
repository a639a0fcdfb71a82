#include "sim/exchange.h"

#include <utility>

namespace patronus::sim {

void Exchange::ask(HostId node, std::string request, Duration timeout, Done done) {
  request_ = std::move(request);
  input_.clear();
  done_ = std::move(done);
  conn_ = next_conn_++;
  events_.after(timeout, [this, conn = conn_] {
    if (conn == conn_) finish(std::nullopt);
  });
  network_.dial(id_, conn_, node, Door::kHttp);
}

void Exchange::dialled(ConnId conn) {
  if (conn == conn_) network_.write(id_, conn_, request_);
}

void Exchange::received(ConnId conn, std::string bytes) {
  if (conn != conn_) return;
  input_ += bytes;
  if (std::optional<HttpAnswer> answer = take_answer(input_)) finish(std::move(answer));
}

void Exchange::ended(ConnId conn) {
  if (conn == conn_) finish(std::nullopt);
}

void Exchange::finish(std::optional<HttpAnswer> answer) {
  network_.close(id_, conn_);
  conn_ = 0;
  if (done_) std::exchange(done_, nullptr)(std::move(answer));
}

}  // namespace patronus::sim
