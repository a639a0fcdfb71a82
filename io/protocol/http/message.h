// Requests and responses as the rest of the program sees them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace patronus::http {

enum class Method : uint8_t { kGet, kHead, kPut, kPost, kDelete, kPatch, kOptions, kOther };

struct Header {
  std::string name;  // lower case in a request
  std::string value;
};

struct QueryParam {
  std::string name;
  std::string value;
};

// A whole, checked request. `segments` is the path split at '/', and like `query` percent-decoded and valid
// UTF-8; a decoded segment may contain '/', never NUL. '+' in a query stands for itself (RFC 3986).
struct Request {
  Method method = Method::kGet;
  std::string method_name;
  std::string target;  // as sent
  std::vector<std::string> segments;
  std::vector<QueryParam> query;
  std::vector<Header> headers;
  std::string body;
  bool keep_alive = true;  // whether the client lets the connection live on (RFC 9112 section 9.3)

  // The value of the first header or parameter of that name, or null. It lives as long as the request.
  [[nodiscard]] const std::string* header(std::string_view lower_name) const;
  [[nodiscard]] const std::string* param(std::string_view name) const;
};

// What a handler answers. Content-Length, Connection and Date are the connection's to add: those names (and
// Transfer-Encoding) are left out when a handler gives them.
struct Response {
  int status = 200;  // 200 to 999; anything else goes out as 500
  std::vector<Header> headers;
  std::string body;
  bool close = false;  // end the connection after this answer
};

[[nodiscard]] Method method_of(std::string_view name);

// The phrase RFC 9110 section 15 gives the status, or "Unknown".
[[nodiscard]] std::string_view reason_phrase(int status);

}  // namespace patronus::http
