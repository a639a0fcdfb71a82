#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace patronus::bench {

// Collects one HTTP/1.1 response. It trusts the server more than a browser would: it has only to be fast and
// to never take a broken or cut response for a good one.
class ResponseReader {
 public:
  enum class State : std::uint8_t { kMore, kComplete, kBroken };

  State feed(std::string_view bytes);
  void clear();

  int status() const { return status_; }
  bool close() const { return close_; }
  std::string_view body() const { return chunked_ ? std::string_view(decoded_) : body_; }

 private:
  bool read_head(std::size_t end);
  bool read_header(std::string_view line);
  State read_body(std::size_t start);
  State read_chunks(std::string_view rest);

  std::string in_;
  std::string decoded_;
  std::string_view body_;
  int status_ = 0;
  std::size_t length_ = 0;
  bool has_length_ = false;
  bool chunked_ = false;
  bool close_ = false;
};

}  // namespace patronus::bench
