// Puts answers into bytes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/time.h"
#include "io/protocol/http/message.h"

namespace patronus::http {

// The date in the form of RFC 9110 section 5.6.7, made anew only when the second changes.
class DateText {
 public:
  // Valid until the next call. Times before 1970 or after 9999 are taken as those bounds.
  [[nodiscard]] std::string_view at(WallTime wall);

 private:
  static constexpr size_t kSize = 29;  // "Sun, 06 Nov 1994 08:49:37 GMT"
  std::array<char, kSize> text_{};
  int64_t second_ = -1;
};

struct AnswerFrame {
  bool is_head = false;         // the answer to a HEAD request: no body
  bool close = false;           // the last answer on its connection
  bool say_keep_alive = false;  // to an HTTP/1.0 client the connection living on must be said
  std::optional<std::string_view> date;
};

// Appends the answer to `out` (RFC 9112 sections 4 and 6). A header whose name is no token, or that is the
// connection's own to give, is left out; control characters in a value become spaces, so that no value can
// end its line.
void append_answer(std::string& out, const Response& answer, const AnswerFrame& frame);

}  // namespace patronus::http
