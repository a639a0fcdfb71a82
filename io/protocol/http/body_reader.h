// Takes a request's body out of the input.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "io/protocol/http/limits.h"
#include "io/protocol/http/refusal.h"
#include "io/protocol/http/request_checks.h"

namespace patronus::http {

// Reads a body of known length, or in chunks (RFC 9112 section 7.1). Stricter than the RFC: no chunk
// extensions, at most 16 digits in a chunk's size. Trailers are checked like headers, bounded like headers,
// and dropped.
class BodyReader {
 public:
  enum class Result : uint8_t { kMore, kDone, kRefused };

  explicit BodyReader(const Limits& limits) : limits_(limits) {}

  void start(const Framing& framing);

  // Takes what belongs to the body from the front of `data` and appends the content to `body`. After kDone
  // what is left in `data` belongs to the next request.
  [[nodiscard]] Result read(std::string_view& data, std::string& body);

  // After kRefused.
  [[nodiscard]] const Refusal& refusal() const { return refusal_; }

 private:
  enum class State : uint8_t {
    kContent,
    kSize,
    kSizeLf,
    kChunk,
    kChunkCr,
    kChunkLf,
    kTrailer,
    kDone,
    kRefused
  };

  void take_content(std::string_view& data, std::string& body, State next);
  void take_byte(char c, const std::string& body);
  void take_size(char c, const std::string& body);
  void take_trailer(char c);
  void refuse(Refusal refusal);

  Limits limits_;
  State state_ = State::kDone;
  uint64_t left_ = 0;  // of the content or of the chunk; while its size is read, the size so far
  size_t size_digits_ = 0;
  size_t trailer_bytes_ = 0;
  size_t trailer_count_ = 0;
  std::string trailer_line_;
  Refusal refusal_;
};

}  // namespace patronus::http
