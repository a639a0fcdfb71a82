#include "io/protocol/http/body_reader.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "io/protocol/http/syntax.h"

namespace patronus::http {
namespace {

constexpr size_t kSizeDigitsMax = 16;

}  // namespace

void BodyReader::start(const Framing& framing) {
  left_ = framing.content_length;
  size_digits_ = trailer_bytes_ = trailer_count_ = 0;
  trailer_line_.clear();
  if (framing.is_chunked) {
    state_ = State::kSize;
    left_ = 0;
  } else {
    state_ = left_ > 0 ? State::kContent : State::kDone;
  }
}

BodyReader::Result BodyReader::read(std::string_view& data, std::string& body) {
  while (state_ != State::kDone && state_ != State::kRefused) {
    if (data.empty()) return Result::kMore;
    if (state_ == State::kContent) {
      take_content(data, body, State::kDone);
    } else if (state_ == State::kChunk) {
      take_content(data, body, State::kChunkCr);
    } else {
      const char c = data.front();
      data.remove_prefix(1);
      take_byte(c, body);
    }
  }
  return state_ == State::kDone ? Result::kDone : Result::kRefused;
}

void BodyReader::take_content(std::string_view& data, std::string& body, State next) {
  const auto size = static_cast<size_t>(std::min<uint64_t>(left_, data.size()));
  body.append(data.substr(0, size));
  data.remove_prefix(size);
  left_ -= size;
  if (left_ == 0) state_ = next;
}

void BodyReader::take_byte(char c, const std::string& body) {
  switch (state_) {
    case State::kSize:
      return take_size(c, body);
    case State::kSizeLf:
      if (c != '\n') return refuse(bad_request("the size of a chunk does not end in CR LF"));
      size_digits_ = 0;
      state_ = left_ > 0 ? State::kChunk : State::kTrailer;
      return;
    case State::kChunkCr:
      if (c != '\r') return refuse(bad_request("a chunk does not end where its size says"));
      state_ = State::kChunkLf;
      return;
    case State::kChunkLf:
      if (c != '\n') return refuse(bad_request("a chunk does not end in CR LF"));
      state_ = State::kSize;
      return;
    case State::kTrailer:
      return take_trailer(c);
    case State::kContent:
    case State::kChunk:
    case State::kDone:
    case State::kRefused:
      return;
  }
}

void BodyReader::take_size(char c, const std::string& body) {
  const int digit = hex_value(c);
  if (digit >= 0) {
    if (++size_digits_ > kSizeDigitsMax)
      return refuse(bad_request("the size of a chunk has too many digits"));
    // Sixteen digits are just what 64 bits hold.
    left_ = (size_digits_ == 1 ? 0 : left_ << 4U) | static_cast<uint64_t>(digit);
    return;
  }
  if (size_digits_ == 0) return refuse(bad_request("a chunk does not begin with its size"));
  if (c == ';') return refuse(bad_request("a chunk extension"));
  if (c != '\r') return refuse(bad_request("an invalid character in the size of a chunk"));
  if (left_ > limits_.body_bytes_max - std::min(body.size(), limits_.body_bytes_max)) {
    return refuse({413, "body_too_large",
                   "the body is larger than " + std::to_string(limits_.body_bytes_max) + " bytes"});
  }
  state_ = State::kSizeLf;
}

void BodyReader::take_trailer(char c) {
  if (++trailer_bytes_ > limits_.header_bytes_max) {
    return refuse({431, "headers_too_large",
                   "the trailers are larger than " + std::to_string(limits_.header_bytes_max) + " bytes"});
  }
  if (c != '\n') {
    trailer_line_.push_back(c);
    return;
  }
  std::string_view line = trailer_line_;
  if (!line.ends_with('\r')) return refuse(bad_request("a trailer line does not end in CR LF"));
  line.remove_suffix(1);
  if (line.empty()) {
    state_ = State::kDone;
    return;
  }
  if (++trailer_count_ > limits_.header_count_max) {
    return refuse({431, "headers_too_large",
                   "there are more than " + std::to_string(limits_.header_count_max) + " trailers"});
  }
  if (std::optional<Refusal> refusal = check_field_line(line, trailer_count_ == 1)) {
    return refuse(*std::move(refusal));
  }
  trailer_line_.clear();
}

void BodyReader::refuse(Refusal refusal) {
  refusal_ = std::move(refusal);
  state_ = State::kRefused;
}

}  // namespace patronus::http
