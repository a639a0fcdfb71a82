// Finds where a request's head ends, and checks the structure of its lines on the way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "io/protocol/http/limits.h"
#include "io/protocol/http/refusal.h"

namespace patronus::http {

// llhttp 8.1 lets folded lines, versions of every kind and more pass, so each line is checked here as soon as
// it is whole, and llhttp sees only heads that are. A head is never acted on in part: what is accepted, and
// why something is refused, can't depend on how the bytes were cut.
class HeadScanner {
 public:
  enum class Result : uint8_t { kMore, kDone, kRefused };

  explicit HeadScanner(const Limits& limits) : limits_(limits) {}

  void reset();

  // `data` begins with the head's first byte and has all bytes that have come since; each is looked at once
  // over all calls.
  [[nodiscard]] Result scan(std::string_view data);

  // After kDone: the size of the head with its empty line, and what the request line says, inside `data`.
  [[nodiscard]] size_t size() const { return line_begin_; }
  [[nodiscard]] std::string_view method(std::string_view data) const { return data.substr(0, method_size_); }
  [[nodiscard]] std::string_view target(std::string_view data) const {
    return data.substr(method_size_ + 1, target_size_);
  }
  [[nodiscard]] bool is_http10() const { return is_http10_; }
  // Whether nothing of the head has been looked at yet.
  [[nodiscard]] bool is_untouched() const { return scanned_ == 0; }
  [[nodiscard]] size_t header_count() const { return line_count_ - 1; }

  // After kRefused.
  [[nodiscard]] const Refusal& refusal() const { return refusal_; }
  // Whether the request line, if it was read, asks for HEAD: a refusal must then have no body either.
  [[nodiscard]] bool is_head_method() const { return is_head_method_; }

 private:
  [[nodiscard]] bool check_size(size_t line_bytes);
  [[nodiscard]] bool check_line(std::string_view line);
  [[nodiscard]] bool check_request_line(std::string_view line);
  [[nodiscard]] bool check_version(std::string_view version);
  bool refuse(Refusal refusal);

  Limits limits_;
  size_t line_begin_ = 0;
  size_t scanned_ = 0;
  size_t line_count_ = 0;  // whole lines, the request line among them
  size_t header_bytes_ = 0;
  size_t method_size_ = 0;
  size_t target_size_ = 0;
  bool is_http10_ = false;
  bool is_head_method_ = false;
  Refusal refusal_;
};

}  // namespace patronus::http
